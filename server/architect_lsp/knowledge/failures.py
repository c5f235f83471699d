"""Exceptions that a function is given or catches without having chosen their text."""

from __future__ import annotations

import ast

from architect_lsp.knowledge.definitions import last_name
from architect_lsp.knowledge.reading import Function, dotted

BROAD = frozenset(
    (
        *("Exception", "BaseException", "SQLAlchemyError", "DatabaseError", "OperationalError", "ProgrammingError", "DBAPIError"),
        *("IntegrityError", "StatementError", "PyMongoError", "RedisError", "BotoCoreError", "ClientError", "OSError", "IOError"),
    )
)
"""Exceptions whose text nobody wrote for a client."""
_REGISTERS = ("exception_handler", "errorhandler", "app_errorhandler")


def handed_exception(function: Function) -> str:
    """The parameter that a framework fills with whatever exception a handler let out; "" where there is none.

    `@app.exception_handler(Exception)`, `@app.errorhandler(Exception)`, and `process_exception` of Django's middleware.
    """
    rows = function.args.args
    if not rows:
        return ""
    if function.name == "process_exception" and len(rows) > 2:
        return rows[-1].arg
    for it in function.decorator_list:
        kind = it.args[0] if isinstance(it, ast.Call) and it.args and last_name(it.func) in _REGISTERS else None
        if kind is not None and dotted(kind).rpartition(".")[2] in BROAD:
            return rows[-1].arg
    return ""
