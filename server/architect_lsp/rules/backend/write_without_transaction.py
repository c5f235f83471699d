"""Writes that belong together are not in one transaction.

Why: between the two statements the process may be stopped, the second may fail, or another request may look. The order is there
then without its lines, or the money has left one account and not come to the other.
Instead: put them in one transaction.

    with transaction.atomic():
        order = Order.objects.create(customer=customer)
        Line.objects.bulk_create([Line(order=order, sku=it.sku) for it in cart])

    session.add(order)
    session.flush()                          # gives the key without an end of the transaction
    session.add(Line(order_id=order.id))
    session.commit()

Consequences: rows that no code expects, found weeks later by a report that does not add up.
Trade-offs: keep requests to others out of the transaction: it holds its locks all that time.
Off by default: whether two writes belong together is not in the code.
Tests: let the second write fail, and assert that nothing of the first is stored.
Source: https://docs.djangoproject.com/en/stable/topics/db/transactions/#controlling-transactions-explicitly
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.queries import Queries, queries
from architect_lsp.knowledge.reading import Function
from architect_lsp.knowledge.transactions import atomic_decorator, each_request, transaction_around
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    preview=True,
    rows=["B2", "D3"],
    cwe=662,
    needs=[".create(", ".save(", "commit("],
    bad=[
        Bad("""
from shop.models import Account, Line, Order

def place(customer, cart):
    order = Order.objects.create(customer=customer)
    for it in cart:
        [|Line.objects.create(order=order, sku=it.sku)|]
    return order

def transfer(source, target, amount):
    source.balance -= amount
    source.save()
    target.balance += amount
    [|target.save()|]
"""),
        Bad("""
from sqlalchemy.orm import Session

def place(session: Session, customer):
    order = Order(customer_id=customer.id)
    session.add(order)
    session.commit()
    session.add(Line(order_id=order.id))
    [|session.commit()|]
"""),
    ],
    good=[
        """
from django.db import transaction
from shop.models import Account, Line, Order

def place(customer, cart):
    with transaction.atomic():
        order = Order.objects.create(customer=customer)
        for it in cart:
            Line.objects.create(order=order, sku=it.sku)
    return order

@transaction.atomic
def transfer(source, target, amount):
    source.balance -= amount
    source.save()
    target.balance += amount
    target.save()

def log(order):
    order.seen = True
    order.save()
    Log.objects.create(text="seen")
    made = Order.objects.create()
    return made
""",
        """
-- settings.py --
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "ATOMIC_REQUESTS": True}}
-- views.py --
from shop.models import Line, Order

def place(request):
    order = Order.objects.create()
    Line.objects.create(order=order)
""",
        """
from sqlalchemy.orm import Session

def place(session: Session, customer):
    order = Order(customer_id=customer.id)
    session.add(order)
    session.flush()
    session.add(Line(order_id=order.id))
    session.commit()

def twice(session: Session, one, two):
    session.add(one)
    session.commit()
    session.refresh(one)
    session.add(Log(text="added"))
    session.commit()
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """A second write that speaks of the row of the first, or moves what the first took away."""
    reading = view.reading
    if is_script(view.path) or each_request(view.project):
        return
    asked = queries(view.project, view.path, reading)
    for function in reading.functions:
        if atomic_decorator(function) is None:
            yield from _children(asked, function)
            yield from _moved(asked, function)
            yield from _committed(asked, function)


def _calls(asked: Queries, function: Function) -> list[ast.Call]:
    return [it for it in asked.reading.within(function) if isinstance(it, ast.Call)]


def _children(asked: Queries, function: Function) -> Iterator[Hit]:
    """Django: a row is made, and then another that belongs to it."""
    made: dict[str, ast.Call] = {}
    for node in asked.reading.within(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and isinstance(node.targets[0], ast.Name):
            query = asked.query(node.value)
            if query is not None and query.orm == "django" and query.has("create") and query.gives == "row":
                made[node.targets[0].id] = node.value
    for call in _calls(asked, function):
        query = asked.query(call) if made else None
        if query is None or query.orm != "django" or not query.steps or query.steps[-1].call is not call:
            continue
        owner = next((it.value.id for it in call.keywords if isinstance(it.value, ast.Name) and it.value.id in made), "")
        if query.steps[-1].name != "create" or not owner or call is made[owner]:
            continue
        if transaction_around(asked, call) is None and not _branches(asked, made[owner], call) and not _handled(asked, call):
            yield Hit(call, f"`{owner}` is stored without this when it fails: put both in one transaction.")
            return


def _branches(asked: Queries, first: ast.AST, second: ast.AST) -> bool:
    """Whether the first only runs where the second does not."""
    ups = {id(it) for it in asked.reading.ancestors(second)}
    return any(isinstance(it, ast.If | ast.ExceptHandler) and id(it) not in ups for it in asked.reading.ancestors(first))


def _handled(asked: Queries, call: ast.AST) -> bool:
    """Whether a failure of the second is caught, and so answered for."""
    return any(isinstance(it, ast.Try) and it.handlers for it in asked.reading.ancestors(call))


def _moved(asked: Queries, function: Function) -> Iterator[Hit]:
    """Django: the same column of two rows goes down and up, each saved on its own."""
    sums: dict[str, dict[str, type[ast.operator]]] = {}
    for node in asked.reading.within(function):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Attribute) and isinstance(node.target.value, ast.Name):
            sums.setdefault(node.target.attr, {})[node.target.value.id] = type(node.op)
    names = next((set(it) for it in sums.values() if len(it) == 2 and set(it.values()) == {ast.Add, ast.Sub}), set())
    saves = [
        it
        for it in _calls(asked, function)
        if isinstance(it.func, ast.Attribute)
        and it.func.attr in ("save", "asave")
        and isinstance(it.func.value, ast.Name)
        and it.func.value.id in names
    ]
    if len({ast.unparse(it.func) for it in saves}) == 2 and transaction_around(asked, saves[-1]) is None:
        yield Hit(saves[-1], "What the one row lost is gone when this fails: put both in one transaction.")


def _committed(asked: Queries, function: Function) -> Iterator[Hit]:
    """SQLAlchemy: an object is committed, and then another that has its key."""
    added: dict[str, int] = {}
    commits: list[ast.Call] = []
    for call in _calls(asked, function):
        if not isinstance(call.func, ast.Attribute) or not asked.is_session(call.func.value):
            continue
        if call.func.attr == "commit" and asked.reading.loop(call) is None:
            commits.append(call)
        elif call.func.attr == "add" and call.args:
            given = call.args[0]
            if isinstance(given, ast.Name):
                added.setdefault(given.id, call.lineno)
            if len(commits) == 1:
                keys = {ast.unparse(it.value.value) for row in ast.walk(_made(asked, given)) if isinstance(row, ast.Call)
                        for it in row.keywords if isinstance(it.value, ast.Attribute)}  # fmt: skip
                if any(name in added and added[name] < commits[0].lineno for name in keys):
                    later = [it for it in _calls(asked, function) if _is_commit(asked, it) and it.lineno > call.lineno]
                    if later and not _branches(asked, commits[0], call) and not _handled(asked, call):
                        yield Hit(later[0], "What was committed before stays when this fails: `flush()` there, and commit once.")
                    return


def _made(asked: Queries, node: ast.expr) -> ast.expr:
    """The call that makes an object, where it is given by its name."""
    if isinstance(node, ast.Name):
        values = asked.reading.bindings(asked.reading.function(node)).get(node.id, [])
        return values[0] if len(values) == 1 and values[0] is not None else node
    return node


def _is_commit(asked: Queries, call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "commit" and asked.is_session(call.func.value)
