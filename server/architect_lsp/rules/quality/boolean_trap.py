"""A literal `True` or `False` stands among a call's arguments, and nothing at the call says what it means.

Why: `export(order, True, False)` can be read only beside the definition, and the two are easily swapped: both are bools, so
neither a type checker nor a test of the happy path sees it.
Instead: make the flag keyword-only, or write two functions where it chooses between two behaviours.

    def export(order: Order, *, compressed: bool = False, signed: bool = False) -> bytes: ...

    export(order, compressed=True)

Trade-offs: for a setter (`set_enabled(True)`) the name says it.
Off by default: it is a matter of taste.
Source: Martin Fowler, "FlagArgument", bliki; https://docs.astral.sh/ruff/rules/boolean-positional-value-in-call/
"""

import ast
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["E4"],
    equivalents=["FBT003"],
    preview=True,
    needs=["True", "False"],
    bad=[
        Bad("""
def export(order, compressed, signed):
    return order

def send(order):
    return [|export(order, True, False)|]
"""),
    ],
    good=[
        """
def export(order, compressed, signed):
    return order

def set_enabled(value):
    return value

def send(order):
    export(order, compressed=True, signed=False)
    set_enabled(True)
    getattr(order, "sent", False)
    order.update("sent", True)
    return export(order, order.large, False)
""",
    ],
)

_FLAGS = 2


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls of the project's functions with two or more bare flags."""
    for call in view.reading.each(ast.Call):
        flags = [it for it in call.args if isinstance(it, ast.Constant) and isinstance(it.value, bool)]
        if len(flags) >= _FLAGS and view.definition(call) is not None:
            yield Hit(call, f"Nothing here says what the {len(flags)} flags mean, and two that are swapped go unnoticed.")
