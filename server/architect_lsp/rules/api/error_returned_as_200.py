"""A failure is answered with status 200.

Why: clients, caches, retries and monitoring read the status. A body that says `{"error": ...}` under a 200 is a success for all
of them but the one client that knows this body.
Instead: raise or return the status that fits, and keep the body for words.

    except OrderNotFound:
        raise HTTPException(status_code=404, detail="No such order")

Consequences: a client's retry never happens; a proxy caches the failure; the error rate stays flat in an outage.
Trade-offs: an answer about many things at once (207, or one result for each) may well be a 200 with failures inside.
Tests: let the dependency fail, and assert on the status.
Observability: alerts count statuses; what is a 200 is never counted.
Source: RFC 9110 section 15; RFC 9457, Problem Details for HTTP APIs
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.answers import number
from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A4", "A5"],
    cwe=393,
    needs=["error", "success", "status"],
    bad=[
        Bad("""
from rest_framework.response import Response
from rest_framework.views import APIView
from shop.models import Coupon

class Redeem(APIView):
    def post(self, request):
        coupon = Coupon.objects.filter(code=request.data.get("code")).first()
        if coupon is None:
            return [|Response({"error": "Invalid coupon"})|]
        return Response({"balance": coupon.balance})
"""),
        Bad("""
from aiohttp import web
from app.store import find

routes = web.RouteTableDef()

@routes.get("/rows/{key}")
async def row(request):
    found = await find(request.match_info["key"])
    if found is None:
        return [|web.json_response({"error": "no such row"})|]
    return web.json_response(found)
"""),
        Bad("""
from fastapi import APIRouter

router = APIRouter()

@router.get("/orders/{order_id}")
def read(order_id: int):
    try:
        return load(order_id)
    except KeyError as e:
        return [|{"error": f"no order {order_id}"}|]
"""),
        Bad("""
from flask import Flask, jsonify

app = Flask(__name__)

@app.post("/orders")
def create():
    try:
        return jsonify(make())
    except ValueError:
        return [|jsonify({"success": False, "message": "bad order"})|]
"""),
        Bad(
            """

from django.http import JsonResponse
from shop.models import Parcel

def parcel(request, pk):
    found = Parcel.objects.filter(pk=pk).first()
    if found is None:
        return [|JsonResponse({"error": "no such parcel"})|]
    return JsonResponse({"street": found.street})
""",
        ),
        Bad("""
from flask import Flask, jsonify

app = Flask(__name__)

@app.errorhandler(404)
def missing(error):
    return [|jsonify({"error": "not found"})|]
"""),
    ],
    good=[
        """
from fastapi import APIRouter

router = APIRouter()

@router.post("/rpc")
def rpc(body: dict):
    try:
        return {"jsonrpc": "2.0", "result": run(body), "id": body["id"]}
    except RpcError as error:
        return {"jsonrpc": "2.0", "error": error.as_dict(), "id": body["id"]}
""",
        """
from flask import Flask, jsonify

app = Flask(__name__)

@app.errorhandler(404)
def missing(error):
    return jsonify({"error": "not found"}), 404

@app.errorhandler(500)
def failed(error):
    response = jsonify({"error": "failed"})
    response.status_code = 500
    return response
""",
        """
from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import JSONResponse

router = APIRouter()

@router.get("/a")
def a():
    try:
        return load()
    except KeyError:
        raise HTTPException(404, "no such thing")

@router.get("/b")
def b():
    try:
        return load()
    except KeyError:
        return JSONResponse({"error": "no such thing"}, status_code=404)

@router.get("/c")
def c(response: Response):
    try:
        return load()
    except KeyError:
        response.status_code = 404
        return {"error": "no such thing"}

@router.get("/jobs/{number}")
def job(number: int):
    job = JOBS[number]
    if error := job["error"]:
        return {"status": "failed", "error": error}
    return {"status": "done", "result": job["result"]}

