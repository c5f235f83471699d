"""Which functions run once, while nobody is served: what starts and ends an application, and what only that calls."""

from __future__ import annotations

import ast
import re

from architect_lsp.knowledge.facts import Def, Facts
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.summaries import callers
from architect_lsp.knowledge.symbols import FunctionSymbol, Ref
from architect_lsp.patterns import regex

_NAMES = regex(
    r"lifespan|startup|start_up|shut_?down|teardown|before_serving|before_server_start|cleanup_ctx|on_cleanup", re.IGNORECASE
)
_STEPS = 4
"""How many calls below a start a function is looked for."""
_COMMANDED = ("click", "typer", "asyncclick", "rich_click")
"""Packages of commands of a terminal."""
_KEEPS = ("staticmethod", "classmethod", "asynccontextmanager", "contextmanager", "override", "final")

Key = tuple[str, str]


def runs_once(project: Project, path: str, qualname: str) -> bool:
    """Whether a function starts or ends an application, by its name or a decorator, or is called by such functions alone."""
    definition = project.definition(path, qualname)
    return definition is not None and (_says(definition) or (path, qualname) in project.of_all("runs once", _below))


def _says(definition: Def) -> bool:
    names = [definition.qualname.rpartition(".")[2]]
    for it in definition.decorators:
        names += [it.target, *(given.text for given in it.value.items)]
    return any(_NAMES.search(it) for it in names)


def _seeds(facts: Facts) -> tuple[Def, ...]:
    return tuple(it for it in facts.defs if _says(it))


def _below(project: Project) -> frozenset[Key]:
    """The functions that nobody calls but what starts or ends the application."""
    found: set[Key] = set()
    layer = [(path, it) for path in project.paths for it in project.of_file(path, _seeds)]
    once = {(path, it.qualname) for path, it in layer}
    for _ in range(_STEPS):
        below: dict[Key, FunctionSymbol] = {}
        for path, definition in layer:
            for call in definition.calls:
                symbol = None if call.in_loop else project.resolve(path, call.target, definition.owner)
                if isinstance(symbol, FunctionSymbol) and all(it.target in _KEEPS for it in symbol.facts.decorators):
                    below[symbol.path, symbol.facts.qualname] = symbol
        fresh = {key: it for key, it in below.items() if key not in once and _is_called_by(project, key, once)}
        found |= fresh.keys()
        once |= fresh.keys()
        layer = [(path, it.facts) for (path, _), it in fresh.items()]
    return frozenset(found)


def _is_called_by(project: Project, key: Key, once: set[Key]) -> bool:
    """Whether all calls of a function stand in these, or in what a person runs by hand."""
    calling = callers(project, *key)
    return bool(calling) and all((it.path, it.qualname) in once or _is_by_hand(project, it) for it in calling)


def _is_by_hand(project: Project, ref: Ref) -> bool:
    """Whether a function stands in a script, or in a file of commands of click's or typer's."""
    if is_script(ref.path):
        return True
    return project.uses(ref.path, *_COMMANDED) and project.of_file(ref.path, _has_commands)


def _has_commands(facts: Facts) -> bool:
    return any(it.target.endswith("command") for definition in facts.defs for it in definition.decorators)


def is_alone(project: Project, path: str, function: ast.AsyncFunctionDef) -> bool:
    """Whether a coroutine has an event loop for itself: a job of RQ's, a command of a terminal, a fixture of a test."""
    names = [dotted(it.func if isinstance(it, ast.Call) else it) for it in function.decorator_list]
    last = {it.rpartition(".")[2] for it in names}
    if last & {"job", "fixture"} or any(it.startswith(("click.", "typer.", "asyncclick.")) for it in names):
        return True
    return "command" in last and project.uses(path, *_COMMANDED)
