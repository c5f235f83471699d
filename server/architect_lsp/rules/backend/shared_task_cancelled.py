"""A timeout of one caller cancels a task that others wait for too.

Why: `wait_for` and `asyncio.timeout` cancel what they wait for when the time is over. Where the task is kept so that several
callers share it, the first who gives up ends it for all: the others get a CancelledError that nobody sent them.
Instead: shield the shared task; the caller's wait ends, the task goes on.

    async def load(self, key: str) -> Page:
        task = self._pending.get(key)
        if task is None:
            task = self._pending[key] = asyncio.create_task(self._fetch(key))
            task.add_done_callback(lambda _: self._pending.pop(key, None))
        return await asyncio.wait_for(asyncio.shield(task), timeout=2)

Consequences: one impatient client fails the requests of the patient ones.
Trade-offs: a shielded task needs a limit of its own, or it runs on for nobody.
Tests: two callers of one key, one of them with a timeout of nothing.
Source: https://docs.python.org/3/library/asyncio-task.html#asyncio.shield
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3", "C4"],
    needs=["wait_for("],
    bad=[
        Bad(
            """
import asyncio

class Loader:
    def __init__(self, fetch):
        self.fetch = fetch
        self.pending = {}

    async def load(self, key):
        task = self.pending.get(key)
        if task is None:
            task = self.pending[key] = asyncio.create_task(self.fetch(key))
        return await asyncio.wait_for([|task|], timeout=2)
""",
            fixed="""
import asyncio

class Loader:
    def __init__(self, fetch):
        self.fetch = fetch
        self.pending = {}

    async def load(self, key):
        task = self.pending.get(key)
        if task is None:
            task = self.pending[key] = asyncio.create_task(self.fetch(key))
        return await asyncio.wait_for(asyncio.shield(task), timeout=2)
""",
        ),
        Bad("""
import asyncio

class Token:
    task = None

    async def get(self):
        if self.task is None:
            self.task = asyncio.ensure_future(self.fetch())
        return await asyncio.wait_for([|self.task|], 5)
"""),
    ],
    good=[
        """
import asyncio

class Loader:
    def __init__(self):
        self.pending = {}
        self.task = None

    async def load(self, key):
        task = self.pending.get(key)
        if task is None:
            task = self.pending[key] = asyncio.create_task(self.fetch(key))
        return await asyncio.wait_for(asyncio.shield(task), timeout=2)

    async def own(self, key):
        task = asyncio.create_task(self.fetch(key))
        return await asyncio.wait_for(task, timeout=2)

    async def stop(self):
        self.task.cancel()
        await asyncio.wait_for(self.task, 5)

    async def run(self, key):
        self.task = asyncio.create_task(self.fetch(key))
        return await asyncio.wait_for(self.task, 5)
""",
    ],
)

_MAKES = ("create_task", "ensure_future")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Waits with a limit for a task that the function makes only where there is none yet."""
    reading = view.reading
    for call in reading.each(ast.Call):
        function = reading.function(call)
        if not call.args or not isinstance(function, ast.AsyncFunctionDef) or not view.callee(call).endswith("wait_for"):
            continue
        waited = call.args[0]
        if isinstance(waited, ast.Name | ast.Attribute) and _is_shared(reading, function, waited):
            fix = Draft("Shield it", (Change(waited, f"asyncio.shield({reading.source(waited)})"),), imports=("asyncio",))
            told = "Others may wait for this task too: when the time is over, it is cancelled for all of them."
            yield Hit(waited, told, (fix,))


def _is_shared(reading: Reading, function: ast.AsyncFunctionDef, waited: ast.Name | ast.Attribute) -> bool:
    """Whether the task is kept where others find it, and made only where it is missing there."""
    name = dotted(waited)
    for it in reading.within(function):
        if isinstance(it, ast.If) and any(dotted(each) == name for each in ast.walk(it.test) if isinstance(each, type(waited))):
            for made in (each for row in it.body for each in ast.walk(row) if isinstance(each, ast.Assign)):
                value = made.value
                if not isinstance(value, ast.Call) or dotted(value.func).rpartition(".")[2] not in _MAKES:
                    continue
                kept = [each for each in made.targets if isinstance(each, ast.Attribute | ast.Subscript)]
                if kept and any(dotted(each) == name for each in made.targets):
                    return True
    return False
