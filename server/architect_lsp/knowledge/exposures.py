"""Where untrusted values reach a sink: the calls of a unit whose arguments others decide, at once or through further calls.

What the rules of security share. A unit without a source is not looked at further.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from msgspec import Struct

from architect_lsp.knowledge.constants import behind
from architect_lsp.knowledge.definitions import last_name
from architect_lsp.knowledge.effects import canonical
from architect_lsp.knowledge.narrowed import is_helper, is_one_of_few
from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Reading, constant, dotted, keyword
from architect_lsp.knowledge.request_handlers import is_handler
from architect_lsp.knowledge.sources import is_request, parts
from architect_lsp.knowledge.streams import described, slot_parameter, streams
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol, Ref, Symbol, module_name
from architect_lsp.knowledge.threats import ALL, LOADED
from architect_lsp.patterns import regex

_SOURCES = regex(
    r"\b_?req(?:uest)?\b|request|input\(|argv|stdin|get_(?:query_|body_)?argument|FieldStorage|streamlit|st\.|self\.(?:path|headers|rfile|kwargs)\b|parse_(?:known_)?args|\.recv|\.receive_|\.iter_|ed_data\b|super\(\)\.clean|_on_submit|\b[fF]orm\b"
)

_RUNNERS = {"add_task": 0, "to_thread": 0, "run_sync": 0, "run_in_threadpool": 0, "submit": 0, "run_in_executor": 1, "enqueue": 0}
"""Calls that have a function run elsewhere, by the place of it: what follows is what it is given."""
_QUEUED = ("delay", "apply_async", "s", "si", "send")
"""Methods of a task that have it run by a worker."""
_STARTED = ("Thread", "Process", "Timer")
"""What is made with a function to run, and with what it is given in a tuple or a list."""


class Exposure(Struct, frozen=True):
    """An untrusted value in an argument of a call. `sink` is the dotted name of the call that uses it, `steps` lead there.

    `parts` is the argument taken apart, as `sources.parts` does for the kind of this sink.
    """

    kind: str
    call: ast.Call
    argument: ast.expr
    origin: Origin
    sink: str
    parts: tuple[str | Origin, ...]
    steps: tuple[tuple[Ref, str], ...] = ()

    @property
    def used_by(self) -> str:
        """The sink as a person may read it."""
        return self.sink.replace("()", "").removeprefix("builtins.").lstrip("?.")

    @property
    def source(self) -> str:
        """The untrusted value as a person may read it."""
        return self.origin.name.replace("builtins.", "") or "this"


def exposures(project: Project, path: str, reading: Reading) -> Iterator[Exposure]:
    """The exposures of a unit, by place; a call has one for each argument and kind of sink."""
    if has_source(project, reading):
        yield from _found(project, path, reading)


def untrusted(project: Project, path: str, reading: Reading, node: ast.expr, kind: str) -> Origin | None:
    """The first part of a value that someone else decides and nothing made harmless for this kind of sink."""
    return _first(project, path, reading, parts(project, path, reading, node, kind))


def is_untrusted(project: Project, path: str, reading: Reading, origin: Origin) -> bool:
    """Whether a request, or a person at a terminal, fills the value with whatever they like."""
    if not is_request(project, reading, origin) or is_one_of_few(project, path, reading, origin):
        return False
    return origin.kind != "parameter" or not is_helper(project, path, reading, origin)


def has_source(project: Project, reading: Reading) -> bool:
    """Whether something in the unit may come from a request, as far as a quick look tells."""
    known: dict[str, bool] = reading.memo.setdefault("has source", {})
    if "any" not in known:
        known["any"] = bool(_SOURCES.search(reading.unit.text)) or any(is_handler(reading, it) for it in reading.functions)
    return known["any"] or project.threats.has_own_sources


def _found(project: Project, path: str, reading: Reading) -> Iterator[Exposure]:
    for call in sorted(reading.each(ast.Call), key=lambda it: (it.lineno, it.col_offset)):
        yield from _reached(project, path, reading, call, call.func, tuple(_arguments(call)))
        function, given = _handed_on(call)
        if function is not None:
            yield from _reached(project, path, reading, call, function, given)


def _reached(
    project: Project, path: str, reading: Reading, call: ast.Call, function: ast.expr, given: Sequence[tuple[str, ast.expr]]
) -> Iterator[Exposure]:
    """The exposures of what a call calls, or has called for it."""
    threats = project.threats
    last = last_name(function)
    symbol, name = _callee(project, path, reading, function, last)
    if isinstance(symbol, FunctionSymbol) and not threats.is_own_sink(name):
        yield from _through(project, path, reading, call, symbol, given)
        return
    switches = {it.arg for it in call.keywords if constant(it.value) is True}
    if name == "functools.partial":
        name, last, set_before = _completed(project, path, reading, call)
        switches |= set_before
    known = threats.is_sink_name(last) or threats.is_sink_name(name.rpartition(".")[2]) or name.endswith(".")
    for sink in threats.sinks(name) if known else ():
        if sink.switch and sink.switch not in switches:
            continue
        for slot, argument in given:
            if slot in sink.slots or ALL in sink.slots:
                found = parts(project, path, reading, argument, sink.kind)
                origin = _first(project, path, reading, found)
                if origin is not None:
                    yield Exposure(sink.kind, call, argument, origin, name, found)


def _handed_on(call: ast.Call) -> tuple[ast.expr | None, tuple[tuple[str, ast.expr], ...]]:
    """(the function that a call has run elsewhere, what it is given), (None, ()) where it has none run."""
    last = last_name(call.func)
    if last in _QUEUED and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name | ast.Attribute):
        return call.func.value, tuple(_queued(call, last))
    if last not in _STARTED and last not in _RUNNERS:
        return None, ()
    words = [(it.arg or "*", it.value) for it in call.keywords]
    at: ast.expr | None = None
    if last in _STARTED:
        given = dict(words)
        rows = given.get("args")
        values = rows.elts if isinstance(rows, ast.Tuple | ast.List) else []
        at, words = given.get("target") or given.get("function") or next(iter(call.args[1:2]), None), []
    else:
        index = _RUNNERS[last]
        at, values = (call.args[index], call.args[index + 1 :]) if index < len(call.args) else (None, [])
    if not isinstance(at, ast.Name | ast.Attribute):
        return None, ()
    return at, (*((str(index), it) for index, it in enumerate(values) if not isinstance(it, ast.Constant | ast.Lambda)), *words)


def _queued(call: ast.Call, last: str) -> Iterator[tuple[str, ast.expr]]:
    """What a task of Celery or dramatiq is given, which a worker runs."""
    if last != "apply_async":
        yield from ((slot, it) for slot, it in _arguments(call) if slot != "on")
        return
    rows, named = keyword(call, "args") or next(iter(call.args), None), keyword(call, "kwargs")
    if isinstance(rows, ast.Tuple | ast.List):
        yield from ((str(index), it) for index, it in enumerate(rows.elts) if not isinstance(it, ast.Constant))
    if isinstance(named, ast.Dict):
        yield from ((str(constant(key)), it) for key, it in zip(named.keys, named.values, strict=True) if key is not None)


def _callee(project: Project, path: str, reading: Reading, function: ast.expr, last: str) -> tuple[Symbol | None, str]:
    target = reading.target(function)
    symbol = project.resolve(path, target, reading.owner(function)) if target else None
    if isinstance(symbol, ClassSymbol):
        symbol = project.resolve(path, f"{target}.__init__", reading.owner(function))
    if isinstance(symbol, FunctionSymbol):
        return symbol, module_name(symbol)
    if isinstance(symbol, External):
        return symbol, "" if symbol.name.endswith(LOADED) else canonical(symbol.name).removeprefix("?")  # see LOADED
    return symbol, target or f"?.{last}"


def _completed(project: Project, path: str, reading: Reading, call: ast.Call) -> tuple[str, str, set[str]]:
    """(dotted name, last name, keywords that are True) of what a call of a `functools.partial` completes; "" where unknown."""
    name = dotted(call.func)
    local = reading.bindings(reading.function(call)).get(name, [])
    made = local[0] if len(local) == 1 else None
    if isinstance(made, ast.Call):
        held = dotted(made.args[0]) if len(made.args) == 1 else ""
        words = {it.arg for it in made.keywords if it.arg and constant(it.value) is True}
    else:
        home, value = behind(project, path, name) or (path, None)
        path = home
        held = value.items[0].text if value is not None and value.kind == "call" and len(value.items) == 1 else ""
        words = {key for key, it in value.keywords if it.text == "True"} if value is not None else set()
    full = canonical(project.external(path, held)) if held else ""
    return full, full.rpartition(".")[2], words


def _through(
    project: Project, path: str, reading: Reading, call: ast.Call, symbol: FunctionSymbol, given: Sequence[tuple[str, ast.expr]]
) -> Iterator[Exposure]:
    if not symbol.facts.flows:
        return
    rows = streams(project, symbol.path, symbol.facts)
    spread = [it.value for it in call.keywords if it.arg is None] if rows else []
    for slot, argument in given if rows else ():
        parameter = slot_parameter(symbol.facts, slot)
        for it in rows:
            by_key = parameter == "" and argument in spread  # `run(**form.cleaned_data)`
            if it.parameter == parameter or by_key:
                key = it.parameter if by_key else ""
                found = parts(project, path, reading, argument, it.kind, it.fields if not by_key else "", key)
                origin = _first(project, path, reading, found)
                if origin is not None:
                    yield Exposure(it.kind, call, argument, origin, it.call, found, described(it, project))


def _arguments(call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """(slot, argument) as in `facts.Flow`; what is no value of its own left out."""
    given = [("*" if isinstance(it, ast.Starred) else str(index), it) for index, it in enumerate(call.args)]
    given += [(it.arg or "*", it.value) for it in call.keywords]
    if isinstance(call.func, ast.Attribute):
        given.append(("on", call.func.value))
    yield from ((slot, it) for slot, it in given if not isinstance(it, ast.Constant | ast.Lambda))


def _first(project: Project, path: str, reading: Reading, found: tuple[str | Origin, ...]) -> Origin | None:
    for it in found:
        if isinstance(it, Origin) and is_untrusted(project, path, reading, it):
            return it
    return None
