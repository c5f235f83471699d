"""Who may decide a value: origins joined across the project's functions, and which of them a request or a model fills.

`origins` follows a value through the project's own helpers as far as their facts say what they hand on.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from architect_lsp.knowledge.definitions import arguments
from architect_lsp.knowledge.effects import canonical
from architect_lsp.knowledge.facts import HTTP_METHODS, Def
from architect_lsp.knowledge.flows import Origin, is_own, pieces
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Function, Reading, dotted
from architect_lsp.knowledge.summaries import effects
from architect_lsp.knowledge.symbols import External, FunctionSymbol, Ref

_HELPERS = 3
"""How many of the project's functions a value is followed back through."""

_OF_REQUEST = (
    r"\.(?:args|form|values|json|get_json|data|cookies|headers|files|get_data|query_string|view_args|GET|POST|COOKIES|META|FILES"
    r"|body|query_params|path_params|query|match_info|rel_url|stream|params|url|path|full_path|text|read|get_argument|post"
    r"|arguments|get_full_path|matchdict|json_body|environ|input_stream|base_url|user_agent|referrer|authorization)\b"
)
_REQUEST = re.compile(
    rf"^(?:(?:flask|quart|sanic|bottle|django|starlette|fastapi|pyramid|webob|werkzeug)\.(?:\w+\.)*)?(?:self\.)?_?(?:request|req|flask_request)(?:\(\))?{_OF_REQUEST}"
)
_TYPED_INPUT = re.compile(
    r"^(?:builtins\.)?(?:input|raw_input)(?:\(\))?$|^sys\.(?:argv|stdin)\b|^(?:self\.)?get_(?:query_|body_)?arguments?(?:\(\))?$"
)
_MODEL_CALL = re.compile(
    r"(?:^|\.)(?:chat\.completions|completions|messages|responses|beta\.messages|models)\.(?:create|acreate|parse|generate_content|complete)\(\)"
    r"|(?:^|\.)(?:ChatCompletion|Completion)\.a?create\(\)"
    r"|(?:^|[._])(?:llm|chat_?model|language_model|chat_llm|gpt|claude|anthropic|openai\w*|model_client|llm_client|chain|agent_executor)"
    r"\.(?:a?invoke|a?predict|a?generate|a?complete|a?chat|a?call|create|ask|prompt|generate_content|chat_completion|apredict_messages|run|arun)?\(\)"
    r"|(?:^|\.)generate_content(?:_async)?\(\)|(?:^|\.)a?completion\(\)(?=$|\.(?:choices|content))"
)
_TOOL_INPUT = re.compile(
    r"(?:\.function\.arguments|(?:^|[._])tool_(?:call|use)s?(?:\(\))?(?:\.\w+)*\.(?:input|args|arguments|get)|(?:^|\.)block\.input)\b"
    r"|^tool_(?:input|args|arguments|params|kwargs)\b"
)
_TOOLS = ("tool", "function_tool", "kernel_function", "ai_function", "tool_plain", "beta_tool", "beta_async_tool", "llm_tool")
_INJECTED = ("Depends", "Security", "Inject", "Provide", "FromDishka")
_ROUTE_MODULES = re.compile(
    r"^(?:route|api_view|action|login_required|csrf_exempt|require_\w+|http_method|rpc_method|expose|endpoint)$"
)


def origins(project: Project, path: str, reading: Reading, node: ast.expr) -> tuple[Origin, ...]:
    """Where a value comes from, in order; names outside the project are canonical and keep `()` only after what they give."""
    return tuple(it for it in parts(project, path, reading, node) if isinstance(it, Origin))


def parts(project: Project, path: str, reading: Reading, node: ast.expr) -> tuple[str | Origin, ...]:
    """A value taken apart as `flows.pieces` does, calls of the project's functions opened where their facts allow."""
    return tuple(_opened(project, path, reading, pieces(reading, node), _HELPERS))


