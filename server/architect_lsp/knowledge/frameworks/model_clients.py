"""Plain calls of a model: the tools it is told of by a schema, and the functions that answer for them.

Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use and https://platform.openai.com/docs/guides/function-calling.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from architect_lsp.knowledge.assembly import Spot, decorated, kinds, said, schemas, variables
from architect_lsp.knowledge.frameworks.tools import function_at, once, ref_of
from architect_lsp.knowledge.nouns import Tool
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.knowledge.values import Value
from architect_lsp.patterns import regex

_DECORATOR = regex(r"anthropic\.(?:lib\.tools\.)?beta_(?:async_)?tool")
_HANDLERS = regex(
    r"(?:\w*_)?(?:handlers?|dispatch\w*|registry|functions?|funcs|tools?|tool_map|callables|implementations|map|mapping)",
    re.IGNORECASE,
)


def tools(project: Project) -> Iterator[Tool]:
    """The tools of which schemas tell a model, and the functions that anthropic's `@beta_tool` describes by themselves."""
    yield from once(project, (it for path in project.paths for it in (*_described(project, path), *_decorated(project, path))))


def _described(project: Project, path: str) -> Iterator[Tool]:
    for spot in schemas(project, path):
        inner = spot.argument(-1, "function")
        name = said(project, (inner or spot).argument(-1, "name"))
        kind = said(project, spot.argument(-1, "type")) or ""
        if name:
            yield Tool(name, _handler(project, spot, name), spot.at, "model-client", options=(("type", kind),) if kind else ())


def _handler(project: Project, spot: Spot, name: str) -> Ref | None:
    """The function that answers for a tool: what a table of handlers has under its name, or the function of that name."""
    for path in dict.fromkeys((spot.path, *_near(project, spot.path))):
        for table in _tables(project, path):
            value = table.value.keyword(name)
            found = function_at(project, table.inner(value)) if value is not None else None
            if found is not None:
                return ref_of(found)
    named = Spot(spot.path, spot.scope, Value("name", name), spot.at, spot.root)
    return ref_of(function_at(project, named)) if name.isidentifier() else None


def _near(project: Project, path: str) -> Iterator[str]:
    """The files of the project that a file imports from."""
    for _, dotted in project.imports(path):
        module, _ = project.module(path, dotted)
        if module is not None and not module.path.endswith("/"):
            yield module.path


def _tables(project: Project, path: str) -> list[Spot]:
    """The dictionaries of a file that say which function answers for which name."""
    return project.kept("tool handlers", path, _dictionaries, project, path)


def _dictionaries(project: Project, path: str) -> list[Spot]:
    names = dict.fromkeys(it.name.rpartition(".")[2] for it in project.variables(path))
    rows = (it for name in names if _HANDLERS.fullmatch(name) for it in variables(project, path, name))
    return [it for it in rows if it.value.kind == "dict"]


def _decorated(project: Project, path: str) -> Iterator[Tool]:
    for it in decorated(project, path):
        if it.spot.value.last.startswith("beta_") and any(_DECORATOR.fullmatch(name) for name in kinds(project, it.spot)):
            yield Tool(said(project, it.spot.argument(-1, "name")) or it.name, it.ref, it.spot.at, "model-client")
