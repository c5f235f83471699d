"""Errors of tasks that ran together are collected and never looked at.

Why: `gather(..., return_exceptions=True)` gives the errors as results, and `asyncio.wait` leaves them in the tasks. Code that
looks at neither goes on as if all had worked.
Instead: tell the failed from the others.

    results = await asyncio.gather(*(notify(it) for it in users), return_exceptions=True)
    for user, result in zip(users, results, strict=True):
        if isinstance(result, BaseException):
            logger.error("notification of %s failed", user.id, exc_info=result)

Consequences: half of the work is missing, and neither the caller nor the log knows.
Trade-offs: where one failure should end all of it, an `asyncio.TaskGroup` says so and needs no loop.
Tests: let one of three tasks raise and assert that it is counted, logged or raised.
Observability: count the failed ones.
Source: https://docs.python.org/3/library/asyncio-task.html#asyncio.gather
"""

import ast
import re
from collections.abc import Iterator, Sequence

from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.fan_outs import started
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import Function, Reading, constant, keyword
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.knowledge.waiting import cleans_up
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["B3", "C4"],
    cwe=391,
    needs=["return_exceptions", "asyncio.wait("],
    bad=[
        Bad("""
import asyncio

async def warm(caches):
    await [|asyncio.gather(*(it.fill() for it in caches), return_exceptions=True)|]
    print("all caches are warm")
"""),
        Bad("""
import asyncio

async def import_all(files, load):
    outcomes = await [|asyncio.gather(*map(load, files), return_exceptions=True)|]
    print(f"{len(outcomes)} files are in")
"""),
        Bad("""
import asyncio

async def run(steps):
    await [|asyncio.wait([asyncio.create_task(it()) for it in steps])|]
"""),
        Bad("""
import asyncio

async def weight(parts, weigh):
    weights = await [|asyncio.gather(*map(weigh, parts), return_exceptions=True)|]
    return sum(weights)
"""),
    ],
    good=[
        """
import asyncio

class Pool:
    async def remove_all(self):
        await asyncio.gather(*(it.close() for it in self.connections), return_exceptions=True)
        self.connections = []
""",
        """
import asyncio

class Service:
    async def stop(self):
        for it in self.tasks:
            it.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def __aexit__(self, *error):
        await asyncio.gather(*self.clients, return_exceptions=True)

async def all_of(jobs):
    return await asyncio.gather(*jobs, return_exceptions=True)

async def some(jobs):
    results = await asyncio.gather(*jobs, return_exceptions=True)
    return [it for it in results if not isinstance(it, BaseException)]

async def handed(jobs, report):
    results = await asyncio.gather(*jobs, return_exceptions=True)
    report(results)

async def first(tasks):
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return done.pop().result()

async def later(tasks):
    await asyncio.wait(tasks)
    return [it.result() for it in tasks]

async def warm(caches, fill):
    # one cache that can't be filled must not fail the others
    await asyncio.gather(*(it.fill() for it in caches), return_exceptions=True)
    await asyncio.gather(*(quietly(it) for it in caches), return_exceptions=True)

async def quietly(cache):
    try:
        await cache.fill()
    except Exception as error:
        print(error)

class Manager:
    async def start_all(self, channels):
        tasks = []
        for it in channels:
            tasks.append(self.begin(it))
        await asyncio.gather(*tasks, return_exceptions=True)

    def begin(self, channel):
        return asyncio.create_task(self.start(channel))

    async def start(self, channel):
        try:
            await channel.start()
        except Exception as error:
            print(error)

async def drain():
    pending = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*pending, return_exceptions=True)

async def late(task):
    try:
        await task
    finally:
        await asyncio.gather(task, return_exceptions=True)
""",
    ],
)

