"""The filter of a search is put together from a value in quotes.

Why: stores of vectors and documents take filters as text. A quote in the value ends the string there, and the rest is read as a
part of the filter.
Instead: parameters where the store has them, otherwise a value that is checked, or escaped as the store says.

    table.search(vector).where(f"id = '{uuid.UUID(key)}'")

Consequences: a name with an apostrophe finds nothing, or ends in an error.
Tests: a value with a quote in it, and `x' OR 'a' = 'a`.
Security: whoever chooses the value reads or deletes the rows of others.
Source: CWE-943
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import argument_of, last_name
from architect_lsp.knowledge.reading import Reading
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["D4", "C3"],
    cwe=943,
    needs=[".where(", ".delete(", "filter=", "expr=", ".query("],
    bad=[
        Bad("""
class Store:
    def rows(self, prefix: str):
        return self.table.search().where([|f"scope LIKE '{prefix.rstrip('/')}%'"|]).to_list()

    def drop(self, key):
        self.table.delete([|f"id = '{key}'"|])

    def find(self, vector, user):
        return self.client.search(data=[vector], filter=[|f'user == "{user}"'|])
"""),
    ],
    good=[
        """
class Store:
    def rows(self, prefix: str, key: int, names):
        safe = escaped(prefix)
        self.table.search().where(f"scope = '{safe}'")
        self.table.search().where(f"scope = '{escaped(prefix)}'")
        self.table.search().where(f"id = {key}")
        self.table.search().where(f"id = '{key}'")
        for name in names:
            self.table.delete(f"name = '{name}'")
        return self.page.query(f"the plan '{prefix}'")

    def of_repository(self, repo_name, digest):
        self.table.search().where(f"repo = '{repo_name}' and sha = '{digest}'")

    def checked(self, prefix: str, key):
        if "'" in prefix or not key.isalnum():
            raise ValueError
        self.table.search().where(f"scope = '{prefix}' and id = '{key}'")
""",
    ],
)

_BEFORE = regex(r"(?:==?|!=|<>|\bLIKE|\bIN\s*[\[(])\s*(['\"])%?", 2)
_PLAIN = frozenset(("int", "float", "bool", "UUID", "uuid.UUID", "datetime", "date", "Decimal"))
_SAME = frozenset(("strip", "rstrip", "lstrip", "lower", "upper"))
_QUOTELESS = regex(r"(?:^|_)(?:repo(?:sitory)?|branch|slug|uuid|hash|digest|sha\d*)(?:_|$)")
"""Names of what its maker keeps free of quotes."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Formatted texts with a parameter in quotes, handed to what filters rows of a store."""
    reading = view.reading
    for text in reading.each(ast.JoinedStr):
        up = reading.parent(text)
        keyword = up.arg if isinstance(up, ast.keyword) else ""
        call = reading.parent(up) if isinstance(up, ast.keyword) else up
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        name = last_name(call.func)
        if keyword not in ("filter", "expr", "where") and not (name in ("where", "delete", "prefilter") and text in call.args):
            continue
        if keyword and name not in (
            "search",
            "query",
            "delete",
            "where",
            "similarity_search",
            "upsert",
            "hybrid_search",
            "count",
        ):
            continue
        value = next((it for it in _quoted(text) if _is_free(reading, it)), None)
        if value is not None:
            yield Hit(text, f"A quote in `{ast.unparse(value)}` ends the string of this filter.")


def _quoted(text: ast.JoinedStr) -> Iterator[ast.expr]:
    """The values that stand between quotes."""
    for before, it, behind in zip(text.values, text.values[1:], text.values[2:], strict=False):
        if not (isinstance(before, ast.Constant) and isinstance(it, ast.FormattedValue) and isinstance(behind, ast.Constant)):
            continue
        opened = regex(_BEFORE.pattern + "$", 2).search(str(before.value))
        if opened and str(behind.value).lstrip("%")[:1] == opened[1]:
            yield it.value


def _is_free(reading: Reading, value: ast.expr) -> bool:
    """Whether a value is a parameter as it was given, which nothing in the function looks at."""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in _SAME:
        value = value.func.value
    function = reading.function(value)
    given = argument_of(function, value.id) if isinstance(value, ast.Name) and not _QUOTELESS.search(value.id) else None
    if given is None or function is None or not isinstance(value, ast.Name):
        return False
    if given.annotation is not None and ast.unparse(given.annotation).partition(" |")[0] in _PLAIN:
        return False
    for it in reading.within(function):
        if isinstance(it, ast.Name) and it.id == value.id:
            if isinstance(it.ctx, ast.Store):
                return False
            up = reading.parent(it)
            if isinstance(up, ast.Compare) and isinstance(up.left, ast.Constant):
                return False
            if isinstance(up, ast.Attribute) and up.attr not in _SAME:
                return False
    return True
