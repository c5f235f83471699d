"""An answer with status 204 has a body.

Why: 204 means that nothing follows the headers. A body is dropped by one server, sent by another, and read by a proxy as the
beginning of the next answer on the same connection; FastAPI refuses to start with a response model beside it.
Instead: return nothing, or a 200 with the body.

    @router.delete("/orders/{order_id}", status_code=204)
    async def remove(order_id: int) -> None: ...

Consequences: a client waits for a body that never comes, or takes the next answer for it.
Tests: assert that the answer's content is empty.
Source: RFC 9110 section 15.3.5
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.answers import number
from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, FileHit, Hit, OpenApiView, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A1", "A5"],
    needs=["204", "NO_CONTENT"],
    bad=[
        Bad("""
from rest_framework import status
from rest_framework.response import Response

def destroy(self, request, pk=None):
    self.get_object().delete()
    return Response([|{"detail": "removed"}|], status=status.HTTP_204_NO_CONTENT)
"""),
        Bad("""
from fastapi import APIRouter, status

router = APIRouter()

@router.delete("/orders/{order_id}", status_code=status.HTTP_204_NO_CONTENT)
def remove(order_id: int):
    delete(order_id)
    return [|{"ok": True}|]
"""),
        Bad(
            """
from flask import Flask, jsonify

app = Flask(__name__)

@app.delete("/orders/<int:order_id>")
def remove(order_id):
    return [|jsonify(deleted=order_id)|], 204
""",
            fixed="""
from flask import Flask, jsonify

app = Flask(__name__)

@app.delete("/orders/<int:order_id>")
def remove(order_id):
    return "", 204
""",
        ),
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders/{id}:
    delete:
      responses:
        [|"204"|]:
          description: gone
          content:
            application/json:
              schema: {type: object, properties: {ok: {type: boolean}}}
"""),
    ],
    good=[
        """
from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

router = APIRouter()

@router.delete("/a", status_code=204)
def a():
    if gone():
        return None
    return Response(status_code=204)

@router.delete("/b", status_code=200)
def b():
    return {"ok": True}

@router.delete("/c", status_code=204)
def c() -> None:
    return remove()

@router.delete("/d", status_code=204)
def d():
    return JSONResponse({"detail": "in use"}, status_code=409)
""",
        """
from flask import Flask

app = Flask(__name__)

@app.delete("/a")
def a():
    return "", 204

@app.delete("/b")
def b():
    return {}, 204

@app.delete("/c")
def c():
    return None, 204
""",
        """
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders/{id}:
    delete:
      responses:
        "200":
          content:
            application/json:
              schema: {type: object}
        "204":
          description: gone
          content: {}
        "404":
          content:
            application/json:
              schema: {type: object}
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """What handlers with status 204 return, and what stands beside a 204 in a tuple."""
    reading = view.reading
    for node in reading.each(ast.Return):
        value = node.value
        function = reading.function(node)
        if value is None or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(value, ast.Tuple) and len(value.elts) > 1:
            if number(value.elts[1]) == 204 and _is_body(value.elts[0]):
                fix = Draft("Answer with nothing", (Change(value.elts[0], '""'),))
                yield Hit(value.elts[0], "A body stands beside status 204, which has none.", (fix,))
        elif isinstance(value, ast.Call) and _is_refused(value):
            yield Hit(value.args[0], "A body stands beside status 204, which has none.")
        elif _is_body(value):
            routes = routes_of(view.project, view.path, reading.qualname(function))
            if routes and all(it.status == 204 and it.framework == "fastapi" for it in routes):
                yield Hit(value, f"`{function.name}` returns a body with status 204, which has none.")


def _is_refused(call: ast.Call) -> bool:
    """Whether a response of Django REST framework is made with a body and with 204."""
    status = keyword(call, "status")
    made = dotted(call.func).rpartition(".")[2] in ("Response", "JsonResponse")
    return made and bool(call.args) and _is_body(call.args[0]) and status is not None and number(status) == 204


def _is_body(node: ast.expr) -> bool:
    """Whether an expression surely makes a body: a filled dictionary or list, text, JSON."""
    if isinstance(node, ast.Dict):
        return bool(node.keys)
    if isinstance(node, ast.List):
        return bool(node.elts)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and bool(node.value)
    if isinstance(node, ast.JoinedStr):
        return True
    if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in ("jsonify", "JSONResponse"):
        if keyword(node, "status_code") is not None:
            return False  # it has a status of its own
        content = node.args[0] if node.args else keyword(node, "content")
        return bool(node.keywords and content is None) or (content is not None and _is_body(content))
    return False


@rule.check_openapi
def find_described(view: OpenApiView) -> Iterator[FileHit]:
    """Answers with status 204 of which a document describes the body."""
    for operation in view.api.operations:
        for it in operation.responses:
            if it.status == "204" and any(schema.fields for _, schema in it.bodies):
                yield FileHit(it.at, f"`{operation.spoken}` describes a body for 204, which has none.", symbol=operation.spoken)
