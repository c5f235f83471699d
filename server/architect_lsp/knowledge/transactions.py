"""Transactions of Django and SQLAlchemy as a unit writes them: which `with` or decorator encloses what.

Source: https://docs.djangoproject.com/en/stable/topics/db/transactions/ and https://docs.sqlalchemy.org/en/20/orm/session_transaction.html
"""

from __future__ import annotations

import ast

from architect_lsp.knowledge.facts import Variable
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.queries import Queries
from architect_lsp.knowledge.reading import Function, Reading, dotted
from architect_lsp.patterns import regex

_ATOMIC = frozenset(["atomic", "commit_on_success", "xact_atomic"])
_BEGINS = regex(
    r"(?:\w+_)?(?:engine|conn|connection|session|sess|db|sessionmaker|session_?maker|session_?factory|SessionLocal|Session)"
)


def transaction_around(asked: Queries, node: ast.AST) -> ast.AST | None:
    """The `with` or the decorator of the function whose transaction is open while `node` runs; None when none is seen.

    What a nested function or a lambda does later is not inside.
    """
    reading = asked.reading
    for up in reading.ancestors(node):
        if isinstance(up, ast.With | ast.AsyncWith) and any(_opens(asked, it.context_expr) for it in up.items):
            inside = any(_is_below(node, it, reading) for it in up.body)
            if inside:
                return next(it.context_expr for it in up.items if _opens(asked, it.context_expr))
        if isinstance(up, ast.Lambda):
            return None
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef):
            return atomic_decorator(up) if reading.function(node) is up else None
    return None


def atomic_decorator(function: Function) -> ast.expr | None:
    """The decorator that runs a function in a transaction, None when it has none."""
    for it in function.decorator_list:
        if dotted(it.func if isinstance(it, ast.Call) else it).rpartition(".")[2] in _ATOMIC:
            return it
    return None


def each_request(project: Project) -> bool:
    """Whether each request of a Django project is one transaction: a database says `ATOMIC_REQUESTS`."""
    return project.of_all("atomic requests", _per_request)


def _per_request(project: Project) -> bool:
    tables = (project.name(path, "DATABASES") for path in project.paths)
    rows = (it.value for it in tables if isinstance(it, Variable) and it.value is not None)
    return any(key == "ATOMIC_REQUESTS" and it.text == "True" for row in rows for each in row.each() for key, it in each.keywords)


def _opens(asked: Queries, node: ast.expr) -> bool:
    """Whether what a `with` is given begins a transaction."""
    function = node.func if isinstance(node, ast.Call) else node
    last = dotted(function).rpartition(".")[2] or (function.attr if isinstance(function, ast.Attribute) else "")
    if last in _ATOMIC:
        return True
    if last not in ("begin", "begin_nested") or not isinstance(function, ast.Attribute):
        return False
    host = function.value.func if isinstance(function.value, ast.Call) else function.value
    return asked.is_session(host) or bool(_BEGINS.fullmatch(dotted(host).rpartition(".")[2]))


def _is_below(node: ast.AST, statement: ast.AST, reading: Reading) -> bool:
    return node is statement or any(it is statement for it in reading.ancestors(node))
