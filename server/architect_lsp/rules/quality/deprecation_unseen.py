"""A deprecation is announced without a stack level, so the warning names this line and nobody who calls it is told.

Why: Python shows a `DeprecationWarning` only when the code it is attributed to is the program's own (`__main__`) or runs under
a test runner. Without `stacklevel` it is attributed to the line that warns, deep in the library: callers see nothing, and
where it is shown it does not say which of their lines is to change.
Instead: attribute it to the caller.

    warnings.warn("`total` is deprecated; use `sum_of`.", DeprecationWarning, stacklevel=2)

Consequences: the old name is removed one day, and for all callers that is the first they hear of it.
Trade-offs: a function that warns for others needs one level more for each call between; from Python 3.12 `skip_file_prefixes`
leaves out all frames of a package.
Tests: `pytest.warns(DeprecationWarning)`, and assert that the record's `filename` is the test's own file.
Source: https://peps.python.org/pep-0565/; https://docs.python.org/3/library/warnings.html#warnings.warn
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["E3", "E4", "A4"],
    equivalents=["B028"],
    needs=["DeprecationWarning"],
    preview=True,  # eleven of fifteen drawn afresh were worth it; others were kept for old migrations
    bad=[
        Bad(
            """
import warnings

def total(orders):
    [|warnings.warn("`total` is deprecated; use `sum_of` 😀.", DeprecationWarning)|]
    return sum(orders)
""",
            fixed="""
import warnings

def total(orders):
    warnings.warn("`total` is deprecated; use `sum_of` 😀.", DeprecationWarning, stacklevel=2)
    return sum(orders)
""",
        ),
        Bad(
            """
from warnings import warn

class Shop:
    def sell(self, order):
        [|warn(
            "gone in 3.0",
            category=PendingDeprecationWarning,
        )|]
""",
            fixed="""
from warnings import warn

class Shop:
    def sell(self, order):
        warn(
            "gone in 3.0",
            category=PendingDeprecationWarning,
            stacklevel=2,
        )
""",
        ),
        Bad("""
import warnings

def total(orders):
    [|warnings.warn("deprecated", DeprecationWarning, stacklevel=1)|]
"""),
    ],
    good=[
        """
import warnings

warnings.warn("this module is deprecated", DeprecationWarning)

def total(orders, **options):
    warnings.warn("deprecated", DeprecationWarning, 2)
    warnings.warn("deprecated", DeprecationWarning, stacklevel=2)
    warnings.warn("deprecated", DeprecationWarning, skip_file_prefixes=("shop",))
    warnings.warn("deprecated", DeprecationWarning, **options)
    warnings.warn("slow")
    warnings.warn("no rows", RuntimeWarning)

class Settings(BaseSettings):
    @model_validator(mode="before")
    def rename(cls, values):
        warnings.warn("`a` was renamed", DeprecationWarning)
        return values
""",
    ],
)

_HIDDEN = ("DeprecationWarning", "PendingDeprecationWarning")
_LEVEL_AT = 2
"""The position of `stacklevel` among the arguments of `warnings.warn`."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Warnings of a deprecation, in functions, that are attributed to the line that warns."""
    for call in view.reading.each(ast.Call):
        function = view.reading.function(call)
        if function is None or view.callee(call) != "warnings.warn" or len(call.args) > _LEVEL_AT:
            continue
        if any("validator" in ast.unparse(it) for it in getattr(function, "decorator_list", ())):
            continue  # a library calls it
        if any(it.arg in (None, "skip_file_prefixes") for it in call.keywords) or _hidden(call) not in _HIDDEN:
            continue
        level = keyword(call, "stacklevel")
        if level is None or (isinstance(level, ast.Constant) and level.value == 1):
            told = "This deprecation is attributed to the line that warns, so Python does not show it to those who call."
            yield Hit(call, told, tuple(_fix(view, call)) if level is None else ())


def _hidden(call: ast.Call) -> str:
    category = keyword(call, "category") or (call.args[1] if len(call.args) > 1 else None)
    return dotted(category) if category is not None else ""


def _fix(view: View, call: ast.Call) -> Iterator[Draft]:
    arguments: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    last = max(arguments, key=lambda it: (it.end_lineno or 0, it.end_col_offset or 0))
    place = view.reading.place(last)
    before = view.reading.parsed.lines[place.line][: place.column]
    space = f"\n{before}" if not before.strip() else " "
    yield Draft("Attribute it to the caller", (Change(last, f",{space}stacklevel=2", insert="after"),), safe=True)
