"""Who may decide a value: origins joined across the project's functions, and which of them a request or a model fills.

`origins` follows a value through the project's own helpers as far as their facts say what they hand on.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from architect_lsp.knowledge.catalogue import tool_functions
from architect_lsp.knowledge.definitions import arguments, owner_of
from architect_lsp.knowledge.facts import SENT, Def
from architect_lsp.knowledge.filled import filled, of_name
from architect_lsp.knowledge.flow_facts import INSIDE, giving_calls, innermost_call, placed
from architect_lsp.knowledge.flows import pieces
from architect_lsp.knowledge.harmless import cleaned
from architect_lsp.knowledge.narrowed import is_typed
from architect_lsp.knowledge.origins import Origin, is_own
from architect_lsp.knowledge.pipelines import is_of_step, is_pipelined
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Function, Reading, constant, dotted
from architect_lsp.knowledge.request_handlers import LAMBDAS, TOOLS, is_of_handler
from architect_lsp.knowledge.streams import gives, passes, slot_parameter
from architect_lsp.knowledge.summaries import effects
from architect_lsp.knowledge.symbols import External, FunctionSymbol, module_name
from architect_lsp.knowledge.threats import ALL, words
from architect_lsp.patterns import regex

_HELPERS = 6
"""How many of the project's functions a value is followed back through."""
_REQUEST = regex(
    r"^(?:(?:flask|quart|sanic|bottle|django|starlette|fastapi|pyramid|webob|werkzeug)\.(?:\w+\.)*)?"
    r"(?:(?:self(?:\.context)?|[\w.]*(?:[vV]iew|generic|Handler|Resource|API)[\w.]*\(\)|[\w.]*\(\)\.context)\.)?_?"
    rf"(?:{'|'.join(words('objects'))})(?:\(\))?\.(?:{'|'.join(words('parts'))})\b"
)
_OTHER_REQUESTS = tuple(words("request"))
_TERMINAL = regex(rf"^(?:{'|'.join(re.escape(it) for it in words('terminal'))})(?:\b|(?<=\)))")
_WIRE = regex(
    r"^(?:socket\.(?:socket|create_server)\(\)(?:\.accept\(\))?|socketserver\.\w+\(\)\.request|websockets?\.(?:\w+\.)*\w+\(\)"
    r"|(?:fastapi|starlette)\.(?:websockets\.)?WebSocket\(\)|\w+(?=\.(?:receive|iter)_))\.(?:recv|recvfrom|receive_(?:text|bytes|json)|iter_(?:text|bytes|json))\(\)"
)
"""What came over a connection."""
_GETTERS = regex(r"^(?:self\.|tornado\.web\.RequestHandler\(\)\.)?get_(?:query_|body_|secure_)?(?:arguments?|cookie)\b")
"""Tornado's ways to ask for a part of a request."""
_MODEL_CALL = regex(
    r"(?:^|\.)(?:chat\.completions|completions|messages|responses|beta\.messages|models)\.(?:create|acreate|parse|generate_content|complete)\(\)"
    r"|(?:^|\.)(?:ChatCompletion|Completion)\.a?create\(\)"
    r"|(?:^|[._])(?:llm|chat_?model|language_model|chat_llm|gpt|claude|anthropic|openai\w*|model_client|llm_client|chain|agent_executor)"
    r"\.(?:a?invoke|a?predict|a?generate|a?complete|a?chat|a?call|create|ask|prompt|generate_content|chat_completion|apredict_messages|run|arun)?\(\)"
    r"|(?:^|\.)generate_content(?:_async)?\(\)|(?:^|\.)a?completion\(\)(?=$|\.(?:choices|content))"
)
_TOOL_INPUT = regex(
    r"(?:\.function\.arguments|(?:^|[._])tool_(?:call|use)s?(?:\(\))?(?:\.\w+)*\.(?:input|args|arguments|get)|(?:^|\.)block\.input)\b"
    r"|^tool_(?:input|args|arguments|params|kwargs)\b"
)
_TEMPLATE = regex(r"\w+://.*\{")
"""The address of an MCP server's resource, with a part that who asks fills in."""
_VIEWS = ("django", "pyramid", "sanic", "aiohttp.web", "tornado.web")
"""Frameworks whose handlers are given a request first."""


def origins(project: Project, path: str, reading: Reading, node: ast.expr, against: str = "") -> tuple[Origin, ...]:
    """Where a value comes from, in order; names outside the project are canonical and keep `()` only after what they give."""
    return tuple(it for it in parts(project, path, reading, node, against) if isinstance(it, Origin))


