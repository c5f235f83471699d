"""What a program puts together: the names that hold things, and the calls that tell a framework what belongs to what."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.annotations import annotation, kind
from architect_lsp.knowledge.facts import HTTP_METHODS, Registration, Variable
from architect_lsp.knowledge.reading import Reading, dotted, keyword, plain
from architect_lsp.knowledge.values import Places, Value, value_and_places, value_of
from architect_lsp.model import Place
from architect_lsp.patterns import regex

_REGISTERS = frozenset(
    (
        # routes
        *("include_router", "register_blueprint", "add_api_route", "add_route", "add_url_rule", "add_websocket_route"),
        *("mount", "host", "add_api_websocket_route", "register", "include", "add_resource", "add_namespace", "route"),
        *("add_middleware", "init_app", "add_view", "before_request", "middleware", "exception_handler", "add_event_handler"),
        # what grows a list of them
        *("extend", "append", "insert"),
        # agents and their graphs
        *("add_node", "add_edge", "add_conditional_edges", "add_sequence", "set_entry_point", "set_finish_point"),
        *("set_conditional_entry_point", "add_nodes", "add_edges", "add_handoffs", "register_function", "add_tool"),
        *("add_tools", "bind_tools", "as_tool", "handoff", "tool", "register_for_llm", "register_for_execution"),
        *("tool_plain", "add_function", "compile", "as_agent", "initiate_chat", "initiate_chats"),
        # tasks and the rest
        *(
            "add_periodic_task",
            "register_task",
            "add_job",
            "autodiscover_tasks",
            "task",
            "actor",
            "config_from_object",
            "set_field",
            "bind",
            "Index",
        ),
    )
)
"""Last names of the calls that tell a framework what belongs to what."""
_HOLDERS = regex(
    r"\w*(app|api|application|router|fastapi|flask|starlette|litestar|quart|sanic|blueprint|bp|graph|agent|crew|task|team|chat|swarm"
    r"|supervisor|celery|huey|broker|mcp|server|schema|workflow|pipeline|toolset|route|mount|mutationtype|querytype|objecttype|namespace"
    r"|tool|agent_?definition|agent_?options|code_?options|clone"
    r"|client|(?:async_?)?(?:azure_?)?openai|(?:async_?)?anthropic\w*)s?",
    re.IGNORECASE,
)
"""Last names of the calls whose result a framework is told about, in a function too."""
_MADE = regex(
    r"(?:[A-Z]\w*)?(?:Agent|AgentDefinition|AgentOptions|CodeOptions|Tool|Toolset|Crew|MCPServer|FastMCP|ReAct|CodeAct)"
    r"|GenerateContentConfig|from_defaults|from_function"
)
"""Last names of the calls that make a part of an agent program: they count wherever they stand."""
_PARTS = regex(r"(?:\w+_)?(?:tools|handoffs|agents|members|participants)|\w*TOOLS|\w*AGENTS")
"""Names of the lists of parts that an agent is given."""
_GROWS = ("extend", "append", "insert")
_BUILDS = regex(r"\badd_(?:node|edge|sequence|conditional_edges)\(")
"""What a function says that builds a graph: all its variables count, since they may be names, tables and steps of it."""
_RUNS = ("run", "run_sync", "run_streamed", "run_stream", "iter")
_LIMITS = ("max_turns", "usage_limits")
"""What calls that run an agent are told of its limits."""
_INVOKES = ("invoke", "ainvoke", "stream", "astream", "astream_events", "batch", "abatch", "with_config")
_INVOKED = regex(r"(\w+_)?(app|graph|agent|workflow|chain|swarm|supervisor|team|crew|compiled)", re.IGNORECASE)
"""Calls that run a graph with a configuration of its own, and names of what is run."""
_ASKS = ("create", "acreate", "stream", "parse", "completion", "acompletion", "tool_runner", "responses", "aresponses")
"""Calls of a model that may list the tools it is given."""
_HELD = regex(r"(\w+_)?(app|application|api|router|bp|blueprint|server|graph|builder|workflow|mcp)", re.IGNORECASE)
"""Names of what is handed to a function that registers things with it."""
_ALIASES = ("Annotated", "Optional", "Union")
"""What stands for another class where its alias is used."""
_INTERESTING = (ast.Call, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.BinOp, ast.JoinedStr, ast.Constant, ast.Subscript)


def telling(reading: Reading, node: ast.expr | None) -> Value | None:
    """What is assigned, where it says more than its target; None for a plain name and what can't be told."""
    return value_of(reading, node) if isinstance(node, _INTERESTING) else None


