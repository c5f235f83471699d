"""A handler waits for an exception that what it guards never raises.

Why: `next()` ends with `StopIteration`, not `IndexError`; `first()` and `one_or_none()` give None instead of raising; `get` of a
dict never raises `KeyError`; `httpx` raises none of the exceptions of `requests`. The handler looks like a plan for the failure,
and the failure goes past it.
Instead: name what is raised, or ask for None.

    order = Order.objects.filter(number=number).first()
    if order is None:
        raise Http404

Consequences: a 500 where an answer was meant, or None that is used as if it were a row.
Tests: the case that the handler is for.
Source: CWE-755
"""

import ast
from collections.abc import Iterator, Sequence

from architect_lsp.knowledge.handlers import EVERY
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["E3"],
    cwe=755,
    needs=["except"],
    bad=[
        Bad("""
def first_key(rows):
    try:
        key = next(iter(rows.keys()))
    except [|IndexError|]:
        return ""
    return key
"""),
        Bad("""
import asyncio

async def refresh(sources):
    try:
        async with asyncio.TaskGroup() as group:
            for it in sources:
                group.create_task(it.refresh())
    except [|ConnectionError|]:
        return False
    except (asyncio.CancelledError, ExceptionGroup):
        raise
    return True

async def within(sources):
    try:
        async with asyncio.timeout(3), asyncio.TaskGroup() as group:
            group.create_task(sources.refresh())
    except TimeoutError:
        return False
"""),
        Bad("""
from shop.models import Order

def order(number, session):
    try:
        found = Order.objects.filter(number=number).first()
    except [|Order.DoesNotExist|]:
        return None
    return found
"""),
        Bad("""
import os
import httpx
import requests

def limit():
    try:
        return os.environ.get("LIMIT")
    except [|KeyError|]:
        return None

def fetch(url):
    try:
        answer = httpx.get(url, timeout=5)
        answer.raise_for_status()
    except [|requests.RequestException|]:
        return None
    return answer.json()
"""),
    ],
    good=[
        """
import httpx
import requests
from shop.models import Order

def first(rows, number, url):
    try:
        return next(iter(rows))
    except StopIteration:
        pass
    try:
        return next(iter(rows[0]))
    except IndexError:
        pass
    try:
        return Order.objects.get(number=number)
    except Order.DoesNotExist:
        pass
    try:
        return Order.objects.filter(number=number).first().customer.name
    except Order.DoesNotExist:
        pass
    try:
        return helper(rows).first()
    except Order.DoesNotExist:
        pass
    try:
        return rows.get(len(rows), rows[number])
    except KeyError:
        pass
    try:
        return helper(httpx.get(url))
    except requests.RequestException:
        pass
    try:
        return next(iter(rows), None)
    except (IndexError, TypeError):
        return None
""",
    ],
)

_LAZY = frozenset(
    (
        *(
            "filter",
            "exclude",
            "order_by",
            "select_related",
            "prefetch_related",
            "all",
            "values",
            "values_list",
            "distinct",
            "only",
        ),
        *("defer", "using", "filter_by", "annotate", "first", "last", "exists", "count", "one_or_none", "scalar_one_or_none"),
        *("select_for_update", "where", "options", "limit", "scalars", "query", "execute", "select"),
    )
)
_ENDS = frozenset(("first", "last", "exists", "one_or_none", "scalar_one_or_none"))
_OTHER = {"httpx": ("requests",), "requests": ("httpx", "aiohttp"), "aiohttp": ("requests", "httpx")}


_PASSED = regex(r"Group\w*$|^(?:Exception|BaseException|CancelledError|KeyboardInterrupt|SystemExit|GeneratorExit)$")
"""What leaves a task group as it is."""


