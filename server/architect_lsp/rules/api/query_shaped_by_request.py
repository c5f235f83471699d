"""A request says by which fields rows are looked up or sorted.

Why: the names of `filter` reach through relations. `?author__password__startswith=a` asks about columns that no answer shows, one
character at a time, and the order of rows tells as much; a name that does not exist is a `FieldError`, and 500.
Instead: a list of what may be asked.

    sort = request.GET.get("sort", "name")
    if sort not in SORTS:
        sort = "name"

Consequences: hashes of passwords and reset tokens can be read off the presence of rows.
Tests: ask with `?password__startswith=a`, and assert 400.
Security: "plORMbing": filters of an ORM leak what they can reach.
Source: https://www.elttam.com/blog/plormbing-your-django-orm/; https://docs.djangoproject.com/en/stable/ref/models/querysets/#order-by
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.guards import guards
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=943,
    needs=["objects", "queryset", "get_queryset"],
    bad=[
        Bad("""
from crm.models import Lead

def search(request):
    rows = Lead.objects.all()
    asked = {key: value for key, value in request.GET.items()}
    return rows.filter([|**asked|]).order_by([|request.GET["sort"]|])
"""),
        Bad("""
from crm.models import Lead

def search(request):
    return Lead.objects.filter([|**request.GET.dict()|])[:50]

def listed(request):
    sort = request.GET.get("sort", "name")
    return Lead.objects.filter(owner=request.user).order_by([|sort|])
"""),
    ],
    good=[
        """
from crm.models import Lead

SORTS = {"name", "-name"}

def search(request):
    return Lead.objects.filter(name=request.GET.get("name", ""))

def listed(request):
    sort = request.GET.get("sort", "name")
    if sort not in SORTS:
        sort = "name"
    return Lead.objects.order_by(sort)

def mapped(request):
    return Lead.objects.order_by(ORDERS[request.GET.get("sort")])

def checked(request):
    sort = request.GET.get("sort")
    if sort in ("name", "-name"):
        return Lead.objects.order_by(sort)

def given(request, kinds):
    return Lead.objects.filter(**kinds)
"""
    ],
)

_FIELDS = regex(r"(?:self\.)?request\.(?:GET|POST|query_params|data|args|json)")
_LOOKUPS = frozenset(("filter", "exclude", "get", "aget"))
_ORDERS = frozenset(("order_by",))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Names of lookups and orders that come out of the request as they are."""
    for call in view.reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in (_LOOKUPS | _ORDERS):
            continue
        if not _is_queryset(view.reading, call, call.func.value):
            continue
        if call.func.attr in _ORDERS:
            given: list[ast.expr] = [it for it in call.args if not isinstance(it, ast.Starred)]
        else:
            given = [it.value for it in call.keywords if it.arg is None]
        for it in given:
            if _is_asked(view.reading, call, it) and not (isinstance(it, ast.Name) and guards(view.reading, it, it.id)):
                what = "sorted by" if call.func.attr in _ORDERS else "looked up by"
                shown = next((each for each in call.keywords if each.value is it), it)
                yield Hit(shown, f"The request says what rows are {what}, columns that it never sees among them.")


def _is_queryset(reading: Reading, at: ast.AST, node: ast.expr) -> bool:
    head = node
    while isinstance(head, ast.Call | ast.Attribute):
        head = head.func if isinstance(head, ast.Call) else head.value
    if isinstance(head, ast.Name) and head.id != "self":
        values = reading.bindings(reading.function(at)).get(head.id, [])
        if any(it is not None and ".objects" in ast.unparse(it) for it in values):
            return True
    words = ast.unparse(node)
    return ".objects" in words or "queryset" in words.lower()


def _is_asked(reading: Reading, at: ast.AST, node: ast.expr) -> bool:
    """Whether an expression is what the request says, unchanged."""
    if isinstance(node, ast.Name):
        rows = [
            it.value
            for it in reading.within(reading.function(at))
            if isinstance(it, ast.Assign) and any(dotted(each) == node.id for each in it.targets)
        ]
        tested = any(
            isinstance(it, ast.Compare) and any(isinstance(each, ast.Name) and each.id == node.id for each in ast.walk(it))
            for it in reading.within(reading.function(at))
        )
        return len(rows) == 1 and not tested and not isinstance(rows[0], ast.Name) and _is_asked(reading, at, rows[0])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "dict"):
        return bool(_FIELDS.fullmatch(dotted(node.func.value)))
    if isinstance(node, ast.DictComp):
        first = node.generators[0]
        walked = first.iter.func if isinstance(first.iter, ast.Call) else first.iter
        plain = len(node.generators) == 1 and not first.ifs
        return plain and bool(_FIELDS.fullmatch(dotted(walked).removesuffix(".items")))
    if isinstance(node, ast.Subscript):
        return bool(_FIELDS.fullmatch(dotted(node.value)))
    return isinstance(node, ast.Attribute) and bool(_FIELDS.fullmatch(dotted(node)))
