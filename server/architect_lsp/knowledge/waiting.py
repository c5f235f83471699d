"""What waits for what: which calls give a coroutine, where a coroutine may be suspended, what kind of lock a name is."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from architect_lsp.knowledge.effects import canonical, entry_of
from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.reading import Reading, keyword
from architect_lsp.knowledge.symbols import External, FunctionSymbol, Symbol
from architect_lsp.patterns import regex

_COROUTINES = regex(
    r"asyncio\.(?:(?:tasks|locks|queues|streams|subprocess|threads)\.)?"
    r"(?:sleep|wait|wait_for|to_thread|open_connection|open_unix_connection|start_server|create_subprocess_exec"
    r"|create_subprocess_shell|(?:Lock|Semaphore|BoundedSemaphore|Condition)\.acquire|(?:Event|Condition|Barrier)\.wait"
    r"|(?:Queue|LifoQueue|PriorityQueue)\.(?:get|put|join)|StreamReader\.(?:read|readline|readexactly|readuntil)"
    r"|StreamWriter\.(?:drain|wait_closed|start_tls)|(?:subprocess\.)?Process\.(?:wait|communicate)|TaskGroup\.__aexit__)"
    r"|anyio\.(?:sleep|sleep_forever|sleep_until|to_thread\.run_sync|open_file|open_process|run_process|connect_tcp|connect_unix"
    r"|create_tcp_listener|aclose_forcefully|wait_readable|wait_writable|(?:lowlevel\.)?(?:checkpoint|cancel_shielded_checkpoint)"
    r"|(?:Event|Condition)\.wait|(?:Lock|Semaphore|Condition|CapacityLimiter)\.acquire|Path\.(?:read_text|read_bytes|write_text"
    r"|write_bytes|exists|unlink|mkdir|rename|stat|is_file|is_dir))"
    r"|trio\.(?:sleep|sleep_forever|sleep_until|to_thread\.run_sync|run_process|open_file|aclose_forcefully|open_tcp_stream"
    r"|open_tcp_listeners|open_unix_socket|open_ssl_over_tcp_stream|open_ssl_over_tcp_listeners|serve_tcp|serve_listeners"
    r"|serve_ssl_over_tcp|lowlevel\.(?:checkpoint|checkpoint_if_cancelled|cancel_shielded_checkpoint|open_process|wait_readable"
    r"|wait_writable|wait_task_rescheduled)|(?:Event|Condition)\.wait|(?:Lock|Semaphore|Condition|CapacityLimiter)\.acquire)"
    r"|aiohttp\.(?:client\.)?ClientSession\.close|aiohttp\.(?:web\.)?Request\.(?:json|text|read|post)"
    r"|(?:starlette\.requests|fastapi|fastapi\.requests)\.Request\.(?:json|body|form|close)"
    r"|(?:fastapi|starlette\.datastructures)\.UploadFile\.(?:read|seek|write|close)"
    r"|(?:starlette\.websockets|fastapi|fastapi\.websockets)\.WebSocket\.(?:accept|close|send_text|send_json|send_bytes|receive_text"
    r"|receive_json|receive_bytes)"
    r"|asyncpg\.(?:connect|(?:connection\.)?Connection\.(?:execute|executemany|fetch|fetchrow|fetchval|close)"
    r"|(?:pool\.)?Pool\.(?:execute|executemany|fetch|fetchrow|fetchval|release|close))"
    r"|httpx\.AsyncClient\.(?:get|post|put|patch|delete|head|options|request|send|aclose)"
    r"|sqlalchemy\.ext\.asyncio\.(?:AsyncSession|AsyncConnection)"
    r"\.(?:commit|rollback|flush|refresh|execute|scalar|scalars|get|get_one|stream|stream_scalars|delete|close|merge|invalidate|run_sync)"
    r"|redis\.asyncio\.(?:client\.)?Redis\.(?:get|set|setex|delete|incr|expire|publish|hget|hset|lpush|rpush|ping)"
)
"""Functions and methods of libraries that do nothing until they are awaited."""
_MANAGERS = regex(r"\.(?:aggregate|find|listen|\w*stream\w*|cursor|connect|acquire|begin|transaction|watch|scan_iter)$")
"""Methods of asynchronous clients whose result is no coroutine, or more than one: a cursor, a context."""
_KEEPS_IT = ("staticmethod", "classmethod", "abstractmethod", "override", "final", "overload", "wraps")
"""Decorators after which an `async def` still gives a coroutine."""
_WAITS = regex(
    r"queue\.(?:Queue|LifoQueue|PriorityQueue|SimpleQueue)\.(?:get|join)|(?:threading|multiprocessing)\.(?:Thread|Process|Timer)\.join"
    r"|(?:threading|multiprocessing)\.(?:Event|Condition|Barrier)\.wait|concurrent\.futures\.as_completed|select\.select"
    r"|(?:concurrent\.futures\.)?(?:_base\.)?Future\.result|asyncio\.run_coroutine_threadsafe\.result|signal\.(?:pause|sigwait)"
    r"|os\.(?:wait|waitpid|wait3|wait4)|sched\.scheduler\.run|wget\.download|multiprocessing\.(?:Queue|JoinableQueue)\.(?:get|join)"
)
"""Calls that wait unless an argument says that they may not; the tables of effects know no arguments."""
_LOCKS = regex(r"(?:threading|multiprocessing)\.(?:Lock|RLock|Semaphore|BoundedSemaphore|Condition)")
_ASYNC_LOCKS = regex(r"(?:asyncio(?:\.locks)?|anyio|trio)\.(?:Lock|Semaphore|BoundedSemaphore|Condition|CapacityLimiter)")


def waits_elsewhere(name: str, call: ast.Call) -> bool:
    """Whether a call of this dotted name waits for a thread, a process, a queue or a future, for longer than no time."""
    if not _WAITS.fullmatch(name) or any("WNOHANG" in ast.unparse(it) for it in call.args):
        return False
    told = [*call.args, *(it.value for it in call.keywords)]
    return not any(isinstance(it, ast.Constant) and not it.value and it.value is not None for it in told)


def gives_coroutine(symbol: Symbol | None) -> bool:
    """Whether a call of the symbol is sure to give a coroutine, which does nothing until it is awaited."""
    if isinstance(symbol, FunctionSymbol):
        return symbol.facts.is_async and not symbol.facts.is_generator and is_plain(symbol.facts) and not symbol.facts.optional
    if not isinstance(symbol, External):
        return False
    return _is_told(symbol.name) and not _is_of_result(symbol.name)


def _is_told(written: str) -> bool:
    """Whether the tables say of a dotted name that its call gives a coroutine."""
    if _COROUTINES.fullmatch(written.replace("()", "")):
        return True
    name = canonical(written)
    entry = entry_of(name)
    return entry is not None and entry.awaits and not _MANAGERS.search(name)


def _is_of_result(name: str) -> bool:
    """Whether what is called belongs to what a coroutine gave, which the tables don't know: `client.auth_test().get`."""
    pieces = name.split("().")
    heads = ["().".join(pieces[:index]) for index in range(1, len(pieces))]
    return any(it.rpartition(".")[2][:1].islower() and _is_told(it) for it in heads)


