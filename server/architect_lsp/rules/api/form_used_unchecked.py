"""A form or a serializer is used as if its data had been checked, and nothing checked it.

Why: `save`, `cleaned_data` and `validated_data` exist after `is_valid` alone, and only if it said yes. Without the question the
framework raises (`AssertionError`, `AttributeError`), and where the answer is thrown away, every wrong request ends so.
Instead: ask, and answer what is wrong.

    serializer.is_valid(raise_exception=True)
    serializer.save(owner=request.user)

Consequences: 500 for what was the client's mistake, or for every request.
Tests: send a wrong field, and assert 400.
Source: https://www.django-rest-framework.org/api-guide/serializers/#validation;
https://docs.djangoproject.com/en/stable/ref/forms/api/#django.forms.Form.cleaned_data
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Function, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A4"],
    needs=["Form(", "Serializer("],
    bad=[
        Bad("""
from shop.serializers import OrderSerializer
from shop.forms import LeadForm

def post(self, request):
    serializer = OrderSerializer(data=request.data)
    [|serializer.save(owner=request.user)|]

def ignored(self, request):
    serializer = OrderSerializer(data=request.data)
    [|serializer.is_valid()|]
    return serializer.save()

def view(request):
    form = LeadForm(request.POST)
    return [|form.cleaned_data|]["name"]
"""),
    ],
    good=[
        """
from shop.serializers import OrderSerializer
from shop.forms import LeadForm

def post(self, request):
    serializer = OrderSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer.save(owner=request.user)

def asked(self, request):
    serializer = OrderSerializer(data=request.data)
    serializer.is_valid()
    if serializer.errors:
        return serializer.errors
    return serializer.save()

def view(request):
    form = LeadForm(request.POST)
    if form.is_valid():
        return form.cleaned_data["name"]

def elsewhere(request, check):
    form = LeadForm(request.POST)
    check(form)
    return form.save()

def shown(rows):
    serializer = OrderSerializer(rows, many=True)
    return serializer.data

def cleaned(request):
    form = LeadForm(request.POST)
    form.full_clean()
    return form.cleaned_data
"""
    ],
)

_MADE = regex(r"\w+(?:Form|Serializer|FormSet)")
_USES = ("save", "cleaned_data", "validated_data")
_CHECKS = frozenset(("is_valid", "full_clean", "errors", "run_validation", "is_bound", "non_field_errors"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Names that hold a bound form or serializer, used in the function that made it without a question."""
    for function in view.reading.functions:
        for node in view.reading.within(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _is_bound(node.value):
                yield from _unchecked(view, function, node.targets[0].id)


def _is_bound(node: ast.expr) -> bool:
    """Whether it makes a form or a serializer out of what a request sends."""
    if not isinstance(node, ast.Call) or not _MADE.fullmatch(dotted(node.func).rpartition(".")[2]):
        return False
    given = keyword(node, "data")
    if given is None and not dotted(node.func).endswith("Serializer"):
        given = node.args[0] if node.args else None
    return given is not None and dotted(given) in ("request.data", "request.POST", "self.request.data", "self.request.POST")


def _unchecked(view: View, function: Function, name: str) -> Iterator[Hit]:
    """The first use of what was to be checked, or the check whose answer nobody reads."""
    first: ast.AST | None = None
    asked: list[ast.Attribute] = []
    for node in view.reading.within(function):
        if not isinstance(node, ast.Name) or node.id != name:
            continue
        up = view.reading.parent(node)
        if isinstance(node.ctx, ast.Store):
            if isinstance(up, ast.Assign) and _is_bound(up.value):
                continue
            return
        if not isinstance(up, ast.Attribute):
            return  # handed on: who gets it may check it
        if up.attr in _CHECKS:
            asked.append(up)
        elif up.attr in _USES and first is None:
            call = view.reading.parent(up)
            first = call if isinstance(call, ast.Call) and call.func is up else up
    if first is None:
        return
    if not asked:
        yield Hit(first, f"Nothing asked `{name}.is_valid()` before.")
    elif len(asked) == 1 and asked[0].attr == "is_valid":
        call = view.reading.parent(asked[0])
        if isinstance(call, ast.Call) and not call.args and not call.keywords and isinstance(view.reading.parent(call), ast.Expr):
            yield Hit(call, f"The answer is thrown away: `{name}` is used whatever it is.")
