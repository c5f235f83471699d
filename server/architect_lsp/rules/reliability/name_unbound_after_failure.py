"""A name is used after a `try` that may have failed before it was given a value.

Why: where the first call in the `try` raises, nothing has bound the name. The `finally` that wants to close it, or the code after
a handler that only logs, ends with `UnboundLocalError`, and the error that mattered is lost behind it.
Instead: bind it before the `try`, or leave the function in the handler.

    connection = connect(url)
    try:
        connection.send(order)
    finally:
        connection.close()

Consequences: each failure to connect is reported as a mistake in the clean-up.
Tests: let the first call of the `try` raise, and assert which error comes out.
Observability: `UnboundLocalError` and `cannot access local variable` in the log.
Source: CWE-457; https://docs.python.org/3/library/exceptions.html#UnboundLocalError
"""

import ast
from collections.abc import Iterator, Sequence

from architect_lsp.knowledge.definitions import arguments, last_name
from architect_lsp.knowledge.handlers import EVERY, caught, falls_through
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C4", "E1"],
    cwe=457,
    needs=["finally:", "except"],
    bad=[
        Bad("""
def send(url, order):
    try:
        connection = connect(url)
        connection.send(order)
    finally:
        [|connection|].close()
"""),
        Bad("""
import logging

logger = logging.getLogger(__name__)

def extension(link):
    try:
        parsed = parse(link)
    except ValueError:
        logger.warning("no link: %s", link)
    return [|parsed|].path.rpartition(".")[2]
"""),
        Bad("""
class Connection:
    def __init__(self, protocol=2):
        try:
            number = int(protocol)
        except TypeError:
            number = 2
        except ValueError:
            raise ConnectionError("protocol must be an integer")
        finally:
            if [|number|] not in (2, 3):
                raise ConnectionError("protocol must be 2 or 3")
            self.protocol = protocol
"""),
    ],
    good=[
        """
import logging
import time

logger = logging.getLogger(__name__)

def send(url, order, lock):
    connection = None
    try:
        connection = connect(url)
    finally:
        if connection:
            connection.close()
    try:
        began = time.monotonic()
        order.send()
    finally:
        logger.info(time.monotonic() - began)
    try:
        session = Session(url)
        session.send(order)
    finally:
        session.close()
    try:
        path = os.path.join(url, "orders")
        order.write(path)
    finally:
        logger.info(path)
    held = False
    try:
        held = lock.acquire()
        inner = order.open()
    finally:
        if held:
            inner.close()

def load(path):
    try:
        rows = read(path)
    except OSError:
        logger.warning("no file")
        return None
    return rows

def parsed(text):
    failed = False
    try:
        found = parse(text)
    except ValueError:
        failed = True
    if failed:
        return None
    return found

def told(text, ctx):
    try:
        found = parse(text)
    except ValueError as error:
        ctx.fail(str(error))
    return found

def guarded(text):
    try:
        row = parse(text)
    except ValueError:
        logger.warning("none")
    try:
        return row.name
    except NameError:
        return ""

def every(text):
    try:
        row = parse(text)
    except Exception:
        row = None
    finally:
        print(row)
""",
    ],
)

