"""LangGraph: the graphs that `StateGraph` and its kin build, wherever their pieces are added: chains, loops, methods, helpers.

A graph is what has been said to its builder, links that only run time decides included where the code tells them: the map of a
branch, the `Literal` of its function, the `Command[Literal[...]]` of a node. `whole` is False where a name, a loop or a helper
can't be told.

Source: `langgraph.graph.state.StateGraph`, `langgraph.graph._branch.BranchSpec.from_path` of version 1.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from architect_lsp.knowledge.facts import Facts, Registration
from architect_lsp.knowledge.frameworks.builders import Made, told
from architect_lsp.knowledge.frameworks.langchain import handoffs
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
from architect_lsp.knowledge.lineage import dotted
from architect_lsp.knowledge.nouns import AgentGraph, Branch, Link, Node
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.scope import Scope, Told
from architect_lsp.knowledge.symbols import ClassSymbol, Ref
from architect_lsp.knowledge.values import Value, written


def graphs(project: Project) -> Iterator[AgentGraph]:
    """Every graph that is built in the project, in the order of its files."""
    for made, rows in told(project, "langgraph"):
        pieces = _Pieces(made)
        for path, number, row in rows:
            _hear(project, path, number, row, pieces)
        if pieces.nodes or pieces.links:
            _hand_over(project, pieces)
            yield pieces.graph(project)


@dataclass(slots=True)
class _Pieces:
    """What was said to one builder so far. `opaque` tells of nodes that run no function of the project;
    `optional` is what is heard now."""

    made: Made
    nodes: dict[str, Node] = field(default_factory=dict)
    links: dict[Link, None] = field(default_factory=dict)
    branches: list[Branch] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    compiled: Ref | None = None
    whole: bool = True
    opaque: bool = False
    optional: bool = False

    def graph(self, project: Project) -> AgentGraph:
        schema = self.made.value.argument(0, "state_schema") or self.made.value.keyword("schema")
        named = schema is not None and schema.kind == "name"
        kind = Scope(project, self.made.at.path, self.made.scope).symbol(schema.text) if named and schema is not None else None
        return AgentGraph(
            self.options.get("name") or self.made.name,
            self.made.at,
            tuple(self.nodes.values()),
            tuple(self.links),
            whole=self.whole,
            framework="langgraph",
            start=START,
            end=END,
            schema=Ref(kind.path, kind.facts.qualname, "class") if isinstance(kind, ClassSymbol) else None,
            options=tuple(self.options.items()),
            compiled=self.compiled,
            branches=tuple(self.branches),
        )

    def link(self, source: str | None, target: str | None, at: Ref, label: str = "", **how: Any) -> None:
        if source is None or target is None:
            self.whole = False
        else:
            label = "" if label == target else label
            self.links.setdefault(replace(Link(source, target, label=label, at=at, optional=self.optional), **how))

    def node(self, name: str | None, at: Ref, told: Told, goes: Value | None = None, *, deferred: bool = False) -> None:
        """Take a node; `goes` is what `destinations=` says."""
        if name is None:
            self.whole = False
            return
        runs = function(told.scope, told.value)
        ref = Ref(runs.path, runs.facts.qualname, "def") if runs is not None else None
        self.opaque = self.opaque or (runs is None and told.value.kind != "lambda")
        self.nodes.setdefault(name, Node(name, ref, at, deferred))
        if goes is not None:
            rows = listed(told.scope, goes)
            for target, label in _destinations(goes, rows or []):
                self.link(name, target, at, label, conditional=True)
            self.whole = self.whole and rows is not None
            return
        said = commands(told.scope, told.value)
        if said is not None:
            for it in said:
                self.link(name, it, at, conditional=True)
            return
        seen, sure = sent(told.scope, told.value)
        for it in seen:
            self.link(name, it, at, conditional=True, declared=False)
        self.whole = self.whole and sure

    def branch(self, source: str | None, scope: Scope, at: Ref, path: Value | None, path_map: Value | None) -> None:
        """Take what a function decides."""
        rows = listed(scope, path_map) if path_map is not None else None
        if path_map is None:
            names = routes(scope, path)
            rows = [(it, it) for it in names] if names is not None else None
        decides = function(scope, path)
        by = Ref(decides.path, decides.facts.qualname, "def") if decides is not None else None
        labels = None if rows is None or path_map is None else tuple(label for label, _ in rows)
        if source is not None:
            name = dotted(scope.symbol(path.text)) if path is not None and path.kind == "name" else ""
            self.branches.append(Branch(source, at, by, labels, "" if by is not None else name))
        if rows is not None:
            for label, target in rows:
                self.link(source, target, at, label, conditional=True)
            return
        names, sure = outcomes(scope, path)
        for it in names:
            self.link(source, it, at, conditional=True, declared=False)
        self.whole = self.whole and sure and path_map is None


def _hand_over(project: Project, pieces: _Pieces) -> None:
    """Take the hand-offs of tools and agents inside nodes: commands to the parent graph, made anywhere in the project."""
    names, sure = project.of_all("langgraph parent commands", _commands)
    for source in [*pieces.nodes] if names else ():
        for name in sorted((names & pieces.nodes.keys()) - {source}):
            pieces.link(source, name, pieces.nodes[source].at, conditional=True, declared=False)
    pieces.whole = pieces.whole and (sure or not pieces.opaque)


def _commands(project: Project) -> tuple[frozenset[str], bool]:
    """The nodes of a parent graph that tools and agents hand over to, and whether all of them can be told."""
    targets = {it.target for it in handoffs(project)}
    sure = True
    for path in project.paths:
        for qualname, row in project.of_file(path, _to_parents):
            name = node_name(Scope(project, path, qualname), row.keyword("goto"))
            sure = sure and name is not None
            targets |= {name} if name is not None else set()
    return frozenset(targets), sure


def _to_parents(facts: Facts) -> tuple[tuple[str, Value], ...]:
    """(function, `Command` it gives) of the commands to a parent graph in a file."""
    rows = ((it.qualname, row) for it in facts.defs if it.step is not None for row in it.step.outcomes)
    return tuple(it for it in rows if it[1].kind == "call" and it[1].last == "Command" and it[1].keyword("graph"))


def _destinations(goes: Value, rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """(target, label): the table of destinations has the nodes as its keys, with a label each."""
    return rows if goes.kind == "dict" else [(target, "") for _, target in rows]


def _hear(project: Project, path: str, number: int, row: Registration, pieces: _Pieces) -> None:
    turns = Scope(project, path, row.scope).turns(row.loops)
    if turns is None:
        pieces.whole = pieces.whole and row.value.last == "compile"
        return
    pieces.optional = row.optional
    for scope in turns:
        _say(scope, row.value, Ref(path, row.scope, "registration", number), pieces)


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
            pieces.link(node_name(it.scope, it.value), target, at, joined=True)
        if several is None:
            pieces.link(node_name(scope, first), target, at)
    elif said == "add_conditional_edges":
        source = node_name(scope, call.argument(0, "source"))
        pieces.branch(source, scope, at, call.argument(1, "path"), call.argument(2, "path_map"))
    elif said == "set_conditional_entry_point":
        pieces.branch(START, scope, at, call.argument(0, "path"), call.argument(1, "path_map"))
    elif said == "set_entry_point":
        pieces.link(START, node_name(scope, call.argument(0, "key")), at)
    elif said == "set_finish_point":
        pieces.link(node_name(scope, call.argument(0, "key")), END, at)
    elif said == "add_sequence":
        _add_sequence(scope, call, at, pieces)
    elif said == "compile":
        pieces.options |= {key: scope.text(it) or written(it) for key, it in call.keywords}
        pieces.compiled = pieces.compiled or at


def _add_node(scope: Scope, call: Value, at: Ref, pieces: _Pieces) -> None:
    first, action = call.argument(0, "node"), call.argument(1, "action")
    if first is None:
        pieces.whole = False
        return
    name = node_name(scope, first) if action is not None else None
    runs = Told(scope, action if action is not None else first)
    if action is None:
        name = own_name(scope, first)
    defer = call.keyword("defer")
    deferred = defer is not None and defer.text != "False"
    pieces.node(name, at, runs, call.keyword("destinations"), deferred=deferred)


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
            pieces.link(before, name, at)
        before = name or ""
