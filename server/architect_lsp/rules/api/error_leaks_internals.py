"""The answer to a failed request carries the text of whatever failed.

Why: an unforeseen exception's text is written for whoever mends the service: SQL with its values, paths of files, addresses of
other services, parts of keys. Sent to a client it is a map of the inside, and a contract nobody meant to make.
Instead: answer with words of your own and an id, and log the exception beside that id.

    except Exception:
        error_id = uuid4().hex
        logger.exception("export failed", extra={"error_id": error_id})
        raise HTTPException(500, detail=f"The export failed. Report this id: {error_id}")

Consequences: a changed library changes the answers of the service; support learns of failures from screenshots.
Trade-offs: text of exceptions the project raises itself, for the client to read, is safe: catch those by their classes.
Tests: let a dependency raise with a marker in its text, and assert that the marker is not in the answer.
Security: CWE-209. Error text tells table names, versions and paths to who probes for them.
Observability: log with `logger.exception`, so that the trace stays in the service.
Source: OWASP API Security Top 10 2023, API8: Security Misconfiguration
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.answers import meant, status_of, text_shown
from architect_lsp.knowledge.failures import BROAD, handed_exception
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.knowledge.request_handlers import is_handler
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A5", "D4"],
    cwe=209,
    needs=["HTTPException", "Response", "jsonify", "abort", "format_exc", "except"],
    bad=[
        Bad("""
import traceback
import strawberry
from app.store import pay

@strawberry.type
class Mutation:
    @strawberry.mutation
    async def pay(self, amount: int) -> "Paid":
        try:
            await pay(amount)
        except Exception:
            return Paid(ok=False, message=[|traceback.format_exc()|])
        return Paid(ok=True, message="")
"""),
        Bad(
            """
from fastapi import APIRouter, HTTPException

router = APIRouter()

@router.get("/report")
def report():
    try:
        return build()
    except Exception as e:
        raise HTTPException(status_code=500, detail=[|str(e)|])
""",
            fixed="""
from fastapi import APIRouter, HTTPException

router = APIRouter()

@router.get("/report")
def report():
    try:
        return build()
    except Exception as e:
        raise HTTPException(status_code=500, detail="Internal server error")
""",
        ),
        Bad("""
import traceback
from flask import Flask, jsonify
from starlette.responses import JSONResponse

app = Flask(__name__)

@app.route("/a")
def a():
    try:
        return work()
    except Exception as error:
        return jsonify({"error": [|f"Failed: {error}"|]}), 500

@app.errorhandler(Exception)
def failed(error):
    return jsonify(error=[|str(error)|]), 500

async def on_error(request, exc):
    return JSONResponse({"trace": [|traceback.format_exc()|]}, status_code=500)
"""),
        Bad("""
import traceback
from flask import Flask

app = Flask(__name__)

@app.route("/b")
def b():
    try:
        return work()
    except Exception:
        return [|traceback.format_exc()|], 500
"""),
        Bad("""
from fastapi import APIRouter, HTTPException

router = APIRouter()

@router.get("/update")
def update():
    try:
        return build()
    except Exception as e:
        message = f"Failed to update: {e}"
        raise HTTPException(status_code=500, detail=[|message|])
"""),
        Bad(
            """

import stripe
from fastapi import APIRouter, HTTPException
from .errors import OutOfStock

router = APIRouter()

@router.post("/orders")
def order(body):
    try:
        stripe.Charge.create(amount=body.cents)
    except stripe.StripeError as error:
        raise HTTPException(status_code=502, detail=[|str(error)|])
    except OutOfStock as error:
        raise HTTPException(status_code=503, detail=str(error))
""",
            fixed="""

import stripe
from fastapi import APIRouter, HTTPException
from .errors import OutOfStock

router = APIRouter()

@router.post("/orders")
def order(body):
    try:
        stripe.Charge.create(amount=body.cents)
    except stripe.StripeError as error:
        raise HTTPException(status_code=502, detail="Internal server error")
    except OutOfStock as error:
        raise HTTPException(status_code=503, detail=str(error))
""",
        ),
        Bad("""
import traceback
from flask import Flask

app = Flask(__name__)

