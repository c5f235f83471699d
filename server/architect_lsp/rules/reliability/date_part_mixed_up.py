"""A date is put together with one part in the place of another, or with one left out.

Why: parts of dates are numbers, so that `day=value.month` or an hour without its minute raises nothing; the date is a wrong one.
Instead: hand over the value itself, or each part in its place.

    datetime(year=it.year, month=it.month, day=it.day, hour=it.hour, minute=it.minute)

Consequences: rows are stored under another day, and only on days that differ from their month.
Tests: a date whose parts are all different, such as 2031-02-17 13:45:59.
Source: https://docs.python.org/3/library/datetime.html#datetime-objects
"""

import ast
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["E1"],
    cwe=682,
    needs=["day=", "hour="],
    bad=[
        Bad("""
import datetime

def taken(at):
    return datetime.datetime(year=at.year, month=at.month, day=[|at.month|], hour=at.hour, minute=at.minute)
"""),
        Bad("""
import datetime

class Stamp:
    def datetime(self):
        return [|datetime.datetime(year=self.year, month=self.month, day=self.day, hour=self.hour, second=self.second)|]
"""),
    ],
    good=[
        """
import datetime

def taken(at, clock):
    whole = datetime.datetime(year=at.year, month=at.month, day=at.day, hour=clock.hour)
    first = datetime.datetime(year=at.year, month=at.month, day=1, hour=0, minute=0, second=at.second)
    later = at.replace(hour=0, second=0)
    return whole, first, later, Span(day=at.weekday, hour=at.hour)
""",
    ],
)

_PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls that are handed the parts of a date by name."""
    for call in view.reading.each(ast.Call):
        given = {it.arg: it.value for it in call.keywords if it.arg in _PARTS}
        read = [it.attr for it in given.values() if isinstance(it, ast.Attribute)]
        if len(given) < 3 or sum(it in _PARTS for it in read) < 3:
            continue
        wrong = [it for key, it in given.items() if isinstance(it, ast.Attribute) and it.attr in _PARTS and it.attr != key]
        yield from (Hit(it, f"`{it.attr}` is handed over as another part of the date.") for it in wrong)
        for before, part, behind in zip(_PARTS, _PARTS[1:], _PARTS[2:], strict=False):
            if not wrong and before in given and behind in given and part not in given:
                yield Hit(call, f"The {part} is left out between the {before} and the {behind}: it is always the smallest one.")
