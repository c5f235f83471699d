"""A client may give itself privileges.

Why: the model of the body has a field such as `is_admin`, and the handler writes every field into the row. The form does not show
it; whoever writes the request by hand sends it.
Instead: give clients a model without such fields, and set them where an administrator decides.

    class MemberIn(BaseModel):
        name: str
        mail: str

Consequences: an account that makes itself administrator, through the ordinary door.
Tests: send the field, and assert that the row does not have it.
Security: CWE-915.
Source: OWASP API Security Top 10 2023, API3
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import Function, dotted, keyword
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

_BODY = """
from fastapi import APIRouter, Depends
from pydantic import BaseModel
from shop.db import Customer, session
from shop.users import require_admin

router = APIRouter()

class CustomerIn(BaseModel):
    name: str
    is_staff: bool = False
"""

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A2", "D4"],
    cwe=915,
    needs=["model_dump", ".dict("],
    bad=[
        Bad(
            _BODY
            + """
@router.post("/customers")
def join(body: CustomerIn):
    session.add(Customer(**[|body.model_dump()|]))

@router.post("/members")
def member(body: CustomerIn):
    return customers.register(**[|body.model_dump()|])
"""
        ),
    ],
    good=[
        _BODY
        + """
@router.post("/customers")
def join(body: CustomerIn):
    session.add(Customer(name=body.name))

@router.post("/customers/other")
def other(body: CustomerIn):
    session.add(Customer(**body.model_dump(exclude={"is_staff"})))

@router.post("/staff", dependencies=[Depends(require_admin)])
def staff(body: CustomerIn):
    session.add(Customer(**body.model_dump()))
""",
    ],
)

_PRIVILEGE = regex(r"is_(?:admin|superuser|staff|verified|moderator|owner)|role|roles|permissions|scopes|balance|credits")
_STORES = regex(r"(?:create|register|insert|sign_?up)(?:_|$)")
_ADMIN = regex(r"admin|super|staff|role|perm|scope|owner|manager", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Bodies with fields of privilege that are written as a whole."""
    for function in view.reading.functions:
        routes = routes_of(view.project, view.path, view.reading.qualname(function)) if function.decorator_list else ()
        if not routes or any(it.framework != "fastapi" or not it.methods & {"POST", "PUT", "PATCH"} for it in routes):
            continue
        if any(_ADMIN.search(guard.name) for it in routes for guard in it.dependencies) or any(
            _ADMIN.search(it.path) for it in routes
        ):
            continue
        bodies = _bodies(view, function)
        for call in view.reading.within(function) if bodies else ():
            if (
                not isinstance(call, ast.Call)
                or not isinstance(call.func, ast.Attribute)
                or call.func.attr not in ("model_dump", "dict")
            ):
                continue
            field = bodies.get(dotted(call.func.value))
            if field and keyword(call, "exclude") is None and keyword(call, "include") is None and _is_written(view, call):
                yield Hit(call, f"A client that sends `{field}` gets it: leave it out of the body of `{function.name}`.")


def _bodies(view: View, function: Function) -> dict[str, str]:
    """Parameter -> its field that gives privileges."""
    found: dict[str, str] = {}
    for it in (*function.args.args, *function.args.kwonlyargs):
        symbol = view.symbol(it.annotation) if it.annotation is not None else None
        if isinstance(symbol, ClassSymbol):
            field = next((row.name for row in symbol.facts.fields if _PRIVILEGE.fullmatch(row.name)), "")
            if field:
                found[it.arg] = field
    return found


def _is_written(view: View, call: ast.Call) -> bool:
    """Whether each field goes into a row: `Model(**body.model_dump())`, or a loop that sets them."""
    for up in view.reading.ancestors(call):
        if isinstance(up, ast.keyword):
            made = view.reading.parent(up)
            last = dotted(made.func).rpartition(".")[2] if isinstance(made, ast.Call) and up.arg is None else ""
            return last[:1].isupper() or bool(_STORES.match(last))
        if isinstance(up, ast.For):
            return any(isinstance(it, ast.Call) and dotted(it.func) == "setattr" for it in ast.walk(up))
        if isinstance(up, ast.stmt):
            return False
    return False