def parts(
    project: Project, path: str, reading: Reading, node: ast.expr, against: str = "", fields: str = "", key: str = ""
) -> tuple[str | Origin, ...]:
    """A value taken apart as `flows.pieces` does, calls of the project's functions opened where their flows allow.

    `fields` and `key` are the part of it that counts, as there.

    `against` is the kind of sink it is for: what was made harmless for that comes as "checked"; without it, what was made
    harmless for anything does.
    """
    found = _opened(project, path, reading, _pieces(reading, node, fields, key), _HELPERS, {})
    return tuple(_judged(project, path, it, against) if isinstance(it, Origin) and it.through else it for it in found)


def _pieces(reading: Reading, node: ast.expr, fields: str = "", key: str = "") -> tuple[str | Origin, ...]:
    known: dict[object, tuple[str | Origin, ...]] = reading.memo.setdefault("pieces", {})
    asked = (node, fields, key)
    if asked not in known:
        known[asked] = tuple(placed(pieces(reading, node, fields, key)))
    return known[asked]


def _judged(project: Project, path: str, origin: Origin, against: str) -> Origin:
    if not against:
        is_clean = any(bool(cleaned(project, path, it)) if it.startswith(SENT) else it != INSIDE for it in origin.through)
        return replace(origin, kind="checked") if is_clean else origin
    if any({ALL, against} & cleaned(project, path, it) for it in origin.through):
        return replace(origin, kind="checked")
    return origin


def _opened(
    project: Project,
    path: str,
    reading: Reading,
    found: tuple[str | Origin, ...],
    depth: int,
    seen: dict[tuple[ast.Call, int, tuple[str, ...]], int],
) -> Iterator[str | Origin]:
    """The parts with calls opened, `depth` of them in each other; one that was opened as deep before adds nothing (`seen`)."""
    for it in found:
        harmless = filled(project, path, reading, it) if isinstance(it, Origin) and it.kind != "checked" else None
        if harmless is not None and isinstance(it, Origin):
            yield _as_sent(it, harmless)
            continue
        if isinstance(it, str) or it.kind not in ("call", "name"):
            if isinstance(it, Origin) and it.kind == "parameter" and "." in it.name and is_typed(project, path, reading, it):
                yield replace(it, kind="checked")
            else:
                yield it
            continue
        call, symbol = _giver(project, path, reading, it) if it.kind == "call" else (None, None)
        if symbol is not None and call is not None:
            if seen.get((call, it.part, it.through), -1) >= depth:
                yield it
                continue
            seen[call, it.part, it.through] = depth
            yield from _given(project, path, reading, it, symbol, call, depth, seen)
            continue
        head = it.name.partition("()")[0]
        outside = project.resolve(path, head, reading.owner(it.node)) if head else None
        if not isinstance(outside, External) or outside.name.startswith("?"):
            yield it
        elif call is not None and project.threats.is_sanitiser(outside.name) and depth > 0:
            for argument in (*call.args, *(word.value for word in call.keywords)):
                for inner in _opened(project, path, reading, _pieces(reading, argument), depth - 1, seen):
                    yield replace(inner, through=(*inner.through, outside.name)) if isinstance(inner, Origin) else inner
        else:
            yield replace(it, name=outside.name + it.name[len(head) :])


def _giver(project: Project, path: str, reading: Reading, origin: Origin) -> tuple[ast.Call | None, FunctionSymbol | None]:
    """The call that gives a value, and the project's function it calls; of several on the way the last that is the project's."""
    last: ast.Call | None = None
    for call in giving_calls(reading, origin):
        last = last or call
        target = reading.target(call.func)
        symbol = project.resolve(path, target, reading.owner(call)) if target else None
        if isinstance(symbol, FunctionSymbol):
            return call, symbol
    return last, None


def _given(
    project: Project,
    path: str,
    reading: Reading,
    origin: Origin,
    symbol: FunctionSymbol,
    call: ast.Call,
    depth: int,
    seen: dict[tuple[ast.Call, int, tuple[str, ...]], int],
) -> Iterator[Origin | str]:
    """What a call of the project's function gives: what it is known to be, what it was given, what it took from outside."""
    if project.threats.is_source(module_name(symbol)):
        yield replace(origin, name=f"{module_name(symbol)}()")
        return
    own = project.threats.cleans(module_name(symbol)) if project.threats.is_sanitiser(module_name(symbol)) else frozenset[str]()
    given = project.resolve(path, origin.name, reading.owner(origin.node))
    known = isinstance(given, External) and not given.name.startswith(("?", "builtins."))
    yield replace(origin, name=given.name) if known and isinstance(given, External) else origin
    if depth <= 0 or ALL in own:
        return
    for name, clean in gives(project, symbol.path, symbol.facts).items():
        harmless = of_name(project, symbol.path, symbol.facts.owner, name)
        given_by = replace(origin, name=name, through=(*origin.through, *_as_kinds(clean | own)))
        yield given_by if harmless is None else _as_sent(given_by, harmless)
    through = passes(project, symbol.path, symbol.facts, origin.part if call is origin.call else -1)
    for parameter, argument in passed(call, symbol.facts, through):
        for inner in _opened(project, path, reading, _pieces(reading, argument), depth - 1, seen):
            if isinstance(inner, Origin):
                yield replace(inner, through=(*inner.through, *origin.through, *_as_kinds(through[parameter] | own)))


