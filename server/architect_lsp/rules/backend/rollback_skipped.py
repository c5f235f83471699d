"""One way out of a function leaves a transaction open that all others end.

Why: a session that outlives the function begins a transaction with its first query. Where the result is read and rolled back,
and an early `return` goes past that, the transaction stays open until somebody uses the session again.
Instead: end it in a `finally`, or before each return.

    try:
        rows = self.session.execute(query).all()
        return to_result(rows) if rows else None
    finally:
        self.session.rollback()

Consequences: connections "idle in transaction", rows that can't be vacuumed, and reads of an old state later.
Tests: ask for what is not there, and assert that the session is in no transaction.
Source: https://docs.sqlalchemy.org/en/20/orm/session_transaction.html
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B4"],
    cwe=772,
    preview=True,  # few real places have been read yet
    needs=[".rollback()"],
    bad=[
        Bad(
            """
class Store:
    def get(self, query):
        try:
            rows = self.session.execute(query).all()
            if not rows:
                [|return None|]
            found = [it.id for it in rows]
            self.session.rollback()
            return found
        except Exception:
            self.session.rollback()
            raise
""",
            fixed="""
class Store:
    def get(self, query):
        try:
            rows = self.session.execute(query).all()
            if not rows:
                self.session.rollback()
                return None
            found = [it.id for it in rows]
            self.session.rollback()
            return found
        except Exception:
            self.session.rollback()
            raise
""",
        ),
        Bad("""
class Store:
    def get(self, query, sealed):
        try:
            if sealed:
                rows = self.session.execute(query).all()
                if not rows:
                    [|return None|]
            else:
                rows = self.session.query(query).all()
            self.session.rollback()
            return rows
        except Exception:
            self.session.rollback()
            raise
"""),
    ],
    good=[
        """
class Store:
    def get(self, query, wanted):
        try:
            if not wanted:
                return None
            rows = self.session.execute(query).all()
            if not rows:
                self.session.rollback()
                return None
            self.session.rollback()
            return rows
        except Exception:
            self.session.rollback()
            raise

    def some(self, query, quick):
        try:
            if quick:
                found = self.session.execute(query).first()
                if not found:
                    self.session.rollback()
                    return None
            else:
                found = self.session.execute(query).all()
            self.session.rollback()
            return found
        except Exception:
            self.session.rollback()
            raise

    def all(self, query):
        try:
            rows = self.session.execute(query).all()
            if not rows:
                return None
            self.session.rollback()
            return rows
        finally:
            self.session.close()

    def save(self, query, dry):
        try:
            row = self.session.execute(query).first()
            if row is None:
                return None
            if dry:
                self.session.rollback()
            else:
                self.session.commit()
            return row
        except Exception:
            self.session.rollback()
            raise
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Returns between a query and the rollback that its block ends with."""
    for block in view.reading.each(ast.Try):
        ended = next((held for it in block.body if (held := _rolled_back(it))), "")
        if not ended or block.finalbody or not all(_ends(it.body, ended) for it in block.handlers) or not block.handlers:
            continue
        for last in _open_returns(block.body, ended, False):
            fix = Draft("Roll back first", (Change(last, f"{ended}.rollback()\n{' ' * last.col_offset}", insert="before"),))
            yield Hit(last, f"This return leaves the transaction of `{ended}` open; the others roll it back.", (fix,))


def _open_returns(body: list[ast.stmt], held: str, asked: bool) -> Iterator[ast.Return]:
    """Returns of a branch after a session was asked, up to where it is rolled back."""
    for row in body:
        if _rolled_back(row) == held:
            return
        if isinstance(row, ast.If):
            last = row.body[-1]
            if asked and isinstance(last, ast.Return) and not row.orelse and not _names(row, held):
                yield last
            for branch in (row.body, row.orelse):
                if not isinstance(branch[-1] if branch else last, ast.Return):
                    yield from _open_returns(branch, held, asked)
        asked = asked or _names(row, held)


def _rolled_back(row: ast.stmt) -> str:
    """The session that a statement rolls back."""
    call = row.value if isinstance(row, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "rollback" and not call.args:
        return dotted(call.func.value)
    return ""


def _ends(body: list[ast.stmt], held: str) -> bool:
    return any(_rolled_back(it) == held for it in body)


def _names(row: ast.stmt, held: str) -> bool:
    return any(isinstance(it, ast.Name | ast.Attribute) and dotted(it) == held for it in ast.walk(row))
