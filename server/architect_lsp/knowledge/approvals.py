"""Tools that a person is asked about before they run, as the place that registers them says, not their own code."""

from __future__ import annotations

from collections.abc import Iterator

from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.values import Value

_ALL = "*"
_PAUSES = ("interrupt_before", "interrupt_after")
_CONFIRMS = ("require_confirmation", "needs_approval", "requires_approval", "requires_confirmation", "approval_mode")
_NEVER = ("False", "None", "never_require")


def is_asked_first(project: Project, name: str) -> bool:
    """Whether somebody is asked before a tool of this name runs: by it alone, or by a graph that stops before its tools."""
    return not project.of_all("tools asked about", _asked).isdisjoint((name, _ALL))


def _asked(project: Project) -> frozenset[str]:
    return frozenset(it for path in project.paths for it in project.of_file(path, _told))


def _told(facts: Facts) -> tuple[str, ...]:
    rows = [it.value for it in facts.variables if it.value is not None] + [it.value for it in facts.registrations]
    return tuple(dict.fromkeys(name for row in rows for it in row.each() if it.kind == "call" for name in _of_call(it)))


def _of_call(call: Value) -> Iterator[str]:
    for key, it in call.keywords:
        if key in _PAUSES and (it.items or it.kind == "name"):
            yield _ALL
        elif key == "interrupt_on" and it.kind == "dict":
            yield from (name for name, row in it.keywords if row.text != "False")
        elif key in _CONFIRMS and it.text not in _NEVER and call.items:
            yield call.items[0].last
