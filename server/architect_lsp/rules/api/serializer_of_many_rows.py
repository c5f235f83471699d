"""Many rows are given to a serializer that expects one.

Why: without `many=True` the serializer reads the fields off the queryset itself, which has none of them.
Instead: say that there are many.

    return Response(OrderSerializer(orders, many=True).data)

Consequences: `AttributeError`, and 500 for every request.
Tests: ask for the list with one row in it.
Source: https://www.django-rest-framework.org/api-guide/serializers/#dealing-with-multiple-objects
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A4"],
    needs=["Serializer("],
    bad=[
        Bad(
            """
from shop.models import Order
from shop.serializers import OrderSerializer

def get(self, request):
    orders = Order.objects.filter(owner=request.user)[:50]
    return OrderSerializer([|orders|]).data
""",
            fixed="""
from shop.models import Order
from shop.serializers import OrderSerializer

def get(self, request):
    orders = Order.objects.filter(owner=request.user)[:50]
    return OrderSerializer(orders, many=True).data
""",
        ),
    ],
    good=[
        """
from shop.models import Order
from shop.serializers import OrderListSerializer, OrderSerializer

def get(self, request, pk, **kwargs):
    orders = Order.objects.filter(owner=request.user)
    order = Order.objects.filter(owner=request.user).first()
    one = Order.objects.filter(owner=request.user)[0]
    OrderSerializer(order), OrderSerializer(one), OrderSerializer(orders, **kwargs), OrderListSerializer(orders)
    return OrderSerializer(orders, many=True).data
"""
    ],
)

_ONE = regex(r"(?!\w*List)\w+Serializer")
_MANY = frozenset(("all", "filter", "exclude", "order_by", "select_related", "prefetch_related", "distinct", "annotate"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Serializers whose first argument is a queryset."""
    for call in view.reading.each(ast.Call):
        if len(call.args) != 1 or not _ONE.fullmatch(dotted(call.func).rpartition(".")[2]):
            continue
        if any(it.arg in ("many", None) for it in call.keywords) or keyword(call, "data") is not None:
            continue
        if _is_many(view.reading, call, call.args[0]):
            fix = Draft("Say that there are many", (Change(call.args[0], ", many=True", insert="after"),))
            yield Hit(call.args[0], "These are many rows, and the serializer expects one: it lacks `many=True`.", (fix,))


def _is_many(reading: Reading, at: ast.AST, node: ast.expr) -> bool:
    """Whether an expression is a queryset, as far as the function shows."""
    if isinstance(node, ast.Name):
        rows = [
            it.value
            for it in reading.within(reading.function(at))
            if isinstance(it, ast.Assign) and len(it.targets) == 1 and dotted(it.targets[0]) == node.id
        ]
        return len(rows) == 1 and not isinstance(rows[0], ast.Name) and _is_many(reading, at, rows[0])
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        return _is_many(reading, at, node.value)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in _MANY:
        return False
    return ".objects." in ast.unparse(node)
