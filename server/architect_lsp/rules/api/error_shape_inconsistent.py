"""An error has another body than the other errors of this service.

Why: clients read errors in one place. Where nearly all come as `{"detail": ...}`, which `HTTPException` makes, the one that
comes as `{"error": ...}` is shown as "undefined".
Instead: raise it as the others are raised, or give all of them one body by an exception handler.

    raise HTTPException(status_code=409, detail="The order was sent already")

Consequences: each client handles each error by hand, or shows nothing.
Trade-offs: a body that another protocol prescribes, as OAuth does, is what it is.
Tests: assert on the shape of every refusal with one function.
Source: RFC 9457, Problem Details for HTTP APIs
"""

import ast
from collections import Counter
from collections.abc import Iterator

from architect_lsp.knowledge.answers import status_of
from architect_lsp.knowledge.catalogue import handlers
from architect_lsp.knowledge.habits import AGREE, MIN_NEIGHBOURS, odd_ones
from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, FileHit, Hit, OpenApiView, Rule, View

_SHOP = (
    "from fastapi import APIRouter, HTTPException\nfrom fastapi.responses import JSONResponse\n\nrouter = APIRouter()\n"
    + "".join(
        f"""
@router.get("/{name}")
def {name}():
    raise HTTPException(404)
"""
        for name in "abcdef"
    )
)

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["A1", "A5"],
    needs=["Response"],
    bad=[
        Bad(
            _SHOP
            + """
@router.get("/g")
def g():
    return [|JSONResponse({"error": "gone"}, status_code=410)|]
"""
        ),
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
paths:
  /a: {get: {responses: {"404": {content: {application/json: {schema: {$ref: "#/components/schemas/Problem"}}}}}}}
  /b: {get: {responses: {"404": {content: {application/json: {schema: {$ref: "#/components/schemas/Problem"}}}}}}}
  /c: {get: {responses: {"404": {content: {application/json: {schema: {$ref: "#/components/schemas/Problem"}}}}}}}
  /d: {get: {responses: {"404": {content: {application/json: {schema: {$ref: "#/components/schemas/Problem"}}}}}}}
  /e: {get: {responses: {"409": {content: {application/json: {schema: {$ref: "#/components/schemas/Problem"}}}}}}}
  /f: {get: {responses: {[|"404"|]: {content: {application/json: {schema: {$ref: "#/components/schemas/Failure"}}}}}}}
components:
  schemas:
    Problem: {type: object, properties: {title: {type: string}}}
    Failure: {type: object, properties: {error: {type: string}}}
"""),
    ],
    good=[
        _SHOP
        + """
@router.get("/g")
def g():
    return JSONResponse({"detail": "gone"}, status_code=410)

@router.get("/h")
def h():
    return JSONResponse({"ok": True}, status_code=202)

@router.get("/stores/{name}")
def store(name: str):
    return JSONResponse({"error": {"message": name, "type": "not_found_error"}}, status_code=404)

@router.get("/pickled")
def pickled():
    try:
        return build()
    except Exception as e:
        return JSONResponse({"exception": packed(e)}, status_code=400)

def packed(error):
    return type(error).__name__

@router.get("/oauth/token")
def token():
    return JSONResponse({"error": "invalid_grant"}, status_code=400)
""",
        """
from fastapi import APIRouter
from fastapi.responses import JSONResponse

router = APIRouter()

@router.get("/g")
def g():
    return JSONResponse({"error": "gone"}, status_code=410)
""",
    ],
)

_MADE = ("JSONResponse", "ORJSONResponse", "UJSONResponse")
_PRESCRIBED = ("oauth", "token", "jsonrpc", "rpc", "mcp", "webhook", "scim", "health", "ready", "openai", "/v1/chat", "anthropic")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Error bodies written by hand in FastAPI's handlers, where nine of ten errors are raised."""
    reading = view.reading
    told: set[ast.AST] = set()
    for call in reading.each(ast.Call):
        if dotted(call.func).rpartition(".")[2] not in _MADE or (status_of(call) or 0) < 400:
            continue
        function = reading.function(call)
        content = call.args[0] if call.args else keyword(call, "content")
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or not isinstance(content, ast.Dict):
            continue
        if function in told:
            continue
        keys = [str(constant(it)) for it in content.keys if it is not None]
        if any(isinstance(it, ast.Dict) and {"message", "type"} <= {constant(key) for key in it.keys} for it in content.values):
            continue  # as clients of OpenAI's API expect it
        routes = routes_of(view.project, view.path, reading.qualname(function))
        if not routes or not keys or "detail" in keys or any(it.framework != "fastapi" for it in routes):
            continue
        if any(word in it.path.lower() for it in routes for word in _PRESCRIBED):
            continue
        if _is_packed(view, content):
            continue
        n_raised, n_made = view.project.of_all("error shapes", _counts)
        if n_raised >= MIN_NEIGHBOURS and n_raised >= AGREE * (n_raised + n_made - 1):
            told.add(function)
            says = f"{n_raised} of {n_raised + n_made} errors of the routes here are raised, and say `detail`"
            yield Hit(call, f"`{function.name}` answers an error with `{keys[0]}`; {says}.")


def _is_packed(view: View, content: ast.Dict) -> bool:
    """Whether a function of the project makes the error, for clients that put the exception together again."""
    return any(view.definition(it) is not None for it in content.values if isinstance(it, ast.Call))


def _counts(project: Project) -> tuple[int, int]:
    """How many errors FastAPI's handlers raise as `HTTPException`, and how many they make by hand."""
    raised = made = 0
    for path, qualname in handlers(project):
        definition = project.definition(path, qualname)
        for index, status, is_raised in definition.statuses if definition is not None else ():
            if status < 400 or definition is None or not 0 <= index < len(definition.calls):
                continue
            name = definition.calls[index].target.rpartition(".")[2]
            raised += is_raised and name == "HTTPException"
            made += name in _MADE
    return raised, made


@rule.check_openapi
def find_described(view: OpenApiView) -> Iterator[FileHit]:
    """The same of what a document describes: errors of another schema than nine in ten have. 422 is mostly the framework's."""
    rows = {
        each.at: (it, each, each.body["$ref"].text.rpartition("/")[2])
        for it in view.api.operations
        for each in it.responses
        if each.status[0] in "45" and each.status != "422" and each.body["$ref"]
    }
    counted = Counter(name for _, _, name in rows.values())
    if len(counted) < 2:
        return
    usual = counted.most_common(1)[0][0]
    known = view.api.properties(next(each.body for _, each, name in rows.values() if name == usual)).keys()
    for it in odd_ones({"": list(rows.values())}, lambda row: row[2] == usual):
        operation, response, name = it.member
        said = view.api.properties(response.body).keys()
        if said and known.isdisjoint(said) and not any(each in operation.path.lower() for each in _PRESCRIBED):
            words = f"`{operation.spoken}` answers {response.status} with `{name}`; {it.counts} errors here are `{usual}`."
            yield FileHit(response.at, words, symbol=f"{operation.spoken} {response.status}")