def _is_group(view: View, body: list[ast.stmt]) -> bool:
    """Whether a block is nothing but a task group of asyncio's."""
    if len(body) != 1 or not isinstance(body[0], ast.AsyncWith) or len(body[0].items) != 1:
        return False
    made = body[0].items[0].context_expr
    return (
        isinstance(made, ast.Call)
        and not made.args
        and view.callee(made) in ("asyncio.TaskGroup", "asyncio.taskgroups.TaskGroup")
    )


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers of exceptions that are not among those of the calls they guard."""
    reading = view.reading
    for block in reading.each(ast.Try):
        all_types = [it for handler in block.handlers for it in _types(handler)]
        if _is_group(view, block.body):
            for it in all_types:
                if dotted(it) and not _PASSED.search(dotted(it).rpartition(".")[2]):
                    told = "the task group raises what happens in it as one `ExceptionGroup`; take it by `except*`"
                    yield Hit(it, f"Nothing in the `try` raises `{dotted(it)}`: {told}.")
            continue
        calls = [it for row in block.body for it in ast.walk(row) if isinstance(it, ast.Call)]
        if not calls or any(
            isinstance(it, ast.With | ast.AsyncWith | ast.Raise | ast.For) for row in block.body for it in ast.walk(row)
        ):
            continue
        for it in all_types:
            said = _never(view, reading, block.body, calls, it, all_types)
            if said:
                yield Hit(it, f"Nothing in the `try` raises `{dotted(it)}`: {said}.")


def _types(handler: ast.ExceptHandler) -> Sequence[ast.expr]:
    if handler.type is None:
        return ()
    return handler.type.elts if isinstance(handler.type, ast.Tuple) else (handler.type,)


def _never(
    view: View, reading: Reading, body: list[ast.stmt], calls: list[ast.Call], given: ast.expr, others: Sequence[ast.expr]
) -> str:
    name = dotted(given)
    last = name.rpartition(".")[2]
    has_items = any(isinstance(it, ast.Subscript) for row in body for it in ast.walk(row))
    if last == "IndexError" and not has_items and all(_is_next(it) or _is_plain(it) for it in calls):
        caught = {dotted(it).rpartition(".")[2] for it in others}
        if any(_is_next(it) for it in calls) and not caught & (EVERY | {"StopIteration", "RuntimeError"}):
            return "`next` ends with `StopIteration`"
    if last in ("DoesNotExist", "ObjectDoesNotExist", "NoResultFound") and not has_items and _asks_softly(reading, calls):
        return "the query gives None where there is no row"
    if last == "KeyError" and not has_items and all(_gets(view, it) for it in calls) and _is_method(body):
        return "`get` gives None where there is no key"
    package = view.name(given).partition(".")[0]
    if package in _OTHER and last != "JSONDecodeError":
        made = {found for it in calls if (found := view.callee(it).partition(".")[0])}
        from_other = made & set(_OTHER[package])
        if from_other and package not in made and all(_is_of(view, it, from_other) for it in calls):
            return f"the call is one of `{min(from_other)}`"
    return ""


def _is_next(call: ast.Call) -> bool:
    return dotted(call.func) == "next" and len(call.args) == 1 and not isinstance(call.args[0], ast.GeneratorExp)


def _is_plain(call: ast.Call) -> bool:
    """A call that only hands on what can be iterated."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr in ("keys", "values", "items") and not call.args
    return dotted(call.func) in ("iter", "reversed", "str", "len", "enumerate", "sorted", "list")


def _asks_softly(reading: Reading, calls: list[ast.Call]) -> bool:
    """Whether all calls belong to chains of a query that ends with None, and nothing is read of its result."""
    if not any(isinstance(it.func, ast.Attribute) and it.func.attr in _ENDS and not it.args for it in calls):
        return False
    for it in calls:
        if not isinstance(it.func, ast.Attribute) or it.func.attr not in _LAZY:
            return False
        up = reading.parent(it)
        if isinstance(up, ast.Attribute) and (it.func.attr in _ENDS or up.attr not in _LAZY):
            return False
    return not any(isinstance(arg, ast.Attribute) and dotted(arg).count(".") > 1 for it in calls for arg in _arguments(it))


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(it.value for it in call.keywords)]


def _gets(view: View, call: ast.Call) -> bool:
    return view.callee(call) in ("os.environ.get", "os.getenv") or (
        dotted(call.func) in ("int", "float", "str", "bool") and bool(call.args)
    )


def _is_method(body: list[ast.stmt]) -> bool:
    """Whether a method is called at all: `os.environ.get`."""
    return any(isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute) for row in body for it in ast.walk(row))


def _is_of(view: View, call: ast.Call, packages: set[str]) -> bool:
    """Whether a call is one of these packages, or a method of what they gave."""
    if view.callee(call).partition(".")[0] in packages:
        return True
    return isinstance(call.func, ast.Attribute) and call.func.attr in ("raise_for_status", "json", "read", "text", "close")
