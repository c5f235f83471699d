"""A list endpoint loads relations anew for each row that its serializer shows.

Why: the serializer reads `order.customer` for each order, and the view's queryset did not bring the customers along. The two
stand in different files, so neither looks wrong.
Instead: let the queryset load what the serializer shows.

    class OrderViewSet(viewsets.ModelViewSet):
        queryset = Order.objects.select_related("customer").prefetch_related("lines__product")
        serializer_class = OrderSerializer

Consequences: a page of a hundred orders makes hundreds of queries, and more with each nested serializer.
Trade-offs: where only some actions need the relations, choose the queryset in `get_queryset()` by `self.action`.
Tests: `assertNumQueries` around the list with one row and with ten.
Observability: queries per request, as a histogram, by route.
Performance: n + 1 queries become two.
Source: https://www.django-rest-framework.org/api-guide/relations/
"""

from collections.abc import Iterator

from architect_lsp.knowledge.lineage import Attribute, attributes, dotted, lineage
from architect_lsp.knowledge.models import Models, Side
from architect_lsp.knowledge.nouns import OrmModel
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, Ref
from architect_lsp.knowledge.values import Value
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

_SHOP = """
-- shop/models.py --
from django.db import models

class Customer(models.Model):
    name = models.CharField(max_length=80)

class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="orders")
    tags = models.ManyToManyField("Tag")

class Tag(models.Model):
    name = models.CharField(max_length=80)
-- shop/serializers.py --
from rest_framework import serializers
from shop.models import Customer, Order, Tag

class TagSerializer(serializers.ModelSerializer):
    class Meta:
        model = Tag
        fields = ["name"]

class OrderSerializer(serializers.ModelSerializer):
    customer_name = serializers.CharField(source="customer.name")
    tags = TagSerializer(many=True)
    class Meta:
        model = Order
        fields = ["id", "customer_name", "tags"]

class CustomerSerializer(serializers.ModelSerializer):
    number = serializers.SerializerMethodField()
    def get_number(self, customer):
        return customer.orders.count()
    class Meta:
        model = Customer
        fields = ["number"]

class PlainSerializer(serializers.ModelSerializer):
    customer = serializers.PrimaryKeyRelatedField(read_only=True)
    class Meta:
        model = Order
        fields = ["id", "customer"]
-- shop/views.py --
from rest_framework import generics, serializers, viewsets
from shop.models import Customer, Order
from shop.serializers import CustomerSerializer, OrderSerializer, PlainSerializer
"""

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A4", "B2", "B5"],
    cwe=1073,
    bad=[
        Bad(
            _SHOP
            + """
class OrderViewSet(viewsets.ModelViewSet):
    [|queryset = Order.objects.filter(paid=True)|]
    serializer_class = OrderSerializer

class Orders(generics.ListAPIView):
    [|queryset = Order.objects.select_related("customer")|]
    serializer_class = OrderSerializer

class Customers(generics.ListCreateAPIView):
    [|queryset = Customer.objects.all()|]
    serializer_class = CustomerSerializer

class PaidSerializer(serializers.ModelSerializer):
    paid = serializers.SerializerMethodField()
    def get_paid(self, customer):
        return customer.orders.filter(paid=True).count()
    class Meta:
        model = Customer
        fields = ["paid"]

class Paid(generics.ListAPIView):
    [|queryset = Customer.objects.prefetch_related("orders")|]
    serializer_class = PaidSerializer
"""
        ),
    ],
    good=[
        _SHOP
        + """
class OrderViewSet(viewsets.ModelViewSet):
    queryset = Order.objects.select_related("customer").prefetch_related("tags")
    serializer_class = OrderSerializer

class One(generics.RetrieveAPIView):
    queryset = Order.objects.all()
    serializer_class = OrderSerializer

class Plain(generics.ListAPIView):
    queryset = Order.objects.all()
    serializer_class = PlainSerializer

class Chosen(generics.ListAPIView):
    queryset = Order.objects.all()
    serializer_class = OrderSerializer
    def get_queryset(self):
        return super().get_queryset().select_related("customer").prefetch_related("tags")

class Customers(generics.ListCreateAPIView):
    queryset = Customer.objects.prefetch_related("orders")
    serializer_class = CustomerSerializer
""",
    ],
)