def _opened(project: Project, path: str, reading: Reading, found: tuple[str | Origin, ...], depth: int) -> Iterator[str | Origin]:
    for it in found:
        if isinstance(it, str) or it.kind not in ("call", "name"):
            yield it
            continue
        call = _innermost_call(reading, it.node)
        symbol = None
        if it.kind == "call" and call is not None:
            target = reading.target(call.func)
            symbol = project.resolve(path, target, reading.owner(call)) if target else None
        if isinstance(symbol, FunctionSymbol) and call is not None:
            given = project.resolve(path, it.name, reading.owner(it.node))  # what the project's function gives may be known
            known = isinstance(given, External) and not given.name.startswith("?")
            yield Origin(it.kind, given.name, it.node) if known and isinstance(given, External) else it
            if depth > 0:
                for argument in passed(call, symbol.facts, symbol.facts.passes):
                    for inner in _opened(project, path, reading, pieces(reading, argument), depth - 1):
                        if isinstance(inner, Origin) and inner.name.endswith("request"):
                            inner = replace(inner, name=f"{inner.name}.data")
                        yield inner
            continue
        head = it.name.partition("()")[0]
        outside = project.resolve(path, head, reading.owner(it.node)) if head else None
        if isinstance(outside, External) and not outside.name.startswith("?"):
            yield Origin(it.kind, outside.name + it.name[len(head) :], it.node)
        else:
            yield it


def passed(call: ast.Call, definition: Def, names: tuple[str, ...]) -> Iterator[ast.expr]:
    """The arguments of a call that are the callee's parameters `names`."""
    parameters = [name for name, _ in definition.parameters]
    if definition.owner and parameters[:1] in (["self"], ["cls"]):
        parameters = parameters[1:]
    for index, argument in enumerate(call.args):
        if index < len(parameters) and parameters[index] in names:
            yield argument
    yield from (it.value for it in call.keywords if it.arg in names)


def sinks(project: Project, path: str, definition: Def, depth: int = _HELPERS) -> Iterator[tuple[str, str, tuple[Ref, ...]]]:
    """(parameter, dotted name of the library call whose first argument it becomes, the calls that lead there)."""
    for parameter, index in definition.sinks:
        call = definition.calls[index]
        symbol = project.resolve(path, call.target, definition.owner)
        step = Ref(path, definition.qualname, "call", index)
        if isinstance(symbol, External):
            yield parameter, canonical(symbol.name), (step,)
        elif isinstance(symbol, FunctionSymbol) and depth > 0:
            names = [name for name, _ in symbol.facts.parameters if name not in ("self", "cls")]
            for inner, name, steps in sinks(project, symbol.path, symbol.facts, depth - 1):
                if names[:1] == [inner]:
                    yield parameter, name, (step, *steps)
        elif symbol is None:
            yield parameter, call.target.replace("()", ""), (step,)


def may_reach_sink(project: Project, call: ast.Call) -> bool:
    """Whether a function of the project with the call's last name hands a parameter to a sink: asked before resolving it."""
    known: dict[str, frozenset[str]] = project.memo("sink names")
    if "names" not in known:
        found = (it.qualname.rpartition(".")[2] for path in project.paths for it in project.facts(path).defs if it.sinks)
        known["names"] = frozenset(found)
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    return name in known["names"]


def is_request(reading: Reading, origin: Origin) -> bool:
    """Whether a request (or a person at a terminal) fills the value."""
    name = origin.name
    if _TYPED_INPUT.search(name) or _REQUEST.match(name):
        return True
    return origin.kind == "parameter" and is_of_handler(reading, origin)


def is_of_handler(reading: Reading, origin: Origin) -> bool:
    """Whether the parameter is one that a framework fills from the request's path, query or body."""
    name = origin.name.partition(".")[0]
    if not is_own(origin):
        return False
    function = _owner_of(reading, origin.node, name)
    if function is None or not is_handler(reading, function):
        return False
    if name in ("request", "req", "self", "cls", "db", "session", "conn", "cursor", "response", "background_tasks"):
        return False
    return not is_injected(function, name)


