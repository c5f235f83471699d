"""LangGraph: the graphs that `StateGraph` and its kin build, wherever their pieces are added: chains, loops, methods, helpers.

A graph is what has been said to its builder, links that only run time decides included where the code tells them: the map of a
branch, the `Literal` of its function, the `Command[Literal[...]]` of a node. `whole` is False where a name, a loop or a helper
can't be told.

Source: `langgraph.graph.state.StateGraph`, `langgraph.graph._branch.BranchSpec.from_path` of version 1.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from architect_lsp.knowledge.facts import Registration
from architect_lsp.knowledge.frameworks.builders import Made, told
from architect_lsp.knowledge.frameworks.langgraph_steps import (
    END,
    START,
    commands,
    function,
    listed,
    node_name,
    outcomes,
    own_name,
    routes,
    sent,
    step,
)
from architect_lsp.knowledge.nouns import AgentGraph, Link, Node
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.scope import Scope, Told
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.knowledge.values import Value, written


def graphs(project: Project) -> Iterator[AgentGraph]:
    """Every graph that is built in the project, in the order of its files."""
    known: dict[str, tuple[AgentGraph, ...]] = project.memo("langgraph")
    if "all" not in known:
        known["all"] = tuple(_graphs(project))
    yield from known["all"]


def _graphs(project: Project) -> Iterator[AgentGraph]:
    for made, rows in told(project, "langgraph"):
        pieces = _Pieces(made)
        for path, number, row in rows:
            _hear(project, path, number, row, pieces)
        if pieces.nodes or pieces.links:
            yield pieces.graph()


@dataclass(slots=True)
class _Pieces:
    """What was said to one builder so far."""

    made: Made
    nodes: dict[str, Node] = field(default_factory=dict)
    links: dict[Link, None] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    whole: bool = True

    def graph(self) -> AgentGraph:
        schema = self.made.value.argument(0, "state_schema") or self.made.value.keyword("schema")
        return AgentGraph(
            self.options.get("name") or self.made.name,
            self.made.at,
            tuple(self.nodes.values()),
            tuple(self.links),
            whole=self.whole,
            framework="langgraph",
            start=START,
            end=END,
            schema=schema.text if schema is not None and schema.kind == "name" else "",
            options=tuple(self.options.items()),
        )

    def link(self, source: str | None, target: str | None, label: str = "", **how: bool) -> None:
        if source is None or target is None:
            self.whole = False
        else:
            self.links[Link(source, target, label="" if label == target else label, **how)] = None

    def node(self, name: str | None, at: Ref, told: Told, goes: Value | None = None) -> None:
        """Take a node; `goes` is what `destinations=` says."""
        if name is None:
            self.whole = False
            return
        runs = function(told.scope, told.value)
        ref = Ref(runs.path, runs.facts.qualname, "def") if runs is not None else None
        self.nodes.setdefault(name, Node(name, ref, at))
        if goes is not None:
            rows = listed(told.scope, goes)
            for target, label in _destinations(goes, rows or []):
                self.link(name, target, label, conditional=True)
            self.whole = self.whole and rows is not None
            return
        said = commands(told.scope, told.value)
        if said is not None:
            for it in said:
                self.link(name, it, conditional=True)
            return
        seen, sure = sent(told.scope, told.value)
        for it in seen:
            self.link(name, it, conditional=True, declared=False)
        self.whole = self.whole and sure

    def branch(self, source: str | None, scope: Scope, path: Value | None, path_map: Value | None) -> None:
        """Take what a function decides."""
        rows = listed(scope, path_map) if path_map is not None else None
        if path_map is None:
            names = routes(scope, path)
            rows = [(it, it) for it in names] if names is not None else None
        if rows is not None:
            for label, target in rows:
                self.link(source, target, label, conditional=True)
            return
        names, sure = outcomes(scope, path)
        for it in names:
            self.link(source, it, conditional=True, declared=False)
        self.whole = self.whole and sure and path_map is None


def _destinations(goes: Value, rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """(target, label): the table of destinations has the nodes as its keys, with a label each."""
    return rows if goes.kind == "dict" else [(target, "") for _, target in rows]


def _hear(project: Project, path: str, number: int, row: Registration, pieces: _Pieces) -> None:
    turns = Scope(project, path, row.scope).turns(row.loops)
    if turns is None:
        pieces.whole = pieces.whole and row.value.last == "compile"
        return
    for scope in turns:
        _say(scope, row.value, Ref(path, "", "registration", number), pieces)


def _say(scope: Scope, call: Value, at: Ref, pieces: _Pieces) -> None:
    """Take what one call says in one turn of its loops."""
    said = call.last
    if any(it.kind == "star" for it in call.items):
        pieces.whole = False
    elif said == "add_node":
        _add_node(scope, call, at, pieces)
    elif said == "add_edge":
        first, target = call.argument(0, "start_key"), node_name(scope, call.argument(1, "end_key"))
        several = scope.items(first) if node_name(scope, first) is None else None
        for it in several or ():
            pieces.link(node_name(it.scope, it.value), target, joined=True)
        if several is None:
            pieces.link(node_name(scope, first), target)
    elif said == "add_conditional_edges":
        source = node_name(scope, call.argument(0, "source"))
        pieces.branch(source, scope, call.argument(1, "path"), call.argument(2, "path_map"))
    elif said == "set_conditional_entry_point":
        pieces.branch(START, scope, call.argument(0, "path"), call.argument(1, "path_map"))
    elif said == "set_entry_point":
        pieces.link(START, node_name(scope, call.argument(0, "key")))
    elif said == "set_finish_point":
        pieces.link(node_name(scope, call.argument(0, "key")), END)
    elif said == "add_sequence":
        _add_sequence(scope, call, at, pieces)
    elif said == "compile":
        pieces.options |= {key: scope.text(it) or written(it) for key, it in call.keywords}


def _add_node(scope: Scope, call: Value, at: Ref, pieces: _Pieces) -> None:
    first, action = call.argument(0, "node"), call.argument(1, "action")
    if first is None:
        pieces.whole = False
        return
    name = node_name(scope, first) if action is not None else None
    runs = Told(scope, action if action is not None else first)
    if action is None:
        name = own_name(scope, first)
    pieces.node(name, at, runs, call.keyword("destinations"))


def _add_sequence(scope: Scope, call: Value, at: Ref, pieces: _Pieces) -> None:
    rows = scope.items(call.argument(0, "nodes"))
    if rows is None:
        pieces.whole = False
        return
    before = ""
    for it in rows:
        name, runs = step(it)
        pieces.node(name, at, runs)
        if before and name is not None:
            pieces.link(before, name)
        before = name or ""