@app.route("/c")
def c():
    try:
        return work()
    except Exception:
        trace = traceback.format_exc()
        return [|"<pre>" + trace + "</pre>"|], 500
"""),
    ],
    good=[
        """
import logging
import traceback
from fastapi import APIRouter, HTTPException
from fastapi.responses import JSONResponse

logger = logging.getLogger(__name__)
router = APIRouter()

@router.get("/a")
def a():
    try:
        return build()
    except ValueError as e:
        raise HTTPException(status_code=400, detail=str(e))
    except Exception as e:
        logger.exception("failed: %s", str(e))
        raise HTTPException(status_code=500, detail="The report can't be built now.") from e

@router.get("/b")
def test_model():
    try:
        return build()
    except Exception as e:
        return Tried(success=False, error=str(e))

@router.put("/plugins/{name}")
def put_plugin(name: str):
    try:
        return load(name)
    except PluginImportError as e:
        return import_error(str(e), traceback.format_exc())

@router.post("/settings/llm")
def llm_test():
    try:
        return build()
    except Exception as e:
        return JSONResponse({"error": str(e)})

@server.tool()
@require_service("drive")
def shown(text: str):
    try:
        return build()
    except Exception as e:
        return f"Error: {e}"

@router.get("/d")
def d(text: str):
    try:
        query = parse(text)
    except Exception as e:
        raise HTTPException(status_code=422, detail=f"Invalid query: {e}")

@router.get("/f")
def f():
    try:
        return build()
    except Exception as e:
        if isinstance(e, OrderError):
            raise HTTPException(status_code=409, detail=str(e))
        if settings.DEBUG:
            raise HTTPException(status_code=500, detail=str(e))
        raise

@router.get("/g")
def g(text: str):
    try:
        return build(text)
    except Exception as e:
        return {"error": str(e)}, 400

@router.get("/c")
def c():
    try:
        return build()
    except Exception as e:
        return JSONResponse(status_code=400, content={"kind": e.__class__.__name__})

@registry.action("Search the page")
def search(text: str):
    try:
        return build(text)
    except Exception as e:
        return ActionResult(error=f"failed: {e}")
""",
        """
class Response: ...

def stored(team):
    try:
        return Response(team.save())
    except Exception as e:
        return Response(message=str(e))
""",
    ],
)

_ANSWERS = regex(r"HTTPException|(?:\w*JSON|Plain\w*|HTML|ORJSON|UJSON)?Response|jsonify|make_response|abort|HttpResponse\w*")

_PARSING = regex(r"[\"'](?:\w+ )*(?:invalid|malformed|pars(?:e|ing)|decod(?:e|ing))", re.IGNORECASE)
_OF_CODE = regex(r"(?:Import|Load|Plugin|Script|Compil\w*|Syntax|Template)Error$")
_FEW = 2
"""Statements of a `try` that do no more than take apart what the client sent."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Answers made in a broad handler of exceptions out of the exception's text; traces anywhere."""
    reading = view.reading
    if is_script(view.path):
        return
    for call in reading.each(ast.Call):
        if not _ANSWERS.fullmatch(dotted(call.func).rpartition(".")[2]) or _is_value(view, call):
            continue
        caught = _caught(view, call)
        if _is_trial(reading.function(call)) or _is_of_clients_code(view, call):
            continue
        for it in (*call.args, *(row.value for row in call.keywords if row.arg not in ("status_code", "headers", "status"))):
            shown = text_shown(meant(reading, it) if caught else it, caught)
            if shown is not None:
                message = f"The client is told the text of an unforeseen exception: `{reading.source(shown)[:60]}`."
                yield Hit(it if isinstance(it, ast.Name) else shown, message, _fixes(call, shown))
                break
    yield from _returned(view)


def _is_value(view: View, call: ast.Call) -> bool:
    """Whether it makes an object of a class of the project's own, outside of what answers a request: whoever called gets it."""
    function, symbol = view.reading.function(call), view.symbol(call.func)
    if not isinstance(symbol, ClassSymbol) or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return not is_handler(view.reading, function) and not any(_ANSWERS.search(it) for it in symbol.facts.bases)