def is_plain(definition: Def) -> bool:
    """Whether no decorator may make something else of the function."""
    return all(it.target.rpartition(".")[2] in _KEEPS_IT for it in definition.decorators)


def is_lock(name: str) -> bool:
    """Whether the dotted name is of a lock that holds its thread."""
    return bool(_LOCKS.fullmatch(name))


def is_async_lock(name: str) -> bool:
    """Whether the dotted name is of a lock that coroutines wait for."""
    return bool(_ASYNC_LOCKS.fullmatch(name))


def run_by(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """These nodes and all inside them, in the order of the source, without the insides of functions and classes defined there."""
    stack = list(nodes)[::-1]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            stack += [*ast.iter_child_nodes(node)][::-1]


def suspends(nodes: Iterable[ast.AST]) -> ast.AST | None:
    """The first place in these nodes where the coroutine may let others run; None when there is none."""
    return next((it for it in run_by(nodes) if isinstance(it, ast.Await | ast.AsyncFor | ast.AsyncWith)), None)


def cleans_up(reading: Reading, node: ast.AST, *, handlers: bool = True) -> bool:
    """Whether the node stands in a `finally`, or in a handler of an error: something is on its way already.

    Without `handlers` those alone count that raise what they caught in the end.
    """
    below = node
    for up in reading.ancestors(node):
        if isinstance(up, ast.ExceptHandler) and (handlers or _raises_again(up)):
            return True
        if isinstance(up, ast.Try) and any(below is it for it in up.finalbody):
            return True
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return False
        below = up
    return False


def _raises_again(handler: ast.ExceptHandler) -> bool:
    return isinstance(last := handler.body[-1], ast.Raise) and last.exc is None


def given_to_thread(call: ast.Call) -> ast.expr | None:
    """The function that a call gives to a thread, None when it gives none."""
    last = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
    given: ast.expr | None = None
    if last in ("Thread", "Timer"):
        given = keyword(call, "target") or (call.args[1] if last == "Timer" and len(call.args) > 1 else None)
    elif last in ("to_thread", "submit"):
        given = call.args[0] if call.args else None
    elif last == "run_in_executor":
        given = call.args[1] if len(call.args) > 1 else None
    return given if isinstance(given, ast.Name | ast.Attribute) else None
