"""A route answers with every row of a table.

Why: a table grows and the route doesn't: what took ten milliseconds with a hundred rows takes the memory of the process, and
the pool's connection, with a million. Nobody changes the route on the day that happens.
Instead: a limit with an upper bound, and an order that makes pages whole.

    @router.get("/orders")
    async def orders(session: SessionDep, limit: Annotated[int, Query(le=100)] = 50, after: int = 0) -> list[OrderOut]:
        rows = await session.scalars(select(Order).where(Order.id > after).order_by(Order.id).limit(limit))
        return list(rows)

Consequences: one request for the list slows all others; a few at once end the process.
Trade-offs: a table that the service itself fills with a few dozen rows needs no pages.
Tests: put in more rows than the limit, and assert on how many come back.
Security: CWE-770. A request that costs the client nothing and the service everything is a weapon.
Performance: page by key (`id > after`), since `OFFSET` reads all it skips.
Source: OWASP API Security Top 10 2023, API4: Unrestricted Resource Consumption
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import last_name
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.openapi import OpenApi, Operation
from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import Function, Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, FileHit, Hit, OpenApiView, Rule, SdlView, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A3", "B3"],
    cwe=770,
    needs=[".all(", ".objects."],
    preview=True,  # most tables it names stay small, and nothing in the code tells which: one in five was worth a word
    bad=[
        Bad("""
from django.http import JsonResponse
from shop.models import Parcel

def parcels(request):
    rows = [|Parcel.objects.order_by("-created").values("id", "weight")|]
    return JsonResponse({"parcels": list(rows)})
"""),
        Bad("""
from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session

router = APIRouter()

@router.get("/orders")
def orders(session: Session):
    return session.scalars([|select(Order)|]).all()

@router.get("/users")
def users(session: Session):
    rows = [|session.query(User)|].all()
    return [it.name for it in rows]
"""),
        Bad("""
from flask import Flask, jsonify
from models import Order

app = Flask(__name__)

@app.route("/orders")
def orders():
    return jsonify([it.to_dict() for it in [|Order.query|].all()])
"""),
        Bad(
            """

from django.http import JsonResponse
from shop.models import Parcel

def parcels(request):
    return JsonResponse({"parcels": [it.street for it in [|Parcel.objects.order_by("pk")|]]})
""",
        ),
        Bad("""
-- schema.graphql --
type Query {
  order(id: ID!): Order
  orders(first: Int, after: ID): [Order!]!
  parcels(limit: Int): [Parcel!]!
  returns(page: PageInput): [Return!]!
  [|customers|]: [Customer!]!
  currencies: [Currency!]!
  myParcels: [Parcel!]!
  names: [String!]!
  sizes: [Size!]!
}
type Order { id: ID! }
type Parcel { id: ID! }
type Return { id: ID! }
type Customer { id: ID! }
type Currency { id: ID! }
enum Size { SMALL LARGE }
"""),
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders:
    get:
      parameters: [{name: limit, in: query}]
      responses: {"200": {content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Thing"}}}}}}
  /parcels:
    get:
      parameters: [{name: page, in: query}]
      responses: {"200": {content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Thing"}}}}}}
  /returns:
    get:
      parameters: [{name: pageSize, in: query}]
      responses: {"200": {content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Thing"}}}}}}
  /customers:
    [|get|]:
      responses: {"200": {content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Thing"}}}}}}
  /customers/{id}/notes:
    get:
      responses: {"200": {content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Thing"}}}}}}
  /currencies:
    get:
      responses: {"200": {content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Thing"}}}}}}
components:
  schemas:
    Thing: {type: object, properties: {id: {type: string}}}
"""),
    ],
    good=[
        """
from fastapi import APIRouter, Depends
from sqlalchemy import select
from sqlalchemy.orm import Session

router = APIRouter()

@router.get("/a")
def a(session: Session, limit: int = 50):
    return session.scalars(select(Order).limit(limit)).all()

@router.get("/b")
def b(session: Session, page=Depends(pagination)):
    return session.scalars(page.apply(select(Order))).all()

@router.get("/orders/{order_id}/lines")
def lines(order_id: int, session: Session):
    return session.scalars(select(Line).where(Line.order_id == order_id)).all()

@router.get("/c")
def c(session: Session):
    query = select(Order).limit(100)
    return session.scalars(query).all()

@router.get("/mine")
def mine(session: Session, user=Depends(current_user)):
    return session.scalars(select(Order).filter_by(user=user)).all()

@router.post("/d")
def d(session: Session):
    return session.query(Order).all()

def helper(session: Session):
    return session.query(Order).all()
""",
        """

from django.core.paginator import Paginator
from django.http import JsonResponse
from shop.models import Parcel

def parcels(request):
    rows = Paginator(Parcel.objects.order_by("pk"), 50).get_page(request.GET.get("page"))
    return JsonResponse({"parcels": [it.street for it in rows]})

def mine(request):
    return JsonResponse({"parcels": [it.street for it in Parcel.objects.filter(owner=request.user)]})
""",
        """
-- schema.graphql --
type Query {
  customers: [Customer!]!
  orders: [Order!]!
}
type Order { id: ID! }
type Customer { id: ID! }
""",
        """
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders:
    get:
      responses: {"200": {content: {application/json: {schema: {type: array, items: {type: object, properties: {id: {}}}}}}}}
  /words:
    get:
      responses: {"200": {content: {application/json: {schema: {type: array, items: {type: string}}}}}}
""",
    ],
)