def variables(reading: Reading) -> Iterator[Variable]:
    """The module's names, and those in functions, or set on `self` there, that hold what frameworks are told about."""
    at_top = reading.unit.kind == "module"
    builds = bool(_BUILDS.search(reading.unit.text))
    nodes: list[ast.Assign | ast.AnnAssign] = [*reading.each(ast.Assign), *reading.each(ast.AnnAssign)]
    for node in nodes:
        function = reading.function(node)
        if function is None and (not at_top or isinstance(reading.parent(node), ast.ClassDef)):
            continue
        value = node.value
        if function is not None and not (is_holder(value) or _is_parts(node) or _is_held(node) or builds or _is_piped(node)):
            continue
        optional = any(isinstance(it, ast.If | ast.Try | ast.match_case) for it in reading.ancestors(node))
        if optional and not isinstance(value, ast.Call | ast.List):
            continue  # `except ImportError: json = None` says less than the import
        prefix = f"{reading.qualname(function)}." if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else ""
        if isinstance(node, ast.AnnAssign) and not isinstance(value, ast.Call):
            alias = dotted(node.annotation).rpartition(".")[2] == "TypeAlias"
            target = annotation(value) if alias else kind(node.annotation)
        elif isinstance(value, ast.Subscript) and dotted(value.value).rpartition(".")[2] in _ALIASES:
            target = annotation(value)
        else:
            target = reading.target(value) if value is not None else ""
        told, calls = value_and_places(reading, value) if isinstance(value, _INTERESTING) else (None, ())
        if isinstance(value, ast.Name) and _is_held(node):
            told = value_of(reading, value)
        if told is None and not target:
            continue
        for it in node.targets if isinstance(node, ast.Assign) else [node.target]:
            held = dotted(it)
            if isinstance(it, ast.Attribute) and ".conf." in held and function is None and told is not None:
                yield Variable(held, target, reading.place(node), told, optional)  # what configures Celery
            elif isinstance(it, ast.Name):
                yield Variable(prefix + it.id, target, reading.place(node), told, optional, calls)
            elif function is not None and held.startswith("self.") and held.count(".") == 1 and reading.owner(node):
                yield Variable(f"{reading.owner(node)}.{held[5:]}", target, reading.place(node), told, True, calls)


def is_holder(node: ast.expr | None) -> bool:
    """Whether a function's variable may be an application, a router, an agent or the like."""
    while isinstance(node, ast.Call):
        function = plain(node.func)
        name = dotted(function).rpartition(".")[2]
        if name and _HOLDERS.fullmatch(name):
            return True
        if name or not isinstance(function, ast.Attribute):
            return False
        node = function.value
    return False


def _is_piped(node: ast.Assign | ast.AnnAssign) -> bool:
    """`self.writer = prompt | model`: what a class keeps of pipelines."""
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    value = node.value
    return isinstance(target, ast.Attribute) and isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr)


def _is_held(node: ast.Assign | ast.AnnAssign) -> bool:
    """Whether an object keeps the application or router it is given: `self.app = app`."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return (
        isinstance(node.value, ast.Name)
        and bool(_HELD.fullmatch(node.value.id))
        and all(isinstance(it, ast.Attribute) and dotted(it.value) == "self" for it in targets)
    )


def _is_parts(node: ast.Assign | ast.AnnAssign) -> bool:
    """Whether a list of the parts of an agent program gets its name: `tools = [search, *more]`."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return isinstance(node.value, ast.List | ast.Tuple | ast.Dict | ast.BinOp) and any(
        isinstance(it, ast.Name) and _PARTS.fullmatch(it.id) for it in targets
    )


