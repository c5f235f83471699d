"""A condition asks for a method and never calls it, so that it always holds.

Why: `if self.is_legacy:` looks at the method itself, which is true whatever it would answer.
Instead: call it, or make it a property.

    if self.is_legacy():
        return old_arguments(self)

Consequences: one of the two branches is never taken, or always.
Tests: a case for each answer of the method.
Security: a check of rights that is not called lets everybody pass.
Source: CWE-480; mypy's `truthy-function`
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["E1", "E4"],
    cwe=480,
    needs=["if ", "while "],
    bad=[
        Bad(
            """
class Backend:
    def is_legacy(self):
        return self.version < 2

    def arguments(self):
        if [|self.is_legacy|]:
            return {"name": self.name}
        return {"title": self.name}
""",
            fixed="""
class Backend:
    def is_legacy(self):
        return self.version < 2

    def arguments(self):
        if self.is_legacy():
            return {"name": self.name}
        return {"title": self.name}
""",
        ),
        Bad("""
class Job:
    def is_done(self) -> bool:
        return self.state == "done"

def wait(job: Job):
    while not [|job.is_done|]:
        job.poll()
"""),
    ],
    good=[
        """
from functools import cached_property

class Backend:
    handler = None

    def __init__(self, hook):
        self.hook = hook

    @cached_property
    def is_legacy(self):
        return self.version < 2

    def is_new(self):
        return not self.is_legacy

    def hook(self):
        pass

    def arguments(self, other):
        if self.is_legacy or self.is_new() or self.handler or self.hook:
            return 1
        return other.is_new
""",
    ],
)

_ASKS = regex(r"_*(?:is|has|can|should|was|are|needs|may|supports|allows)_\w+")
"""Names of methods that answer yes or no; others may be replaced by an attribute that is None."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Attributes in a condition that are methods of the project's own classes."""
    reading = view.reading
    conditions: list[ast.If | ast.While | ast.IfExp] = [*reading.each(ast.If), *reading.each(ast.While), *reading.each(ast.IfExp)]
    for condition in conditions:
        for it in _asked(condition.test):
            found = view.symbol(it)
            if not isinstance(found, FunctionSymbol) or not found.facts.owner or found.facts.decorators or found.facts.optional:
                continue
            name = ast.unparse(it)
            if _ASKS.fullmatch(it.attr) and found.facts.qualname.rpartition(".")[2] == it.attr:
                needs_none = len(found.facts.parameters) <= 1
                fix = Draft("Call it", (Change(it, f"{name}()"),))
                yield Hit(
                    it, f"`{name}` is a method, which is always true: it is never called.", fixes=(fix,) if needs_none else ()
                )


def _asked(test: ast.expr) -> Iterator[ast.Attribute]:
    if isinstance(test, ast.BoolOp):
        for it in test.values:
            yield from _asked(it)
    elif isinstance(test, ast.UnaryOp):
        yield from _asked(test.operand)
    elif isinstance(test, ast.Attribute):
        yield test
