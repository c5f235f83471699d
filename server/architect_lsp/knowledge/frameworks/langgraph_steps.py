"""What LangGraph is told of one step: how a node is called, which function runs, and where that says it may go next.

Source: `StateGraph.add_node` and `BranchSpec.from_path` of LangGraph 1.2, which read return annotations.
"""

from __future__ import annotations

from collections.abc import Iterator

from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.lineage import dotted
from architect_lsp.knowledge.scope import Scope, Told
from architect_lsp.knowledge.symbols import ClassSymbol, FunctionSymbol, Instance
from architect_lsp.knowledge.values import Value, quoted

START = "__start__"
END = "__end__"
_ENDS = {"langgraph.graph.START": START, "langgraph.graph.END": END, "langgraph.constants.START": START}
_ENDS |= {"langgraph.constants.END": END, "langgraph.graph.graph.END": END, "langgraph.graph.graph.START": START}
_WRAPPERS = ("partial", "RunnableLambda", "RunnableCallable", "wraps", "traceable")
_NAMED = ("create_react_agent", "create_agent", "compile", "ToolNode", "create_deep_agent", "with_config")
_DEPTH = 6
_CALLS = 60
"""Calls of a step that are looked into."""


def node_name(scope: Scope, value: Value | None) -> str | None:
    """The name of a node that a value says: a string, one of the two ends, a member of an enumeration; None if unknown."""
    if value is None:
        return None
    if value.kind == "name":
        end = _ENDS.get(dotted(scope.symbol(value.text)))
        if end is not None:
            return end
    if value.kind == "call" and value.last == "Send":
        return node_name(scope, value.argument(0, "node"))
    found = scope.text(value)
    if found is None and value.kind == "name":
        told = scope.meant(value)
        if told is not None and told.value.kind == "name" and told.value is not value:
            return _ENDS.get(dotted(told.scope.symbol(told.value.text)))
    return found


def own_name(scope: Scope, value: Value, depth: int = _DEPTH) -> str | None:
    """The name that a node takes from what it runs, None when that can't be told."""
    if depth <= 0:
        return None
    if value.kind == "call":
        if value.last in _NAMED:
            given = value.keyword("name")
            if given is not None:
                return scope.text(given)
            return {"ToolNode": "tools", "with_config": None}.get(value.last, "LangGraph")
        if value.last in _WRAPPERS[1:3] and value.items:
            return own_name(scope, value.items[0], depth - 1)
        symbol = scope.symbol(value.text)
        return symbol.facts.qualname.rpartition(".")[2] if isinstance(symbol, ClassSymbol) else None
    if value.kind != "name":
        return None
    symbol = scope.symbol(value.text)
    if isinstance(symbol, FunctionSymbol | Instance | ClassSymbol):
        return symbol.facts.qualname.rpartition(".")[2]
    found = scope.value(value.text)
    if found is not None:
        return own_name(found.scope, found.value, depth - 1)
    name = dotted(symbol)
    return name.rpartition(".")[2] if name and "(" not in name and not name.startswith(("builtins.", "?")) else None


def function(scope: Scope, value: Value | None, depth: int = _DEPTH) -> FunctionSymbol | None:
    """The project's function that a value runs when it is called, through `partial` and objects with `__call__`."""
    if value is None or depth <= 0:
        return None
    if value.kind == "call":
        if value.last in _WRAPPERS:
            return function(scope, value.argument(0, "func"), depth - 1)
        made = scope.symbol(value.text)
        symbol = scope.project.resolve(made.path, f"{made.facts.qualname}.__call__") if isinstance(made, ClassSymbol) else None
        return symbol if isinstance(symbol, FunctionSymbol) else None
    if value.kind != "name":
        return None
    symbol = scope.symbol(value.text)
    if isinstance(symbol, Instance):
        symbol = scope.project.resolve(symbol.path, f"{symbol.facts.qualname}.__call__")
    if isinstance(symbol, FunctionSymbol):
        return symbol
    found = scope.value(value.text)
    return function(found.scope, found.value, depth - 1) if found is not None else None


def literals(scope: Scope, value: Value | None, depth: int = _DEPTH) -> list[str] | None:
    """The members of `Literal["a", END]`, or of a name for one; None for anything else."""
    told = scope.meant(quoted(value.text)) if value is not None and value.kind == "text" else scope.meant(value)
    if told is None or told.value.kind != "index" or depth <= 0 or told.value.last != "Literal":
        return None
    names: list[str] = []
    for it in told.value.items:
        name = node_name(told.scope, it)
        if name is None:
            return None
        names.append(name)
    return names


def _said(symbol: FunctionSymbol) -> Value | None:
    """The return annotation of a function as a value."""
    given = symbol.facts.gives
    if given is not None:
        return quoted(given.text) if given.kind == "text" else given
    returns = symbol.facts.returns.removesuffix("()")
    return Value("name", returns) if returns and "(" not in returns else None


