"""A tool answers with nothing when it failed, and the model takes that for the answer.

Why: an empty text, `None` or `[]` after `except Exception` says "there is none". The model goes on as if it had looked, and
tells the user so.
Instead: say that it failed, and what the model may do about it.

    @tool
    def lookup(part: str) -> str:
        \"\"\"Find a spare part.\"\"\"
        try:
            response = httpx.get(PARTS, params={"q": part}, timeout=10)
            response.raise_for_status()
        except httpx.HTTPError as error:
            logger.warning("parts did not answer", exc_info=error)
            return "error: the parts service did not answer; say that you could not look"
        return response.text

Consequences: answers that are wrong and sound sure; nobody sees that the tool is down.
Tests: let the client raise and assert that the tool's text says so.
Observability: count errors of each tool.
Source: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use#error-handling-with-is-error
"""

import ast
import sys
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.sources import is_tool
from architect_lsp.knowledge.waiting import run_by
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C3", "C4"],
    cwe=391,
    needs=["except"],
    bad=[
        Bad("""
import requests
from langchain_core.tools import tool

@tool
def weather(city: str) -> str:
    \"\"\"The weather of a city.\"\"\"
    try:
        return requests.get("https://weather.example", params={"city": city}, timeout=5).text
    [|except Exception:|]
        return ""
"""),
        Bad("""
from agents import function_tool

@function_tool
async def orders(ctx, customer: str) -> list[str]:
    \"\"\"Orders of a customer.\"\"\"
    rows = []
    try:
        rows = await ctx.context.store.orders(customer)
    [|except:|]
        pass
    return rows
"""),
    ],
    good=[
        """
import requests
from langchain_core.tools import tool

@tool
def weather(city: str) -> str:
    \"\"\"The weather of a city.\"\"\"
    try:
        return requests.get("https://weather.example", params={"city": city}, timeout=5).text
    except Exception as error:
        return f"error: {error}"

@tool
def known(city: str) -> str:
    \"\"\"Whether a city is known.\"\"\"
    try:
        return CITIES[city]
    except KeyError:
        return ""

@tool
def cleaned(city: str) -> str:
    \"\"\"The weather of a city.\"\"\"
    try:
        answer = requests.get("https://weather.example", params={"city": city}, timeout=5)
    except Exception:
        raise ToolError("the weather service did not answer")
    try:
        answer.close()
    except Exception:
        pass
    return answer.text

def plain(city):
    try:
        return requests.get("https://weather.example", timeout=5).text
    except Exception:
        return ""

CITIES = {}
""",
    ],
)

_ENDINGS = ("close", "aclose", "cleanup", "rollback", "unlink", "remove", "quit", "disconnect", "terminate", "kill")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers of every error in tools that give nothing, and say nothing of the error."""
    reading = view.reading
    for handler in reading.each(ast.ExceptHandler):
        function = reading.function(handler)
        block = reading.parent(handler)
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or not is_tool(
            view.project, view.path, reading, function
        ):
            continue
        if not isinstance(block, ast.Try) or not _is_all(handler.type) or not _gives_nothing(handler.body):
            continue
        if isinstance(handler.body[-1], ast.Pass) and not _ends(function.body, block):
            continue  # the tool goes on, and answers later
        calls = [it for it in run_by(block.body) if isinstance(it, ast.Call)]
        works = [it for it in calls if (it.func.attr if isinstance(it.func, ast.Attribute) else "") not in _ENDINGS]
        if any(view.effects(it) or reading.awaited(it) or _is_of_others(view, it) for it in works):
            yield Hit(handler, f"The tool `{function.name}` hides its errors: the model takes nothing for the answer.")


def _is_of_others(view: View, call: ast.Call) -> bool:
    """Whether a package does it of which no more is known: Python's own parse and count, and what they refuse is an answer."""
    head = view.callee(call).partition(".")[0]
    return head not in ("", "builtins") and not head.startswith("?") and head not in sys.stdlib_module_names


def _ends(body: list[ast.stmt], block: ast.Try) -> bool:
    """Whether nothing comes after the block but what it found being returned."""
    rest = body[body.index(block) + 1 :] if block in body else [block]
    return all(isinstance(it, ast.Return) and isinstance(it.value, ast.Name | ast.Constant) for it in rest)


def _is_all(node: ast.expr | None) -> bool:
    return node is None or dotted(node) in ("Exception", "BaseException")


def _gives_nothing(body: list[ast.stmt]) -> bool:
    """Whether the handler passes, or gives an empty value, perhaps after a line of log."""
    rest = [it for it in body if not (isinstance(it, ast.Expr) and isinstance(it.value, ast.Call | ast.Constant))]
    if len(rest) != 1:
        return False
    last = rest[0]
    if isinstance(last, ast.Pass):
        return True
    if not isinstance(last, ast.Return):
        return False
    value = last.value
    if value is None or (isinstance(value, ast.Constant) and value.value in ("", None, 0, False)):
        return True
    return isinstance(value, ast.List | ast.Tuple | ast.Dict) and not (
        getattr(value, "elts", None) or getattr(value, "keys", None)
    )
