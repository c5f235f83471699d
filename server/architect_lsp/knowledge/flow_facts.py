"""What the parameters of one function reach within it, as facts: arguments of its calls, its result, attributes of `self`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from msgspec.structs import replace

from architect_lsp.knowledge.annotations import annotation
from architect_lsp.knowledge.definitions import argument_of, arguments, definitions, last_name, owner_of
from architect_lsp.knowledge.facts import FIELD, SENT, Flow
from architect_lsp.knowledge.flows import pieces
from architect_lsp.knowledge.formatting import Between
from architect_lsp.knowledge.origins import Origin, is_own
from architect_lsp.knowledge.reading import Function, Reading, constant, dotted
from architect_lsp.knowledge.threats import KNOWN
from architect_lsp.knowledge.transfers import ACCESS, CLEAN, HANDED_ON, NUMBERS, STRING_METHODS
from architect_lsp.patterns import regex

_MOST = 60
"""Flows kept of one function."""
_RESULTS = 6
"""Names kept of what one function gives."""
INSIDE = "guard.inside"
_SCHEME = regex(r"\s*(?:[a-z][a-z0-9+.-]*:)?//[^/?#]*", re.IGNORECASE)
_REQUESTS = ("self", "cls", "request", "req")
"""Parameters that are no values: what is read of a request is a source wherever it is read."""


_HTTP = regex(r"(?:^|\.|Http|HTTP|WSGI|ASGI)Request$")
"""Types of requests that a browser sends; a `CompletionRequest` is an object of the program."""


def placed(found: Iterable[str | Origin]) -> Iterator[str | Origin]:
    """The parts of a value; an origin that can't be its beginning, or the host of a URL, went through `guard.inside`."""
    before, is_inside = "", False
    begun: dict[int, tuple[str, bool]] = {}  # what stood before each name of several values
    for it in found:
        if isinstance(it, Origin):
            late = is_inside or (before and not _SCHEME.fullmatch(before))
            yield replace(it, through=(*it.through, INSIDE)) if late and it.kind != "checked" else it
            is_inside = True
            continue
        if isinstance(it, Between):  # another value of the same name begins
            before, is_inside = begun.setdefault(it.which, (before, is_inside))
        else:
            before += it
        yield it


def flows(
    reading: Reading, node: Function, calls: Mapping[ast.Call, int], returned: Sequence[ast.expr]
) -> tuple[tuple[Flow, ...], tuple[str, ...]]:
    """(the flows of a function, the names outside of it that its result comes from); `calls` are its calls by number.

    Before a name stands what it went through, each with a space: forms, and `guard.inside` where it can't be the beginning.
    """
    named, with_self = _derived(reading, node)
    found: dict[Flow, None] = {}
    if with_self:
        for call, number in calls.items():
            found.update(dict.fromkeys(_into_call(reading, call, number, named, with_self, calls)))
            if len(found) > _MOST:
                break
    if named:
        found.update(dict.fromkeys(_kept(reading, node, named, calls)))
    results: dict[str, None] = {}
    for it in returned:
        if isinstance(it, ast.Constant | ast.Compare):
            continue
        for slot, part in parts_of_result(it):
            for origin in placed_origins(reading, part):
                if _is_of_outside(reading, origin) and all(it == INSIDE or it.startswith(SENT) for it in origin.through):
                    results[" ".join((*dict.fromkeys(origin.through), origin.name))] = None
                found.update(dict.fromkeys(_rows(reading, (origin,), -1, slot, (), calls, with_self=False)))
    return tuple(found)[:_MOST], tuple(results)[:_RESULTS]


def _is_of_outside(reading: Reading, origin: Origin) -> bool:
    """Whether a result comes from no value that a caller chose: a call, a name of the module, what is read of a request."""
    if origin.kind != "parameter":
        return origin.kind in ("call", "name")
    head, _, rest = origin.name.partition(".")
    if not rest or head not in _REQUESTS[2:]:
        return False
    function = owner_of(reading, origin.node, head)
    argument = argument_of(function, head) if function is not None else None
    kind = annotation(argument.annotation) if argument is not None else ""
    return not kind or bool(_HTTP.search(kind))