_CLOSERS = regex(r"a?(?:close|stop|shutdown|cancel|disconnect|terminate|clean_?up|dispose)(?:_|$)")
_MADE = regex(r"create_task|ensure_future|start_soon")
_LOOKS = regex(r"isinstance\(|all_tasks\(|Exception|\.exception\(|\.result\b|\bError\b|type\(|\.cancel(?:led)?\(")
"""What a function says that looks at errors, or that has ended the tasks itself."""
_KEEPS = regex(r"swallow|best[- ]effort|ignor(?:e|es|ing) (?:any |all )?(?:error|exception|failure)", re.IGNORECASE)
_SPEAKS = regex(r"return_exceptions|error|exception|fail|best[- ]effort|ignore", re.IGNORECASE)
_ENDS = regex(r"stop|close|shut_?down|clean|exit|teardown|cancel|dispose|drain|finali[sz]e|terminate|del_|release", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Tasks that are awaited together, and whose errors the function can't have seen."""
    reading = view.reading
    if is_script(view.path):
        return
    for call in reading.each(ast.Call):
        function = reading.function(call)
        if (
            not isinstance(function, ast.AsyncFunctionDef)
            or not reading.awaited(call)
            or _ENDS.search(reading.qualname(function))
        ):
            continue
        name = view.callee(call)
        if name.endswith("asyncio.gather") or name == "asyncio.tasks.gather":
            if constant(keyword(call, "return_exceptions")) is not True:
                continue
            if _closes(call) or _is_meant(reading, call) or _are_handled(view, call):
                continue
            told = "The errors of these tasks come back as results, and nobody looks at them."
        elif name in ("asyncio.wait", "asyncio.tasks.wait") and keyword(call, "return_when") is None:
            if not _MADE.search(reading.source(function)) or _is_one(call):
                continue  # whoever made the tasks may look at them
            told = "The errors of these tasks stay in the tasks: nobody asks for their results."
        else:
            continue
        if not cleans_up(reading, call) and _is_unread(reading, function, call):
            yield Hit(call, told)


def _is_one(call: ast.Call) -> bool:
    """Whether a single task is waited for."""
    given = call.args[0] if call.args else None
    return (
        isinstance(given, ast.Tuple | ast.Set | ast.List) and len(given.elts) == 1 and not isinstance(given.elts[0], ast.Starred)
    )


def _closes(call: ast.Call) -> bool:
    """Whether all that is gathered only ends something."""
    given = [it.value if isinstance(it, ast.Starred) else it for it in call.args]
    made = [it.elt if isinstance(it, ast.GeneratorExp | ast.ListComp) else it for it in given]
    return bool(made) and all(
        isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute) and _CLOSERS.match(it.func.attr) for it in made
    )


def _is_meant(reading: Reading, call: ast.Call) -> bool:
    """Whether a comment above the statement speaks of errors, or the function promises to keep them to itself."""
    function = reading.function(call)
    said = ast.get_docstring(function) or "" if isinstance(function, ast.AsyncFunctionDef) else ""
    return bool(_KEEPS.search(said)) or any(
        _SPEAKS.search(it) for it in _comment(reading.parsed.lines, call.lineno - reading.parsed.origin - 1)
    )


def _comment(lines: Sequence[str], at: int) -> Iterator[str]:
    """The lines of a comment that ends on this line, the last first."""
    while at >= 0 and lines[at].lstrip().startswith("#"):
        yield lines[at]
        at -= 1


def _are_handled(view: View, call: ast.Call) -> bool:
    """Whether every coroutine that is gathered catches all errors itself."""
    made = [it for _, it in started(view.reading, call)] or [it for it in call.args if isinstance(it, ast.Call)]
    found = [view.definition(it) for it in made]
    return bool(found) and all(it is not None and _catches(view, *it) for it in found)


def _catches(view: View, path: str, definition: Def) -> bool:
    """Whether a coroutine catches all errors itself, or the one that a plain function makes a task of."""
    if definition.catches or definition.is_async:
        return definition.catches
    inner = (view.project.resolve(path, it.target, definition.owner) for it in definition.calls)
    return any(isinstance(it, FunctionSymbol) and it.facts.is_async and it.facts.catches for it in inner)


def _is_unread(reading: Reading, function: Function, call: ast.Call) -> bool:
    """Whether no result can tell of an error: it is dropped, counted, or used in a function that knows no errors."""
    text = reading.source(function).replace("return_exceptions", "")
    if _LOOKS.search(text.replace(ast.unparse(call), "")):
        return False
    statement = reading.parent(reading.parent(call) or call)
    if isinstance(statement, ast.Expr):
        return True
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
        return False
    name = statement.targets[0].id
    uses = [it for it in reading.each(ast.Name) if it.id == name and isinstance(it.ctx, ast.Load)]
    return all(_counts(reading, it) for it in uses)


def _counts(reading: Reading, name: ast.Name) -> bool:
    """Whether the results are counted or added up, as if there were no errors among them."""
    parent = reading.parent(name)
    return isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id in ("len", "sum", "max", "min")
