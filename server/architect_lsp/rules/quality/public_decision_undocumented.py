"""A public function decides much and explains nothing.

Why: fifteen branches are as many decisions, each made for a reason that somebody knew once. Without a sentence on what the
function gives and why it distinguishes what it distinguishes, the next change is made by guessing, and the cases nobody
understands are kept for ever.
Instead: say what it gives, what decides, and what happens when nothing fits; or make a table of it, whose rows are the reasons.

    def discount(order: Order) -> Decimal:
        \"\"\"The share that is taken off an order.

        The best single rule counts, never the sum (terms of trade, section 4). Raises UnknownRegion.
        \"\"\"
        try:
            rules = RULES[order.region]
        except KeyError as error:
            raise UnknownRegion(order.region) from error
        return max((it.share for it in rules if it.fits(order)), default=Decimal(0))

Consequences: reviewers can't tell a mistake from an intention.
Trade-offs: a docstring that repeats the name is worse than none; if the reasons need a page, write a decision record and name
it.
Off by default: how much must be written down is a team's own choice.
Tests: one for each branch, named after its reason.
Source: https://adr.github.io/ and PEP 257
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.waiting import run_by
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

_BRANCHES = "".join(f"    if order.region == {it} and order.total > {it}:\n        return {it}\n" for it in range(8))

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["E5", "E4"],
    needs=["if "],
    bad=[Bad(f"[|def discount(order):|]\n{_BRANCHES}    return 0\n")],
    good=[
        f'def discount(order):\n    """The best single rule counts, never the sum."""\n{_BRANCHES}    return 0\n',
        f"def discount(order):\n    # the best single rule counts, never the sum\n{_BRANCHES}    return 0\n",
        f"def _discount(order):\n{_BRANCHES}    return 0\n",
        "def discount(order):\n    if order.total > 3:\n        return 1\n    return 0\n",
    ],
)

_DECISIONS = 15


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Public functions of many branches with neither a docstring nor a comment."""
    reading = view.reading
    if is_script(view.path):
        return
    for function in reading.functions:
        if function.name.startswith("_") or "._" in f".{reading.qualname(function)}" or ast.get_docstring(function):
            continue
        count = sum(_decisions(it) for it in run_by(function.body))
        if count >= _DECISIONS and not any("#" in it for it in reading.source(function).splitlines()):
            yield Hit(function, f"`{function.name}` makes {count} decisions and says nothing of what they rest on.")


def _decisions(node: ast.AST) -> int:
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    return int(isinstance(node, ast.If | ast.IfExp | ast.While | ast.For | ast.AsyncFor | ast.ExceptHandler | ast.match_case))