def registrations(reading: Reading) -> Iterator[Registration]:
    """The calls that tell a framework something; `x += [...]`, and what the parts of an agent are set to, read as `x.extend`."""
    for call in reading.each(ast.Call):
        function = plain(call.func)
        name = function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
        if isinstance(function, ast.Call):  # `router.get("/")(handler)`
            if not isinstance(function.func, ast.Attribute) or function.func.attr not in HTTP_METHODS or not call.args:
                continue
        elif name in _REGISTERS:
            if name == "compile" and (isinstance(call.func, ast.Name) or dotted(call.func) in ("re.compile", "regex.compile")):
                continue
            if name in _GROWS and reading.function(call) is not None and not _holds_call(call) and not _grows_parts(call):
                continue
        elif not (
            any(_HELD.fullmatch(dotted(it).rpartition(".")[2]) for it in (*call.args, *(row.value for row in call.keywords)))
            or (_HOLDERS.fullmatch(name) and isinstance(reading.parent(call), ast.Return | ast.Expr | ast.keyword))
            or (_MADE.fullmatch(name) and not _is_kept(reading, call))
            or (name in _RUNS and any(it.arg in _LIMITS for it in call.keywords))
            or (name in _INVOKES and _INVOKED.fullmatch(dotted(function).rpartition(".")[0].rpartition(".")[2]))
            or (name in _ASKS and isinstance(keyword(call, "tools"), ast.List))
        ):
            continue
        yield _registration(reading, call, *value_and_places(reading, call))
    for node in reading.each(ast.AugAssign):
        held = dotted(node.target)
        at_top = reading.function(node) is None and reading.unit.kind == "module"
        if held and isinstance(node.op, ast.Add) and (at_top or _PARTS.fullmatch(held.rpartition(".")[2])):
            yield _growth(reading, node, held, node.value)
    for it in reading.each(ast.Assign):
        for target in it.targets:
            if isinstance(target, ast.Attribute) and _PARTS.fullmatch(target.attr) and isinstance(it.value, ast.List):
                held = dotted(target)
                if held and not held.startswith("self."):
                    yield _growth(reading, it, held, it.value)


def _growth(reading: Reading, node: ast.AugAssign | ast.Assign, held: str, added: ast.expr) -> Registration:
    said, calls = value_and_places(reading, added)
    place = reading.place(node)
    return _registration(reading, node, Value("call", f"{held}.extend", (said,)), ((place.line, place.column), *calls))


def _grows_parts(call: ast.Call) -> bool:
    held = call.func.value if isinstance(call.func, ast.Attribute) else call
    return bool(_PARTS.fullmatch(dotted(held).rpartition(".")[2]))


def _is_kept(reading: Reading, call: ast.Call) -> bool:
    """Whether a call is part of a variable or of a registration, which tells more than the call alone."""
    for up in reading.ancestors(call):
        if isinstance(up, ast.Call):
            name = dotted(plain(up.func)).rpartition(".")[2]
            if name in _REGISTERS or _MADE.fullmatch(name):
                return True
        elif isinstance(up, ast.Assign | ast.AnnAssign):
            targets = up.targets if isinstance(up, ast.Assign) else [up.target]
            if isinstance(reading.parent(up), ast.ClassDef):
                return False
            named = any(isinstance(it, ast.Name) or dotted(it).startswith("self.") for it in targets)
            return named and (reading.function(up) is None or is_holder(up.value) or _is_parts(up))
        elif isinstance(up, ast.stmt):
            return False
    return False


def _holds_call(call: ast.Call) -> bool:
    return any(isinstance(each, ast.Call) for it in call.args for each in ast.walk(it))


def _registration(reading: Reading, node: ast.Call | ast.AugAssign | ast.Assign, value: Value, calls: Places) -> Registration:
    loops: list[tuple[str, Value]] = []
    scope, optional = "", False
    for up in reading.ancestors(node):
        if isinstance(up, ast.For):
            loops.append((ast.unparse(up.target), value_of(reading, up.iter)))
        elif isinstance(up, ast.If | ast.Try | ast.match_case):
            optional = True
        elif isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            scope = reading.qualname(up)
            break
    else:
        scope = reading.unit.scope
    place = reading.place(node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
        name = reading.place(node.func)  # of a chain, its own call alone
        place = Place("", name.end_line, name.end_column - len(node.func.attr), place.end_line, place.end_column)
    return Registration(value, scope, place, tuple(loops), optional, calls)