_PAGES = regex(
    r"limit|page|size|offset|skip|cursor|first|top\b|count|take|pagin|batch|after|before|range|params|slice|filter|search|query\b|q\b"
)
_FEW = regex(
    r"setting|config|option|role|permission|currenc|countr|language|locale|tag|categor|type|status|template|plan|feature|provider|group|team"
    r"|statistic|summary|stats|export|backup|health|admin|choice|enum|level|model",
    re.IGNORECASE,
)
"""Things of which a service has a few dozen at most, and routes that are about all of them."""
_NARROWS = frozenset(
    (
        *("where", "filter", "filter_by", "limit", "slice", "paginate", "get", "having", "join", "group_by", "distinct"),
        "with_entities",
    )
)

_HABIT = 3
"""Lists that make paging a habit of a schema."""
_OWN = regex(r"my|viewer|current|own")
_GROWS = regex(
    r"(?:users|orders|customers|clients|members|events|logs|messages|comments|posts|articles|products|transactions|payments|invoices"
    r"|receipts|parcels|shipments|files|documents|tickets|entries|records|contacts|notes|notifications|sessions|visits|images|photos|videos"
    r"|readings|measurements|bookings|reservations|reviews|subscribers)$",
    re.IGNORECASE,
)
"""Things of which a service may well have thousands, as a list of them is called."""
_SCALARS = frozenset(("String", "Int", "Float", "Boolean", "ID"))

_STEPS = 8
"""How many names a statement is followed through."""


_WHOLE = ("all", "order_by", "select_related", "prefetch_related", "values", "values_list", "only")
_BOUNDS = regex(r"pagina|\[:|\.first\(|islice|limit|page_size|StreamingHttpResponse|export|csv", re.IGNORECASE)


def _django(view: View) -> Iterator[Hit]:
    """Views of Django and of its REST framework that answer with all rows of a model."""
    for function in view.reading.functions:
        arguments = [it.arg for it in function.args.args][:2]
        if "request" not in arguments or _FEW.search(view.reading.qualname(function)):
            continue
        source = view.reading.source(function)
        if not ("many=True" in source or "JsonResponse" in source) or _BOUNDS.search(source):
            continue
        for node in view.reading.within(function):
            if not isinstance(node, ast.Call) or isinstance(view.reading.parent(node), ast.Attribute):
                continue
            table = _rows_of(node)
            if table is not None and not _FEW.search(table) and _is_listed(view.reading, node):
                yield Hit(node, f"`{function.name}` answers with every row there is.")


def _rows_of(node: ast.Call) -> str | None:
    """The model of `Model.objects.all().order_by(...)`, None when something narrows it."""
    up: ast.expr = node
    while isinstance(up, ast.Call) and isinstance(up.func, ast.Attribute) and up.func.attr in _WHOLE:
        up = up.func.value
    is_rows = up is not node and isinstance(up, ast.Attribute) and up.attr == "objects"
    return dotted(up.value) if is_rows and isinstance(up, ast.Attribute) else None


