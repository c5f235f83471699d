"""A query is narrowed, and the narrowed query is thrown away.

Why: `filter`, `exclude`, `where` and their like give a new query and leave the old one as it is. A statement that does not keep
what they give does nothing.
Instead: bind it to the name.

    recipients = recipients.exclude(pk=author.pk)

Consequences: rows that were to be left out are shown, mailed or changed.
Tests: a row that the condition leaves out.
Security: a condition that was to keep other people's rows away does not.
Source: https://docs.djangoproject.com/en/stable/ref/models/querysets/#methods-that-return-new-querysets
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.queries import queries
from architect_lsp.knowledge.reading import Reading
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

_NARROWS = ("filter", "exclude", "filter_by", "where", "order_by", "select_related", "prefetch_related", "distinct", "limit")

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B2"],
    cwe=252,
    needs=[f".{it}(" for it in _NARROWS],
    bad=[
        Bad(
            """
from app.models import User

def recipients(author):
    found = User.objects.filter(active=True)
    if author:
        [|found.exclude(pk=author.pk)|]
    return found
""",
            fixed="""
from app.models import User

def recipients(author):
    found = User.objects.filter(active=True)
    if author:
        found = found.exclude(pk=author.pk)
    return found
""",
        ),
        Bad("""
from app.models import User

def recipients(author, admins):
    if admins:
        found = User.objects.filter(admin=True)
    else:
        found = User.objects.all()
    [|found.exclude(pk=author.pk)|]
    return found
"""),
    ],
    good=[
        """
from app.models import User

def recipients(author, declaration, pk):
    found = User.objects.filter(active=True)
    found = found.exclude(pk=author.pk)
    declaration.filter("x")
    try:
        found.filter(pk=pk)
    except ValueError:
        return None
    return found
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Statements that are no more than a narrowed query."""
    reading = view.reading
    for row in reading.each(ast.Expr):
        call = row.value
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr not in _NARROWS:
            continue
        on = call.func.value
        if not isinstance(on, ast.Name) or isinstance(reading.parent(row), ast.Try) or not _is_query(view, reading, call, on):
            continue
        told = f"`{call.func.attr}` gives a new query, which nobody keeps: `{on.id}` stays as it was."
        yield Hit(row, told, fixes=(Draft(f"Keep it as `{on.id}`", (Change(row, f"{on.id} = {reading.source(row)}"),)),))


def _is_query(view: View, reading: Reading, call: ast.Call, on: ast.Name) -> bool:
    """Whether a name holds a query, in each branch that binds it."""
    asked = queries(view.project, view.path, reading)
    if asked.query(call) is not None:
        return True
    made = reading.bindings(reading.function(call)).get(on.id) or []
    return bool(made) and all(isinstance(it, ast.Call) and asked.query(it) is not None for it in made)