def inside(symbol: FunctionSymbol, scope: Scope) -> Scope:
    """The scope of a function's own body."""
    return Scope(scope.project, symbol.path, symbol.facts.qualname)


def routes(scope: Scope, value: Value | None) -> list[str] | None:
    """The targets that the `Literal` of a branch's function names, None where it has none."""
    symbol = function(scope, value)
    return annotated(scope, symbol) if symbol is not None else None


def commands(scope: Scope, value: Value | None) -> list[str] | None:
    """The targets of the `Command[Literal[...]]` that a node says it returns, None where it says nothing of the kind."""
    symbol = function(scope, value)
    said = _said(symbol) if symbol is not None else None
    if symbol is None or said is None:
        return None
    around = Scope(scope.project, symbol.path, symbol.facts.qualname.rpartition(".")[0])
    told = around.meant(said)
    if told is None:
        return None
    for it in told.value.items if told.value.kind == "joined" or told.value.last in ("Union", "Optional") else (told.value,):
        if it.kind == "index" and it.last == "Command" and it.items:
            return literals(told.scope, it.items[0])
    return None


def outcomes(scope: Scope, value: Value | None) -> tuple[list[str], bool]:
    """The nodes that a branch's function is seen to return, and whether these are all."""
    symbol = function(scope, value)
    if symbol is not None:
        return _nodes(inside(symbol, scope), symbol.facts)
    if value is not None and value.kind == "lambda":
        return _told(scope, list(value.items))
    return [], False


def sent(scope: Scope, value: Value | None) -> tuple[list[str], bool]:
    """The nodes that a node's own `Command(goto=...)` names, and whether these are all; ([], True) for one without any."""
    symbol = function(scope, value)
    if symbol is None:
        return [], True
    names: dict[str, None] = {}
    all_told = True
    for it in (symbol, *_helpers(scope, symbol)):
        rows = [row for row in _outcomes(it.facts) if row.kind == "call" and row.last == "Command" and not row.keyword("graph")]
        found, sure = _told(inside(it, scope), [goto for row in rows if (goto := row.keyword("goto")) is not None])
        names |= dict.fromkeys(found)
        all_told = all_told and sure
    return list(names), all_told


def _helpers(scope: Scope, symbol: FunctionSymbol) -> Iterator[FunctionSymbol]:
    """The project's functions that a step calls, which may make its command for it."""
    for it in symbol.facts.calls[:_CALLS]:
        found = scope.project.resolve(symbol.path, it.target, symbol.facts.owner)
        if isinstance(found, FunctionSymbol) and found != symbol:
            yield found


def _nodes(scope: Scope, facts: Def) -> tuple[list[str], bool]:
    found = _outcomes(facts)
    return _told(scope, list(found)) if found else ([], False)


def _outcomes(facts: Def) -> tuple[Value, ...]:
    return facts.step.outcomes if facts.step is not None else ()


def _told(scope: Scope, values: list[Value]) -> tuple[list[str], bool]:
    names: dict[str, None] = {}
    sure = True
    for it in (leaf for row in values for leaf in _leaves(row)):
        name = node_name(scope, it)
        if name is None:
            sure = False
        else:
            names[name] = None
    return list(names), sure


def _leaves(value: Value) -> Iterator[Value]:
    if value.kind in ("either", "list", "star", "each"):
        for it in value.items:
            yield from _leaves(it)
    else:
        yield value


def listed(scope: Scope, value: Value | None) -> list[tuple[str, str]] | None:
    """(label, target) of a branch's map, a table or a list of names; None when it can't be told. Labels may be ""."""
    told = scope.meant(value)
    if told is None:
        return None
    rows: list[tuple[str, str]] = []
    if told.value.kind == "dict":
        for key, it in told.value.keywords:
            name = node_name(told.scope, it)
            if name is None:
                return None
            label = told.scope.text(Value("name", key)) or node_name(told.scope, Value("name", key)) or key
            rows.append(("" if key == "?" else label, name))
        return rows
    items = scope.items(value)
    for each in items if items is not None else ():
        name = node_name(each.scope, each.value)
        if name is None:
            return None
        rows.append((name, name))
    return rows if items is not None else None


def step(told: Told) -> tuple[str | None, Told]:
    """(name, what runs) of one entry of `add_sequence`: `("plan", plan)` or `plan`."""
    value = told.value
    if value.kind == "list" and len(value.items) == 2:
        return node_name(told.scope, value.items[0]), Told(told.scope, value.items[1])
    return own_name(told.scope, value), told


def annotated(scope: Scope, symbol: FunctionSymbol) -> list[str] | None:
    """The members of the `Literal` that a function says it returns, None where it says none."""
    return literals(Scope(scope.project, symbol.path, symbol.facts.qualname.rpartition(".")[0]), _said(symbol))