_SAFE = frozenset(
    (
        "time",
        "monotonic",
        "perf_counter",
        "now",
        "utcnow",
        "new_event_loop",
        "acquire",
        "len",
        "uuid4",
        "str",
        "list",
        "dict",
        "join",
    )
)
"""Calls that don't fail in practice."""
_UNBOUND = ("NameError", "UnboundLocalError")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Names that are read where a failed `try` leads to, and bound by nothing but it."""
    reading = view.reading
    for block in reading.each(ast.Try):
        function = reading.function(block)
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not block.finalbody and not any(falls_through(it) for it in block.handlers):
            continue
        inside = {it for row in (*block.body, *block.handlers, *block.orelse) for it in ast.walk(row)}
        names = {it.id for it in inside if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store)}
        names -= {it.arg for it in arguments(function)}
        for use, way in _uses(reading, block, names):
            bound = _bound(reading, function, use)
            if use.id in names and bound and all(it in inside for it in bound) and _may_fail(reading, block, bound, way):
                what = "the `finally` runs" if way == "finally" else "the handler goes on"
                yield Hit(use, f"`{use.id}` has no value where {what} after a failure: this raises `UnboundLocalError`.")
                break  # the first of them raises


def _uses(reading: Reading, block: ast.Try, names: set[str]) -> Iterator[tuple[ast.Name, str]]:
    """Those names that are read on the way of a failure, each with the way: the `finally`, or what follows."""
    for row in block.finalbody:
        yield from ((it, "finally") for it in _read(reading, block, row, names))
    falling = [it for it in block.handlers if falls_through(it)]
    beside = next((rows for rows in _blocks(reading.parent(block)) if block in rows), [])
    if not falling or block.finalbody:
        return
    for row in beside[beside.index(block) + 1 :]:
        yield from ((it, "after") for it in _read(reading, block, row, names))
        if any(isinstance(it, ast.Return | ast.Raise | ast.Continue | ast.Break | ast.If | ast.Try) for it in ast.walk(row)):
            return


def _blocks(node: ast.AST | None) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        rows = getattr(node, name, None)
        if isinstance(rows, list):
            yield rows


def _read(reading: Reading, block: ast.Try, row: ast.stmt, names: set[str]) -> Iterator[ast.Name]:
    """Those names that a statement reads at once, in no branch of its own."""
    for it in ast.walk(row):
        if not isinstance(it, ast.Name) or it.id not in names or not isinstance(it.ctx, ast.Load):
            continue
        if reading.function(it) is not reading.function(block) or _in_branch(reading, it, row):
            continue
        if not (caught(reading, it) - caught(reading, block)) & (EVERY | {*_UNBOUND}):
            yield it


def _in_branch(reading: Reading, node: ast.AST, row: ast.stmt) -> bool:
    below = node
    for up in (node, *reading.ancestors(node)):
        if isinstance(up, ast.If | ast.IfExp | ast.While) and below is not up.test:
            names = {it.id for it in ast.walk(up.test) if isinstance(it, ast.Name)}
            if not (isinstance(node, ast.Name) and node.id in names):
                return True
        if isinstance(up, ast.BoolOp) and below is not up.values[0]:
            return True
        if isinstance(up, ast.comprehension | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Lambda):
            return True
        if up is row:
            return "locals()" in ast.unparse(row)
        below = up
    return False


def _bound(reading: Reading, function: ast.AST, use: ast.Name) -> list[ast.AST]:
    """What gives the name a value in the function before it is read, in source order."""
    found: list[ast.AST] = []
    for it in reading.within(function):
        if isinstance(it, ast.Global | ast.Nonlocal) and use.id in it.names:
            return []
        if isinstance(it, ast.Import | ast.ImportFrom) and any((a.asname or a.name) == use.id for a in it.names):
            return []
        is_stored = isinstance(it, ast.Name) and it.id == use.id and not isinstance(it.ctx, ast.Load)
        names = (getattr(it, "name", ""), getattr(it, "rest", ""))
        if is_stored or (use.id in names and not isinstance(it, ast.alias)):
            found.append(it)
    return [it for it in found if getattr(it, "lineno", 0) <= use.lineno]


def _may_fail(reading: Reading, block: ast.Try, bound: Sequence[ast.AST], way: str) -> bool:
    """Whether something in the body may raise before the name is bound, and no handler binds it then."""
    held = [set(ast.walk(row)) for row in block.body]
    first = next((index for index, nodes in enumerate(held) if any(it in nodes for it in bound)), None)
    if first is None:
        return False
    if way == "finally" and any(
        EVERY & _taken(handler) and any(it in set(ast.walk(handler)) for it in bound) for handler in block.handlers
    ):
        return False
    handlers = [it for it in block.handlers if falls_through(it)]
    if way == "after" and all(any(it in set(ast.walk(handler)) for it in bound) for handler in handlers):
        return False
    calls = [it for row in block.body[: first + 1] for it in ast.walk(row) if isinstance(it, ast.Call)]
    return any(not _is_safe(reading, it) for it in calls)


def _taken(handler: ast.ExceptHandler) -> set[str]:
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {dotted(it).rpartition(".")[2] if it is not None else "" for it in types}


def _is_safe(reading: Reading, call: ast.Call) -> bool:
    name = last_name(call.func)
    return name in _SAFE or (name[:1].isupper() and not reading.awaited(call))
