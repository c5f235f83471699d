"""Rows are sorted by chance in the database.

Why: `order_by("?")` gives every row of the result a random number and sorts them all, to use one or a few. No index helps, and it
is slower with each row that is added.
Instead: choose among keys.

    keys = list(Question.objects.values_list("pk", flat=True))
    question = Question.objects.get(pk=secrets.choice(keys))

Consequences: a start page that is slower every month.
Trade-offs: for a few hundred rows it is fine.
Tests: `EXPLAIN` on a table of the size of production.
Performance: sorting n rows becomes reading one.
Source: https://docs.djangoproject.com/en/stable/ref/models/querysets/#order-by
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.queries import queries
from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["B5", "D3"],
    cwe=1050,
    needs=["order_by("],
    bad=[
        Bad("""
from quiz.models import Question

def one():
    return [|Question.objects.order_by("?")|].first()
"""),
        Bad("""
from sqlalchemy import func, select
from quiz.models import Question

def one(session):
    return session.scalar([|select(Question).order_by(func.random())|].limit(1))
"""),
    ],
    good=[
        """
from sqlalchemy import func, select
from quiz.models import Question

def some(quiz, session):
    quiz.order_by("?")
    session.scalar(select(Question).where(Question.quiz_id == quiz.id).order_by(func.random()).limit(1))
    return Question.objects.filter(quiz=quiz).order_by("?").first(), Question.objects.order_by("pk").first()
""",
    ],
)

_NARROWS = ("filter", "filter_by", "where", "exclude", "limit")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`order_by("?")` and `order_by(func.random())` of whole tables."""
    reading = view.reading
    if is_script(view.path):
        return
    for call in reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "order_by" or len(call.args) != 1:
            continue
        given = call.args[0]
        by_chance = constant(given) == "?" or (isinstance(given, ast.Call) and dotted(given.func).endswith("func.random"))
        if not by_chance:
            continue
        query = queries(view.project, view.path, reading).query(call)
        if query is not None and not query.owner and not query.has(*_NARROWS):
            yield Hit(call, "The whole table is sorted by random numbers, to use a row or a few of it.")