def _as_sent(origin: Origin, harmless: frozenset[str]) -> Origin:
    """A value that a client fills, harmless for these kinds of sink."""
    if ALL in harmless:
        return replace(origin, kind="checked")
    return replace(origin, is_sent=True, through=(*origin.through, *_as_kinds(harmless)))


_OF_PLACE = frozenset(("redirect", "url"))
"""What a value is harmless for by standing behind other text alone."""


def _as_kinds(clean: frozenset[str]) -> tuple[str, ...]:
    return (INSIDE,) if clean == _OF_PLACE else tuple(f"kind:{it}" for it in sorted(clean))


def passed(call: ast.Call, definition: Def, names: Iterable[str]) -> Iterator[tuple[str, ast.expr]]:
    """The arguments of a call that are the callee's parameters `names`, each with its parameter."""
    wanted = set(names)
    for index, argument in enumerate(call.args):
        if isinstance(argument, ast.Starred):
            yield from ((it, argument.value) for it in sorted(wanted))
            return
        parameter = slot_parameter(definition, str(index))
        if parameter in wanted:
            yield parameter, argument
    for it in call.keywords:
        parameter = slot_parameter(definition, it.arg) if it.arg else ""
        if parameter in wanted:
            yield parameter, it.value


def is_terminal(origin: Origin) -> bool:
    """Whether a person at a terminal fills the value."""
    return bool(_TERMINAL.match(origin.name))


def is_request(project: Project, reading: Reading, origin: Origin) -> bool:
    """Whether a request (or a person at a terminal, or what the settings call a source) fills the value."""
    name = origin.name
    if origin.kind == "checked":
        return False
    if origin.is_sent or project.threats.is_source(name):
        return True
    if _REQUEST.match(name) or _GETTERS.match(name) or _TERMINAL.match(name) or _WIRE.match(name):
        return True
    if name.startswith(_OTHER_REQUESTS):
        return True
    return origin.kind == "parameter" and is_of_handler(reading, origin) and _speaks_of_views(project, reading, origin)


def _speaks_of_views(project: Project, reading: Reading, origin: Origin) -> bool:
    """Whether a handler that only its parameter `request` tells may be one: somewhere the project imports such a framework."""
    function = owner_of(reading, origin.node, origin.name.partition(".")[0])
    is_told = function is not None and (
        function.decorator_list or reading.owner(function) or [it.arg for it in arguments(function)] in LAMBDAS
    )
    return bool(is_told) or project.of_all("frameworks of views", _views)


def _views(project: Project) -> bool:
    return not any(target.startswith("fastapi") for path in project.paths for _, target in project.imports(path)) or any(
        target.startswith(_VIEWS) for path in project.paths for _, target in project.imports(path)
    )


def is_model_output(project: Project, path: str, reading: Reading, origin: Origin) -> bool:
    """Whether a model wrote the value: text of its answer, the input of a tool call, an argument of a function it calls."""
    if origin.kind == "checked":
        return False
    if origin.kind == "parameter":
        function = owner_of(reading, origin.node, origin.name.partition(".")[0])
        if function is not None and is_own(origin) and is_tool(project, path, reading, function):
            return True
    if _MODEL_CALL.search(origin.name) or _TOOL_INPUT.search(origin.name):
        return True
    if is_pipelined(project, path, reading, origin) or is_of_step(project, reading, origin):
        return True
    if origin.kind != "call":
        return False
    head, _, rest = origin.name.partition("()")
    while head:
        if "llm" in project.table.kinds(head):
            return True
        name, found, rest = rest.partition("()")
        head = head + name if found else ""
    call = innermost_call(reading, origin.node)
    target = reading.target(call.func) if call is not None else ""
    symbol = project.resolve(path, target, reading.owner(origin.node)) if target else None
    return isinstance(symbol, FunctionSymbol) and "llm" in effects(project, symbol.path, symbol.facts)


def is_tool(project: Project, path: str, reading: Reading, function: Function) -> bool:
    """Whether a model chooses the function's arguments."""
    for it in function.decorator_list:
        last = dotted(it.func if isinstance(it, ast.Call) else it).rpartition(".")[2]
        if last in TOOLS:
            return True
        if last == "resource" and isinstance(it, ast.Call) and it.args and _TEMPLATE.match(str(constant(it.args[0]))):
            return True
    return (path, reading.qualname(function)) in tool_functions(project)


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