def is_injected(function: Function, name: str) -> bool:
    """Whether a parameter is filled by the framework's dependencies, not by the request."""
    positional = [*function.args.posonlyargs, *function.args.args]
    rows = list(zip(positional[len(positional) - len(function.args.defaults) :], function.args.defaults, strict=True))
    rows += [(it, default) for it, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if default]
    defaults = {argument.arg: default for argument, default in rows}
    argument = next((it for it in arguments(function) if it.arg == name), None)
    for node in (defaults.get(name), argument.annotation if argument else None):
        for it in ast.walk(node) if node is not None else ():
            if isinstance(it, ast.Call) and dotted(it.func).rpartition(".")[2] in _INJECTED:
                return True
    said = ast.unparse(argument.annotation) if argument is not None and argument.annotation is not None else ""
    return bool(
        re.search(r"Session|Connection|Cursor|Engine|Request|Response|Dep\b|Service|Repository|Client|BackgroundTasks", said)
    )


def is_handler(reading: Reading, function: Function) -> bool:
    """Whether a framework calls the function with parts of a request: a route, a view, a lambda handler."""
    for it in function.decorator_list:
        if (
            isinstance(it, ast.Call)
            and isinstance(it.func, ast.Attribute)
            and it.func.attr in HTTP_METHODS
            and (it.args or it.keywords)
        ):
            return True
        if _ROUTE_MODULES.match(dotted(it.func if isinstance(it, ast.Call) else it).rpartition(".")[2]):
            return True
    first = next((it.arg for it in arguments(function) if it.arg not in ("self", "cls")), "")
    if first == "request" and not reading.owner(function):
        return True
    return first == "request" and function.name in ("get", "post", "put", "patch", "delete", "dispatch")


def is_model_output(project: Project, path: str, reading: Reading, origin: Origin) -> bool:
    """Whether a model wrote the value: text of its answer, the input of a tool call, an argument of a function it calls."""
    if origin.kind == "checked":
        return False
    if origin.kind == "parameter":
        function = _owner_of(reading, origin.node, origin.name.partition(".")[0])
        if function is not None and is_tool(function) and is_own(origin):
            return True
    if _MODEL_CALL.search(origin.name) or _TOOL_INPUT.search(origin.name):
        return True
    if origin.kind != "call":
        return False
    head, _, rest = origin.name.partition("()")
    while head:
        if "llm" in project.table.kinds(head):
            return True
        name, found, rest = rest.partition("()")
        head = head + name if found else ""
    call = _innermost_call(reading, origin.node)
    target = reading.target(call.func) if call is not None else ""
    symbol = project.resolve(path, target, reading.owner(origin.node)) if target else None
    return isinstance(symbol, FunctionSymbol) and "llm" in effects(project, symbol.path, symbol.facts)


def is_tool(function: Function) -> bool:
    """Whether a model chooses the function's arguments."""
    return any(dotted(it.func if isinstance(it, ast.Call) else it).rpartition(".")[2] in _TOOLS for it in function.decorator_list)


def is_model_call(project: Project, path: str, reading: Reading, call: ast.Call, steps: int = 2) -> bool:
    """Whether a call asks a language model, at once or through at most `steps` of the project's functions."""
    target = reading.target(call.func)
    if not target:
        return False
    symbol = project.resolve(path, target, reading.owner(call))
    if isinstance(symbol, FunctionSymbol):
        effect = effects(project, symbol.path, symbol.facts).get("llm")
        return effect is not None and len(effect.path) <= steps
    if isinstance(symbol, External) and "llm" in project.table.kinds(symbol.name):
        return True
    return bool(_MODEL_CALL.search(f"{dotted(call.func) or target}()"))


def _owner_of(reading: Reading, node: ast.AST, name: str) -> Function | None:
    function = reading.function(node)
    while function is not None:
        if any(it.arg == name for it in arguments(function)):
            return function if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else None
        function = reading.function(function)
    return None


def _innermost_call(reading: Reading, node: ast.AST) -> ast.Call | None:
    """The first call on the way from a root name to the value."""
    below = node
    for up in reading.ancestors(node):
        if isinstance(up, ast.Call) and up.func is below:
            return up
        if not (isinstance(up, ast.Attribute | ast.Subscript) and up.value is below):
            return None
        below = up
    return None