def _is_listed(reading: Reading, node: ast.Call) -> bool:
    """Whether the rows go to a serializer of many, or are walked, as they are or by a name."""
    up = reading.parent(node)
    if isinstance(up, ast.Call):
        return any(it.arg == "many" for it in up.keywords) or dotted(up.func) == "list"
    if isinstance(up, ast.comprehension):
        return True
    if not isinstance(up, ast.Assign) or len(up.targets) != 1 or not isinstance(up.targets[0], ast.Name):
        return False
    name = up.targets[0].id
    function = reading.function(node)
    uses = [it for it in reading.within(function) if isinstance(it, ast.Name) and it.id == name and isinstance(it.ctx, ast.Load)]
    parents = [reading.parent(it) for it in uses]
    return bool(uses) and all(
        isinstance(it, ast.comprehension)
        or (isinstance(it, ast.Call) and (any(k.arg == "many" for k in it.keywords) or dotted(it.func) == "list"))
        for it in parents
    )


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers of GET that read a whole table by `.all()` with nothing that narrows it."""
    reading = view.reading
    yield from _django(view)
    for call in reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "all" or call.args:
            continue
        function = reading.function(call)
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or _in_loop_body(reading, call):
            continue
        routes = routes_of(view.project, view.path, reading.qualname(function))
        if not routes or not all(_lists(it) for it in routes) or _is_paged(function, routes):
            continue
        up = reading.parent(call)
        if isinstance(up, ast.Call) and dotted(up.func) in ("len", "bool", "any"):
            continue  # it is told how many there are
        table = _whole_table(reading, call, function)
        if table is None or "render_template" in reading.source(function):
            continue  # or a page of what somebody keeps by hand
        yield Hit(table, f"`{function.name}` answers with every row there is.")


def _lists(route: Route) -> bool:
    last = route.path.rstrip("/").rpartition("/")[2]
    return route.framework != "django" and "GET" in route.methods and "{" not in route.path and not _FEW.search(last)


def _is_paged(function: Function, routes: tuple[Route, ...]) -> bool:
    names = [it.arg for it in (*function.args.args, *function.args.kwonlyargs)]
    names += [it.name for route in routes for it in route.dependencies]
    return any(_PAGES.search(it.lower()) for it in names)


def _whole_table(reading: Reading, call: ast.Call, function: Function) -> ast.expr | None:
    """Where the statement names its table; None where it, or anything it is put together from in the function, narrows it."""
    if re.search(r"request\.args|query_params|\.limit\(|paginate|islice|\[:", reading.source(function)):
        return None
    todo: list[ast.AST] = [call]
    table: ast.expr | None = None
    for _ in range(_STEPS):
        if not todo:
            break
        for it in ast.walk(todo.pop()):
            if isinstance(it, ast.Call) and last_name(it.func) in (*_NARROWS, "from_statement"):
                return None
            if isinstance(it, ast.Call) and last_name(it.func) in ("query", "select"):
                table = it
            if (
                isinstance(it, ast.Attribute)
                and it.attr == "query"
                and table is None
                and not isinstance(reading.parent(it), ast.Call)
            ):
                table = it
            if isinstance(it, ast.Name):
                values = reading.bindings(function).get(it.id, [])
                if len(values) > 1:
                    return None  # put together step by step
                todo += [value for value in values if value is not None]
    return table


def _in_loop_body(reading: Reading, call: ast.Call) -> bool:
    return any(isinstance(it, ast.For | ast.While | ast.AsyncFor) for it in reading.ancestors(call))


@rule.check_sdl
def find_in_schema(view: SdlView) -> Iterator[FileHit]:
    """Lists of a GraphQL schema's root that take no argument at all, where most lists there are paged."""
    lists = [
        it
        for it in view.schema.fields
        if view.schema.roots.get(it.owner) == "Query"
        and it.many
        and view.schema.kinds.get(it.target) in ("object", "interface", None)
    ]
    paged = [it for it in lists if any(_PAGES.search(name.lower()) for name in it.arguments)]
    bare = [it for it in lists if not it.arguments and it.target not in _SCALARS and not _OWN.match(it.name)]
    if len(paged) < _HABIT or len(paged) <= len(bare):
        return
    for it in bare:
        if _GROWS.search(it.name):
            words = f"{len(paged)} lists beside it are paged, `{paged[0].name}` for one."
            yield FileHit(it.at, f"`{it.name}` answers with every `{it.target}` there is; {words}", symbol=it.spoken)


@rule.check_openapi
def find_described(view: OpenApiView) -> Iterator[FileHit]:
    """Lists of a document's API that take no parameter of the query, where most lists there are paged."""
    lists = [it for it in view.api.operations if _is_list(view.api, it)]
    paged = [it for it in lists if any(each.place == "query" and _PAGES.search(each.name.lower()) for each in it.parameters)]
    bare = [it for it in lists if it.whole and "{" not in it.path and not any(each.place == "query" for each in it.parameters)]
    if len(paged) < _HABIT or len(paged) <= len(bare):
        return
    for it in bare:
        if _GROWS.search(it.path.rstrip("/")):
            words = f"{len(paged)} lists beside it are paged, `{paged[0].spoken}` for one."
            yield FileHit(it.at, f"`{it.spoken}` answers with every row there is; {words}", symbol=it.spoken)


def _is_list(api: OpenApi, operation: Operation) -> bool:
    if operation.method != "GET" or operation.success is None or operation.path.rstrip("/").endswith("}"):
        return False
    schema = api.meant(operation.success.body)
    return schema["type"].text == "array" and bool(api.properties(api.meant(schema["items"])))
