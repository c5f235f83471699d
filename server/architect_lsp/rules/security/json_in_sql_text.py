"""JSON is put between the quotes of an SQL text.

Why: an apostrophe in any of its strings ends the SQL string. `O'Brien` is a syntax error, and whoever writes the text writes SQL.
Instead: hand it as a parameter.

    session.execute(text("insert into events (body) values (:body)"), {"body": json.dumps(event)})

Consequences: failures that depend on the words of a message; statements of somebody else's.
Tests: a value with an apostrophe.
Security: CWE-89; text of a user or of a model becomes part of the statement.
Source: https://owasp.org/www-community/attacks/SQL_Injection
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import definitions
from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=89,
    preview=True,  # in migrations the JSON is often made of the program's own constants
    needs=["dumps("],
    bad=[
        Bad('''
import json

def ask(session, model, messages):
    body = json.dumps(messages)
    statement = f"""
        select complete('{model}', parse_json('{[|body|]}')) as answer;
    """
    session.sql(statement)
    session.sql(f"INSERT INTO asked VALUES ('{[|json.dumps(model)|]}')")
'''),
    ],
    good=[
        """
import json

def ask(session, model, messages):
    body = json.dumps(messages).replace("'", "''")
    session.sql(f"select parse_json('{body}')")
    more = json.dumps(messages)
    session.sql(f"select parse_json($${more}$$)")
    session.execute("select parse_json(:body)", {"body": more})
    print(f"select one of '{more}'")
    return f"Update the file with '{more}'"
""",
    ],
)

_SQL = regex(
    r"^\s*(?:select\s[\s\S]*\(|insert\s+into\s|update\s+\S+\s+set\s|merge\s+into\s|delete\s+from\s|call\s+\w+\()", re.IGNORECASE
)
_DUMPS = ("json.dumps", "orjson.dumps", "ujson.dumps", "simplejson.dumps")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Texts of JSON between single quotes in f-strings that are SQL."""
    for node in view.reading.each(ast.JoinedStr):
        words = "".join(it.value if isinstance(it, ast.Constant) and isinstance(it.value, str) else "x" for it in node.values)
        if not _SQL.match(words):
            continue
        for before, it, after in zip(node.values, node.values[1:], node.values[2:], strict=False):
            if (
                isinstance(it, ast.FormattedValue)
                and _text(before).endswith("'")
                and _text(after).startswith("'")
                and _is_json(view, it.value)
            ):
                yield Hit(it.value, "An apostrophe in this JSON ends the string of the SQL: hand it as a parameter.")


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_json(view: View, node: ast.expr) -> bool:
    """Whether an expression is what `json.dumps` gave, as it is."""
    if isinstance(node, ast.Call):
        return view.callee(node) in _DUMPS
    rows = definitions(view.reading, view.reading.function(node)).get(dotted(node), ()) if isinstance(node, ast.Name) else ()
    return bool(rows) and all(isinstance(it.value, ast.Call) and view.callee(it.value) in _DUMPS for it in rows)