def _returned(view: View) -> Iterator[Hit]:
    """What a handler gives back without an answer around it: `return str(error), 500`."""
    for node in (reading := view.reading).each(ast.Return):
        function = reading.function(node)
        if node.value is None or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        value, *rest = node.value.elts if isinstance(node.value, ast.Tuple) and len(node.value.elts) > 1 else [node.value]
        status = constant(rest[0]) if rest else None
        if isinstance(value, ast.Call) and _ANSWERS.fullmatch(dotted(value.func).rpartition(".")[2]):
            continue
        trace = (
            next((it.value for it in value.keywords if text_shown(it.value, "")), None) if isinstance(value, ast.Call) else None
        )
        if trace is not None and any(dotted(it).endswith((".mutation", ".field")) for it in function.decorator_list):
            yield Hit(trace, "The client is told where in the code it failed: the trace belongs into the log.")
            continue
        is_answer = is_handler(reading, function) and not _is_trial(function) and not _is_of_clients_code(view, node)
        shown = text_shown(meant(reading, value), _caught(view, node)) if is_answer else None
        if shown is not None and not (isinstance(status, int) and 400 <= status < 500):
            at = shown if any(it is shown for it in ast.walk(value)) else value
            yield Hit(at, f"The client is told the text of an unforeseen exception: `{reading.source(shown)[:60]}`.")


def _is_trial(function: ast.AST | None) -> bool:
    """Whether a handler tries settings out for who made them: the error is what they ask for."""
    return isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and bool(
        {"test", "probe", "ping"} & {*function.name.split("_")}
    )


def _is_of_clients_code(view: View, node: ast.AST) -> bool:
    """Whether what failed is code that the client sent, by the one exception that is caught: its trace is what they need."""
    up = next((it for it in view.reading.ancestors(node) if isinstance(it, ast.ExceptHandler)), None)
    return up is not None and bool(_OF_CODE.search(dotted(up.type).rpartition(".")[2]))


def _caught(view: View, node: ast.AST) -> str:
    """The name of the broadly caught exception around a node, "" when there is none."""
    reading = view.reading
    asked: set[str] = set()
    for up in reading.ancestors(node):
        if isinstance(up, ast.If) and "debug" in ast.unparse(up.test).lower():
            return ""
        if isinstance(up, ast.If):
            asked.update(it.id for it in ast.walk(up.test) if isinstance(it, ast.Name))
        if isinstance(up, ast.ExceptHandler):
            tried = reading.parent(up)
            is_small = isinstance(tried, ast.Try) and len(tried.body) <= _FEW
            if 400 <= _status(node) < 500 and (is_small or _PARSING.search(reading.source(node))):
                return ""  # what the client sent didn't parse
            kinds = up.type.elts if isinstance(up.type, ast.Tuple) else [up.type]
            if up.name in asked:
                return ""  # a known one among them
            is_broad = any(it is None or dotted(it).rpartition(".")[2] in BROAD for it in kinds)
            if not is_broad and _status(node) >= 500:  # a library's exception says what it was about to do, and where
                is_broad = any(_is_of_library(view, it) for it in kinds if it is not None)
            return up.name or "" if is_broad else ""
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            name = "" if isinstance(up, ast.Lambda) else handed_exception(up)
            return "" if name in asked else name
    return ""


def _is_of_library(view: View, kind: ast.expr) -> bool:
    """Whether an exception is one of an installed package's, whose words nobody here chose."""
    head = dotted(kind).partition(".")[0]
    name = view.name(kind)
    imported = view.project.imported(view.path, head)
    return bool(name) and "." in name and not imported.startswith(".") and not name.startswith(("builtins.", "?"))


def _status(node: ast.AST) -> int:
    """The status of an answer, 0 when it says none: from 500 on the service failed, whatever was caught."""
    return status_of(node) or 0 if isinstance(node, ast.Call) else 0


def _fixes(call: ast.Call, shown: ast.expr) -> tuple[Draft, ...]:
    if not any(it.arg == "detail" and it.value is shown for it in call.keywords):
        return ()
    return (Draft("Say no more than that the service failed", (Change(shown, '"Internal server error"'),)),)
