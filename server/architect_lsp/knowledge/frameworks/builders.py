"""Who is spoken to: the builder of a graph behind `builder`, `self.graph`, a parameter, an import, or a chain of calls."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from architect_lsp.knowledge.facts import Facts, Registration, Variable
from architect_lsp.knowledge.lineage import dotted, lineage
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.scope import Scope
from architect_lsp.knowledge.symbols import ClassSymbol, FunctionSymbol, Instance, Ref
from architect_lsp.knowledge.values import Value
from architect_lsp.patterns import regex

_BUILDERS = {
    "langgraph": regex(r"langgraph\.(?:graph\.)?(?:[\w.]+\.)?(?:State|Message)?Graph"),
    "autogen": regex(r"autogen_agentchat\.(?:[\w.]+\.)?DiGraphBuilder"),
}
TELLS = frozenset(
    (
        *("add_node", "add_edge", "add_conditional_edges", "add_sequence", "set_entry_point", "set_finish_point"),
        *("set_conditional_entry_point", "compile", "build"),
    )
)
"""What is said to a builder."""
_DEPTH = 8
"""How many names and functions a builder may be followed through."""

Builder = tuple[str, int, int]
"""Where a builder is made: file, line and column of the file."""


class Made(Struct, frozen=True):
    """A builder, by the place where it is made; `scope` is the function that makes it, `name` what holds it first."""

    builder: Builder
    at: Ref
    scope: str
    name: str
    value: Value
    framework: str


def speaks(project: Project, path: str) -> bool:
    """Whether a file says anything to a builder or makes one."""
    return project.of_file(path, _speaks)


def _speaks(facts: Facts) -> bool:
    found = any(it.value.last in TELLS or "Graph" in root(it.value).text for it in facts.registrations)
    return found or any(it.value is not None and "Graph" in root(it.value).text for it in facts.variables)


def root(value: Value) -> Value:
    """The first call of a chain: `StateGraph(State)` of `StateGraph(State).add_node(...).compile()`."""
    while value.of is not None:
        value = value.of
    return value


def made(project: Project, path: str) -> Iterator[Made]:
    """Every builder that a file makes, in the order of its variables and registrations; some come twice."""
    for it in project.variables(path):
        framework = _makes(project, path, it.value) if it.value is not None else ""
        if it.value is not None and framework:
            at = Ref(path, it.name, "value", -1, 0)
            scope, _, name = it.name.rpartition(".")
            place = project.place(at)
            yield Made((path, place.line, place.column), at, scope, name, root(it.value), framework)
    for number, row in enumerate(project.registrations(path)):
        framework = _makes(project, path, row.value) if row.calls else ""
        if framework:
            at = Ref(path, row.scope, "registration", number, 0)
            place = project.place(at)
            name = row.scope.rpartition(".")[2] or "graph"
            yield Made((path, place.line, place.column), at, row.scope, name, root(row.value), framework)


def _makes(project: Project, path: str, value: Value) -> str:
    """The framework whose builder a chain of calls begins with, "" for none."""
    first = root(value)
    if first.kind != "call" or "Graph" not in first.text:
        return ""
    name = dotted(project.resolve(path, first.text))
    return next((framework for framework, it in _BUILDERS.items() if it.fullmatch(name)), "")


def told(project: Project, framework: str) -> Iterator[tuple[Made, list[tuple[str, int, Registration]]]]:
    """Every builder of a framework with all that is said to it: (file, number of the registration in it, registration)."""
    paths = [it for it in project.paths if speaks(project, it)]
    receivers = Receivers(project, paths)
    said: dict[Builder, list[tuple[str, int, Registration]]] = {it: [] for it in receivers.made}
    for path in paths:
        for number, row in enumerate(project.registrations(path)):
            if row.value.last in TELLS:
                for it in receivers.of(path, number, row):
                    said[it.builder].append((path, number, row))
    for rows in said.values():
        rows.sort(key=lambda it: _order(project, *it[:2]))
    yield from ((it, said[builder]) for builder, it in receivers.made.items() if it.framework == framework)


def _order(project: Project, path: str, number: int) -> tuple[str, int, int]:
    place = project.place(Ref(path, "", "registration", number))
    return path, place.line, place.column


class Receivers:
    """Finds the builders that registrations speak to, in one project as it is now."""

    def __init__(self, project: Project, paths: list[str]) -> None:
        self.project = project
        self.made: dict[Builder, Made] = {}
        for path in paths:
            for it in made(project, path):
                self.made.setdefault(it.builder, it)
        self._paths = paths
        self._variables: dict[str, dict[str, list[Variable]]] = {}
        self._handed: dict[tuple[str, str], list[tuple[str, Registration]]] | None = None

    def of(self, path: str, number: int, row: Registration) -> list[Made]:
        """The builders that a registration speaks to."""
        if _makes(self.project, path, row.value):
            place = self.project.place(Ref(path, "", "registration", number, 0))
            found = self.made.get((path, place.line, place.column))
            return [found] if found is not None else []
        name = root(row.value).text.rpartition(".")[0]
        scope = Scope(self.project, path, row.scope)
        return list(dict.fromkeys(self._named(scope, name, row.place.line, _DEPTH))) if name else []

    def _named(self, scope: Scope, name: str, line: int, depth: int) -> Iterator[Made]:
        if depth <= 0:
            return
        head, _, last = name.rpartition(".")
        if head:
            yield from self._attribute(scope, head, last, depth)
            return
        for index, it in enumerate(scope.around()):
            rows = self._of(scope.path).get(f"{it}.{name}" if it else name, [])
            if rows and not (it and self.project.class_(scope.path, it) is not None):
                before = [row for row in rows if row.place.line <= line] if index == 0 else rows
                yield from self._held(Scope(self.project, scope.path, it), (before or rows)[-1], name, depth)
                return
            definition = self.project.definition(scope.path, it) if it else None
            names = [parameter for parameter, _ in definition.parameters] if definition is not None else []
            if name in names and definition is not None:
                yield from self._given(scope.path, it, names.index(name) - bool(definition.owner), name, depth)
                return
        found = self.project.name(scope.path, name)
        if isinstance(found, str):
            module, rest = self.project.module(scope.path, found)
            if module is not None and len(rest) == 1 and not module.path.endswith("/"):
                yield from self._named(Scope(self.project, module.path, ""), rest[0], 1 << 30, depth - 1)

    def _attribute(self, scope: Scope, head: str, last: str, depth: int) -> Iterator[Made]:
        """The builders behind `self.builder`, `workflow.builder` and `module.builder`."""
        kind = self.project.class_(scope.path, scope.owner) if head in ("self", "cls") else None
        symbol = Instance(scope.path, kind) if kind is not None else scope.symbol(head)
        if isinstance(symbol, Instance):
            for it in lineage(self.project, ClassSymbol(symbol.path, symbol.facts)):
                rows = self._of(it.path).get(f"{it.facts.qualname}.{last}", []) if isinstance(it, ClassSymbol) else []
                if isinstance(it, ClassSymbol) and rows:
                    for row in rows:
                        yield from self._held(Scope(self.project, it.path, it.facts.qualname), row, "", depth)
                    return
        elif symbol is not None and not isinstance(symbol, FunctionSymbol | ClassSymbol):
            found = self.project.name(scope.path, head)
            module, rest = self.project.module(scope.path, found) if isinstance(found, str) else (None, ("",))
            if module is not None and not rest:
                yield from self._named(Scope(self.project, module.path, ""), last, 1 << 30, depth - 1)

    def _held(self, scope: Scope, row: Variable, name: str, depth: int) -> Iterator[Made]:
        """The builders that a variable holds."""
        if row.value is None or row.value.kind == "name":
            target = row.target if row.value is None else row.value.text
            if target and target != name and "(" not in target:
                yield from self._named(scope, target, row.place.line, depth - 1)
            return
        if _makes(self.project, scope.path, row.value):
            place = self.project.place(Ref(scope.path, row.name, "value", -1, 0))
            found = self.made.get((scope.path, place.line, place.column))
            if found is None:  # a name that is set anew later: its place is the later one's
                found = next((it for it in self.made.values() if it.at.qualname == row.name and it.at.path == scope.path), None)
            if found is not None:
                yield found
            return
        first = root(row.value)
        held, _, method = first.text.rpartition(".")
        if method in TELLS and held and held != name:
            yield from self._named(scope, held, row.place.line, depth - 1)
            return
        symbol = scope.symbol(first.text)
        if isinstance(symbol, FunctionSymbol):
            inside = [it for it in self.made.values() if (it.builder[0], it.scope) == (symbol.path, symbol.facts.qualname)]
            if len(inside) == 1:
                yield inside[0]

    def _given(self, path: str, qualname: str, index: int, name: str, depth: int) -> Iterator[Made]:
        """The builders that callers hand to a function's parameter."""
        if self._handed is None:
            self._handed = {}
            for file in self._paths:
                for row in self.project.registrations(file):
                    if row.value.last not in TELLS and row.value.of is None:
                        symbol = Scope(self.project, file, row.scope).symbol(row.value.text)
                        if isinstance(symbol, FunctionSymbol):
                            self._handed.setdefault((symbol.path, symbol.facts.qualname), []).append((file, row))
        for file, row in self._handed.get((path, qualname), ()):
            given = row.value.argument(index, name)
            if given is not None and given.kind == "name":
                yield from self._named(Scope(self.project, file, row.scope), given.text, row.place.line, depth - 1)

    def _of(self, path: str) -> dict[str, list[Variable]]:
        if path not in self._variables:
            rows: dict[str, list[Variable]] = {}
            for it in self.project.variables(path):
                rows.setdefault(it.name, []).append(it)
            self._variables[path] = rows
        return self._variables[path]
