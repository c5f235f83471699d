"""What a function comes to touch through any depth of calls: services outside the project, models, tasks that it sends.

Where `summaries` gives the shortest way to each kind of effect, this gives every single thing, with the shortest way to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from msgspec import Struct

from architect_lsp.knowledge.addresses import address
from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.constants import text
from architect_lsp.knowledge.effects import canonical
from architect_lsp.knowledge.facts import Call, Def
from architect_lsp.knowledge.frameworks.celery import handed
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.summaries import entered
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol, Instance, Ref
from architect_lsp.knowledge.values import Value
from architect_lsp.knowledge.webs import Key

_KINDS = {
    "http": "http",
    "llm": "llm",
    "db-read": "database",
    "db-write": "database",
    "commit": "database",
    "cache": "cache",
    "queue": "queue",
    "mail": "mail",
}
"""Kind of an effect -> kind of the service that is spoken to."""
SERVICES = tuple(dict.fromkeys(_KINDS.values()))
_FUNCTIONS = 4_000
"""Functions that one is followed through at most."""


class Touched(Struct, frozen=True, order=True):
    """Something a call touches: `kind` is a service's ("http", "llm", "database", "cache", "queue", "mail"), "model" or "task".

    `name` is a service's host, or the library that speaks to it where the host can't be told; else the qualified name of the
    model or the task in the file `path`.
    """

    kind: str
    name: str
    path: str = ""


def reached(project: Project, path: str, definition: Def) -> dict[Touched, tuple[Ref, ...]]:
    """What a function touches, each with the calls that lead to it, outermost first; the nearest come first."""
    found: dict[Touched, tuple[Ref, ...]] = {}
    for file, here, way in entered_from(project, path, definition):
        for it, number in _direct(project, file, here)[0]:
            if it not in found:
                found[it] = (*way, Ref(file, here.qualname, "call", number))
    return found


def entered_from(project: Project, path: str, definition: Def) -> Iterator[tuple[str, Def, tuple[Ref, ...]]]:
    """(file, function, calls that lead there) of a function itself and of all that it calls, the nearest first."""
    seen: set[Key] = {(path, definition.qualname)}
    todo: deque[tuple[str, Def, tuple[Ref, ...]]] = deque([(path, definition, ())])
    while todo:
        file, here, way = todo.popleft()
        yield file, here, way
        for callee, number in _direct(project, file, here)[1]:
            key = (callee.path, callee.facts.qualname)
            if key not in seen and len(seen) < _FUNCTIONS:
                seen.add(key)
                todo.append((callee.path, callee.facts, (*way, Ref(file, here.qualname, "call", number))))


def touched_by(project: Project, path: str, definition: Def) -> list[tuple[Touched, int]]:
    """What a function's own calls touch, with the number of the call."""
    return _direct(project, path, definition)[0]


def _direct(project: Project, path: str, definition: Def) -> tuple[list[tuple[Touched, int]], list[tuple[FunctionSymbol, int]]]:
    """(what its own calls touch, which functions they enter), each with the number of the call."""
    known = project.memo("reach")
    key = (path, definition.qualname)
    if key not in known or known[key][0] is not definition:
        touched: list[tuple[Touched, int]] = []
        callees: list[tuple[FunctionSymbol, int]] = []
        for number, call in enumerate(definition.calls):
            sent = handed(project, path, call.target, definition.owner)
            symbol = sent or entered(project, path, call.target, definition.owner)
            if sent is not None:
                touched.append((Touched("task", sent.facts.qualname, sent.path), number))
            elif isinstance(symbol, FunctionSymbol):
                callees.append((symbol, number))
            elif isinstance(symbol, External):
                touched += ((it, number) for it in _services(project, path, definition, call, symbol.name))
            touched += ((it, number) for it in _models(project, path, definition, call))
        known[key] = definition, touched, callees
    _, touched, callees = known[key]
    return touched, callees


def _services(project: Project, path: str, definition: Def, call: Call, name: str) -> Iterator[Touched]:
    kinds = {_KINDS[it] for it in project.table.kinds(name) if it in _KINDS}
    for kind in sorted(kinds):
        host = _host(project, path, definition, call) if kind in ("http", "llm") else ""
        yield Touched(kind, host or canonical(name).partition(".")[0])


def _host(project: Project, path: str, definition: Def, call: Call) -> str:
    if not call.about or call.about.startswith("/"):
        return ""
    url = call.about if "://" in call.about else text(project, path, Value("name", call.about), definition.owner) or ""
    return address(url).partition("://")[2]


def _models(project: Project, path: str, definition: Def, call: Call) -> Iterator[Touched]:
    models = _model_names(project)
    words = call.target.replace("()", "").split(".")
    heads = [".".join(words[: at + 1]) for at, it in enumerate(words) if it[:1].isupper()][:1]
    for name in (*heads, *([call.about] if call.about and "://" not in call.about else ())):
        if name.rpartition(".")[2] not in models:
            continue
        symbol = project.resolve(path, name, definition.owner)
        if isinstance(symbol, ClassSymbol | Instance) and (symbol.path, symbol.facts.qualname) in models[name.rpartition(".")[2]]:
            yield Touched("model", symbol.facts.qualname, symbol.path)


def _model_names(project: Project) -> dict[str, set[Key]]:
    """Last name of a model -> the models that bear it: asked before a name is resolved."""
    return project.of_all("reach: models", _names_of_models)


def _names_of_models(project: Project) -> dict[str, set[Key]]:
    found: dict[str, set[Key]] = {}
    for it in catalogue(project).models:
        found.setdefault(it.ref.qualname.rpartition(".")[2], set()).add((it.ref.path, it.ref.qualname))
    return found