def parts_of_result(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """(slot, expression) of what is returned: each of several values by its place, "#0" for the first; "" for a single one."""
    if isinstance(node, ast.Tuple) and not any(isinstance(it, ast.Starred) for it in node.elts):
        yield from ((f"#{index}", it) for index, it in enumerate(node.elts))
    else:
        yield "", node


def placed_origins(reading: Reading, node: ast.expr) -> tuple[Origin, ...]:
    """Where a value comes from, each source once, as `placed`."""
    found = {(it.kind, it.name, it.through, it.part): it for it in placed(pieces(reading, node)) if isinstance(it, Origin)}
    return tuple(found.values())


def _into_call(
    reading: Reading,
    call: ast.Call,
    number: int,
    named: frozenset[str],
    with_self: frozenset[str],
    calls: Mapping[ast.Call, int],
) -> Iterator[Flow]:
    last = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
    is_sink = KNOWN.is_sink_name(last)
    held = with_self if is_sink else named
    if not is_sink and (not named or last in NUMBERS or last in HANDED_ON or last in STRING_METHODS or CLEAN.search(last)):
        return
    given = [("*" if isinstance(it, ast.Starred) else str(index), it) for index, it in enumerate(call.args)]
    given += [(it.arg or "*", it.value) for it in call.keywords]
    if is_sink and isinstance(call.func, ast.Attribute) and KNOWN.is_sink_of_receiver(last):
        given.append(("on", call.func.value))
    switches = tuple(it.arg for it in call.keywords if it.arg and constant(it.value) is True)
    for slot, argument in given:
        if _speaks_of(argument, held):
            yield from _rows(reading, placed_origins(reading, argument), number, slot, switches, calls, with_self=is_sink)


def _kept(reading: Reading, node: Function, named: frozenset[str], calls: Mapping[ast.Call, int]) -> Iterator[Flow]:
    """What the function puts into attributes of `self`."""
    if not reading.owner(node):
        return
    for name, rows in definitions(reading, node).items():
        if not name.startswith("self.") or name.count(".") > 1:
            continue
        for it in rows:
            if it.how == "set" and it.value is not None and _speaks_of(it.value, named):
                yield from _rows(reading, placed_origins(reading, it.value), -1, name, (), calls, with_self=False)


def _rows(
    reading: Reading,
    found: Iterable[Origin],
    number: int,
    slot: str,
    switches: tuple[str, ...],
    calls: Mapping[ast.Call, int],
    *,
    with_self: bool,
) -> Iterator[Flow]:
    for it in found:
        source = ""
        if is_own(it) and it.name.partition(".")[0] not in _REQUESTS:
            source = it.name.partition(".")[0]
        elif it.kind == "name" and with_self and it.name.startswith("self.") and it.name.count(".") == 1:
            source = it.name
        elif it.kind == "call":
            at = next((calls[call] for call in giving_calls(reading, it) if call in calls), -1)
            part = f"#{it.part}" if it.part >= 0 and it.call is not None and calls.get(it.call) == at else ""
            source = f"(){at}{part}" if at >= 0 and at != number else ""
        if source:
            yield Flow(source, number, slot, (*it.through, *_field(reading, it)), switches)


def _field(reading: Reading, origin: Origin) -> Iterator[str]:
    """The mark of a field of a parameter whose class may say what it can be: that of its annotation, or of who hands it over."""
    name, _, fields = origin.name.partition(".")
    function = owner_of(reading, origin.node, name) if fields and origin.kind == "parameter" else None
    argument = argument_of(function, name) if function is not None else None
    kind = annotation(argument.annotation) if argument is not None else ""
    if kind[kind.rfind(".") + 1 :][:1].isupper():
        yield f"{FIELD}{kind}:{fields}"
    elif argument is not None and argument.annotation is None and name not in _REQUESTS and "()" not in fields:
        yield f"{FIELD}:{fields}"


def _derived(reading: Reading, node: Function) -> tuple[frozenset[str], frozenset[str]]:
    """The names whose value may come from a parameter, and from one or from `self`, order left aside: a quick look first."""
    given = {it.arg for it in arguments(node) if it.arg not in _REQUESTS}
    rows = {name: [it.value for it in found if it.value is not None] for name, found in definitions(reading, node).items()}
    named = _grown(given, rows) if given else given
    return frozenset(named), frozenset(_grown({*named, "self"}, rows) if reading.owner(node) else named)


def _grown(found: set[str], rows: Mapping[str, Sequence[ast.expr]]) -> set[str]:
    found = set(found)
    left = {name: it for name, it in rows.items() if name not in found}
    grown = True
    while grown and left:
        grown = False
        for name in list(left):
            if any(_speaks_of(it, found) for it in left[name]):
                found.add(name)
                del left[name]
                grown = True
    return found


def _speaks_of(node: ast.expr, names: Set[str]) -> bool:
    """Whether one of the names stands in an expression; of `a.b` it may be `a` or the whole."""
    todo: list[ast.AST] = [node]
    while todo:
        it = todo.pop()
        if isinstance(it, ast.Name):
            if it.id in names:
                return True
        elif isinstance(it, ast.Attribute):
            if dotted(it) in names:
                return True
            todo.append(it.value)
        elif not isinstance(it, ast.Constant):
            todo += ast.iter_child_nodes(it)
    return False


def giving_calls(reading: Reading, origin: Origin) -> Iterator[ast.Call]:
    """The calls on the way from a root name to the value, the last one first; those that only pick a part are left out."""
    node: ast.AST | None = origin.call
    while node is not None:
        if isinstance(node, ast.Call):
            if not ACCESS.search(f".{last_name(node.func)}()") or isinstance(node.func, ast.Name):
                yield node
            node = node.func
        elif isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        else:
            break
    call = innermost_call(reading, origin.node)
    if call is not None and call is not origin.call:
        yield call


def innermost_call(reading: Reading, node: ast.AST) -> ast.Call | None:
    """The first call on the way from a root name to the value."""
    below = node
    for up in reading.ancestors(node):
        if isinstance(up, ast.Call) and up.func is below:
            return up
        if not (isinstance(up, ast.Attribute | ast.Subscript) and up.value is below):
            return None
        below = up
    return None