_LISTS = regex(r"rest_framework\.\w+\.(?:ListAPIView|ListCreateAPIView|ModelViewSet|ReadOnlyModelViewSet|ListModelMixin)")
_SERIALIZER = regex(r"rest_framework\.serializers\.\w*Serializer")
_READS = ("all", "count", "exists", "first", "last", "values_list")


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Views that list rows of a queryset, with what their serializer shows and the queryset leaves out."""
    models: Models | None = None
    for path in project.paths:
        for it in project.classes(path):
            names = {row.name: index for index, row in enumerate(it.fields)}
            if "queryset" not in names or "serializer_class" not in names:
                continue
            symbol = ClassSymbol(path, it)
            rows = [dotted(row) for row in lineage(project, symbol)]
            told = attributes(project, symbol)
            if not any(_LISTS.fullmatch(row) for row in rows) or "get_queryset" in told or "get_serializer_class" in told:
                continue
            models = models or Models.of(project)
            queryset = it.fields[names["queryset"]]
            loaded, model = _loaded(project, path, queryset.value, models)
            serializer = project.resolve(path, it.fields[names["serializer_class"]].target)
            if loaded is None or model is None or not isinstance(serializer, ClassSymbol):
                continue
            missing = [(side, ref) for side, ref in _shown(project, serializer, model, models) if side.name not in loaded]
            at = Ref(path, it.qualname, "field", names["queryset"])
            shower = serializer.facts.qualname
            if missing:
                yield ProjectHit(
                    at,
                    f"`{shower}` shows {_listed(missing)} of each row, which this queryset does not load.",
                    tuple((ref, f"needs `{side.name}`") for side, ref in missing),
                )
            elif asking := [*_asking(project, serializer, model, models)]:
                message = f"`{shower}` asks the database once for each row, by `{asking[0][0]}`: annotate the queryset with it."
                yield ProjectHit(at, message, tuple((ref, f"asks for `{what}`") for what, ref in asking))


def _listed(missing: list[tuple[Side, Ref]]) -> str:
    return ", ".join(dict.fromkeys(f"`{side.name}`" for side, _ in missing))


def _loaded(project: Project, path: str, value: Value | None, models: Models) -> tuple[set[str] | None, OrmModel | None]:
    """(the relations that a queryset loads, its model); None where that can't be told."""
    loaded: set[str] = set()
    head = ""
    if value is None or value.kind != "call":
        return None, None
    at: Value | None = value
    while at is not None:
        if at.kind != "call":
            return None, None
        if at.last in ("select_related", "prefetch_related"):
            if any(it.kind != "text" for it in at.items) or not at.items:
                return None, None
            loaded |= {it.text.partition("__")[0] for it in at.items}
        elif at.last not in ("all", "filter", "exclude", "order_by", "distinct", "annotate", "only", "defer"):
            return None, None
        head = at.text
        at = at.of
    symbol = project.resolve(path, head.partition(".objects.")[0]) if ".objects." in head else None
    return loaded, models.at(symbol) if isinstance(symbol, ClassSymbol) else None


def _shown(project: Project, serializer: ClassSymbol, model: OrmModel, models: Models) -> Iterator[tuple[Side, Ref]]:
    """The relations that a serializer reads of each row, each with the field that does."""
    names = attributes(project, serializer)
    for it in names.values():
        value = it.field.value if it.field is not None else None
        if value is None or value.kind != "call":
            continue
        source = value.keyword("source")
        said = source.text if source is not None and source.kind == "text" else it.name
        if value.last == "SerializerMethodField":
            yield from _of_method(names.get(f"get_{it.name}"), model, models)
            continue
        side = models.across(model, said.partition(".")[0])
        write_only = value.keyword("write_only")
        if side is None or (write_only is not None and write_only.text == "True"):
            continue
        symbol = project.resolve(it.path, value.text)
        nested = isinstance(symbol, ClassSymbol) and any(_SERIALIZER.fullmatch(dotted(row)) for row in lineage(project, symbol))
        related = value.last in ("StringRelatedField", "SlugRelatedField") and not side.many
        many = side.many and value.last in ("StringRelatedField", "SlugRelatedField", "PrimaryKeyRelatedField")
        if nested or related or many or ("." in said and not side.many):
            yield side, it.ref


def _asking(project: Project, serializer: ClassSymbol, model: OrmModel, models: Models) -> Iterator[tuple[str, Ref]]:
    """The queries that methods of `SerializerMethodField`s make of each row, which no prefetch answers."""
    names = attributes(project, serializer)
    for it in names.values():
        value = it.field.value if it.field is not None else None
        method = names.get(f"get_{it.name}") if value is not None and value.last == "SerializerMethodField" else None
        call = method.call if method is not None else None
        if method is None or call is None or len(call.parameters) < 2:
            continue
        row = call.parameters[1][0]
        for made in call.calls:
            parts = made.target.lstrip("?").split(".")
            if len(parts) != 3 or parts[2] not in ("filter()", "exclude()", "filter", "exclude", "aggregate") or not made.certain:
                continue
            side = models.across(model, parts[1]) if parts[0] == row else None
            if side is not None and side.many:
                yield f"{row}.{parts[1]}.{parts[2].rstrip('()')}", method.ref
                break


def _of_method(method: Attribute | None, model: OrmModel, models: Models) -> Iterator[tuple[Side, Ref]]:
    """The collections that the method of a `SerializerMethodField` reads of its row."""
    call = method.call if method is not None else None
    if method is None or call is None or len(call.parameters) < 2:
        return
    name = call.parameters[1][0]
    for it in call.calls:
        parts = it.target.lstrip("?").split(".")
        if len(parts) == 3 and parts[0] == name and parts[2].rstrip("()") in _READS and it.certain:
            side = models.across(model, parts[1])
            if side is not None and side.many:
                yield side, method.ref