@router.get("/health")
def health():
    try:
        return {"database": ping()}
    except OSError:
        return {"status": "error"}

def helper():
    try:
        return load()
    except KeyError:
        return {"error": "no such thing"}
""",
        """
from flask import Flask, jsonify

app = Flask(__name__)

@app.post("/orders")
def create():
    try:
        return jsonify(make())
    except ValueError:
        return jsonify({"error": "bad order"}), 400
""",
        """

from django.http import JsonResponse
from shop.models import Parcel

def parcel(request, pk):
    found = Parcel.objects.filter(pk=pk).first()
    if found is None:
        return JsonResponse({"error": "no such parcel"}, status=404)
    if not found.street:
        return JsonResponse({"error": None, "street": ""})
    return JsonResponse({"street": found.street})
""",
    ],
)

_FAILS = ("error", "errors", "exception", "error_message", "err")
_ANSWERS = ("jsonify", "JsonResponse", "JSONResponse", "dict", "ORJSONResponse", "UJSONResponse", "Response", "json_response")
_OF_JOBS = regex(r"\b(?:job|task|run|build|report|import|export)\w*(?:\.error|\[['\"]error['\"]\]|\.get\(['\"]error)")
"""What asks whether a job has failed, which is no failure of the answer that tells of it."""
_REPORTS = (
    "health",
    "ready",
    "live",
    "status",
    "ping",
    "test_",
    "check",
    "validate",
    "probe",
    "diagnos",
    "webhook",
    "subscribe",
    "batch",
    "bulk",
)
"""Names of routes whose answer is about what works and what doesn't."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers that return a failure's body, and nothing else, out of an `except`."""
    reading = view.reading
    for node in reading.each(ast.Return):
        handler = reading.function(node)
        if not isinstance(handler, ast.FunctionDef | ast.AsyncFunctionDef) or node.value is None:
            continue
        if _is_refusal(handler, node.value):
            yield Hit(node.value, f"`{handler.name}` answers a failure with status 200.")
            continue
        if _is_error_handler(handler) and _is_bare(node.value):
            yield Hit(
                node.value, f"`{handler.name}` answers an error with status 200: Flask takes the status from what it returns."
            )
            continue
        if not _in_except(reading, node) and not _is_early(reading, node, handler):
            continue
        body = _body(node.value)
        if body is None or not _tells_failure(body):
            continue
        routes = routes_of(view.project, view.path, reading.qualname(handler))
        if not routes and _is_view(handler, node.value):
            if not any(word in handler.name.lower() for word in _REPORTS) and not _sets_status(reading, handler):
                yield Hit(node.value, f"`{handler.name}` answers a failure with status 200.")
            continue
        if not routes or any(word in f"{it.path} {handler.name}".lower() for it in routes for word in _REPORTS):
            continue
        if any("WEBSOCKET" in it.methods or (it.status or 200) >= 300 for it in routes) or _sets_status(reading, handler):
            continue
        yield Hit(node.value, f"`{handler.name}` answers a failure with status 200.")


def _is_error_handler(handler: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether Flask asks it for the answer to an error."""
    names = (dotted(it.func).rpartition(".")[2] for it in handler.decorator_list if isinstance(it, ast.Call))
    is_own = any(it in ("errorhandler", "app_errorhandler") for it in names)
    return is_own and not any(isinstance(it, ast.Attribute) and it.attr in ("status_code", "status") for it in ast.walk(handler))


def _is_bare(value: ast.expr) -> bool:
    """Whether it is a body alone, made in place."""
    if isinstance(value, ast.Dict | ast.JoinedStr):
        return True
    if isinstance(value, ast.Constant):
        return isinstance(value.value, str)
    made = dotted(value.func).rpartition(".")[2] if isinstance(value, ast.Call) else ""
    return made in ("jsonify", "render_template")


def _is_view(handler: ast.FunctionDef | ast.AsyncFunctionDef, value: ast.expr) -> bool:
    """Whether it is a view of Django, which is routed elsewhere."""
    made = dotted(value.func).rpartition(".")[2] if isinstance(value, ast.Call) else ""
    known = made == "JsonResponse" or (made in ("Response", "json_response") and _answers_itself(handler, made))
    return known and any(it.arg == "request" for it in handler.args.args[:2])


def _answers_itself(handler: ast.FunctionDef | ast.AsyncFunctionDef, made: str) -> bool:
    """Whether it is a handler of Django REST framework or of aiohttp, by its name or its decorators."""
    names = {dotted(it.func).rpartition(".")[2] for it in handler.decorator_list if isinstance(it, ast.Call)}
    if made == "json_response":
        return bool(names & {"get", "post", "put", "patch", "delete", "view"})
    return handler.name in ("get", "post", "put", "patch", "delete") or bool(names & {"api_view", "action"})


def _is_refusal(handler: ast.FunctionDef | ast.AsyncFunctionDef, value: ast.expr) -> bool:
    """Whether it is what a serializer of Django REST framework says is wrong, as an answer without a status."""
    if not isinstance(value, ast.Call) or dotted(value.func).rpartition(".")[2] != "Response" or len(value.args) != 1:
        return False
    is_errors = isinstance(value.args[0], ast.Attribute) and value.args[0].attr == "errors"
    return is_errors and not value.keywords and any(it.arg == "request" for it in handler.args.args[:2])


def _is_early(reading: Reading, node: ast.Return, handler: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it is the answer of a branch, and the handler has another one at its end."""
    up = reading.parent(node)
    is_early = isinstance(up, ast.If) and isinstance(handler.body[-1], ast.Return) and handler.body[-1] is not node
    return is_early and not (isinstance(up, ast.If) and _OF_JOBS.search(ast.unparse(up.test)))


def _in_except(reading: Reading, node: ast.AST) -> bool:
    for up in reading.ancestors(node):
        if isinstance(up, ast.ExceptHandler):
            return True
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.For | ast.AsyncFor | ast.While):
            return False
    return False


def _body(node: ast.expr) -> ast.Dict | ast.Call | None:
    """The dictionary that is answered; a call where its entries are keywords; None for what says a status, or isn't one."""
    if isinstance(node, ast.Tuple) and len(node.elts) == 2 and number(node.elts[1]) == 200:
        return _body(node.elts[0])
    if isinstance(node, ast.Dict):
        return node
    if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in _ANSWERS:
        if any(it.arg in ("status_code", "status") for it in node.keywords) or len(node.args) > 1:
            return None
        inner = node.args[0] if node.args else next((it.value for it in node.keywords if it.arg == "content"), None)
        return inner if isinstance(inner, ast.Dict) else node if inner is None and node.keywords else None
    return None


def _tells_failure(body: ast.Dict | ast.Call) -> bool:
    if isinstance(body, ast.Call):
        rows = [(it.arg or "", it.value) for it in body.keywords]
    else:
        rows = [
            (str(key.value), value) for key, value in zip(body.keys, body.values, strict=True) if isinstance(key, ast.Constant)
        ]
    if any(key == "jsonrpc" for key, _ in rows):
        return False  # whose errors are answers like all others
    for key, value in rows:
        constant = value.value if isinstance(value, ast.Constant) else "?"
        if key.lower() in _FAILS and constant not in (None, "", False):
            return True
        if key.lower() in ("success", "ok", "succeeded") and constant is False:
            return True
        if key.lower() == "status" and constant in ("error", "failed", "failure", "fail"):
            return True
    return False


def _sets_status(reading: Reading, handler: ast.AST) -> bool:
    """Whether the handler sets the status of its answer by hand."""
    return any(isinstance(it, ast.Attribute) and it.attr in ("status_code", "status") for it in reading.within(handler))
