"""A collection loses or gains members while a loop goes over it.

Why: a list that is shortened skips the next member; a set or a dict raises `RuntimeError: changed size during iteration`. With an
`await` in the loop it need not be the loop itself: whoever connects or leaves in the meantime changes what is being iterated.
Instead: go over a copy, or build a new collection.

    for socket in list(self.sockets):
        await socket.send(text)

Consequences: every second member is left out, or the loop ends in the middle with an error that depends on the timing.
Tests: two members to remove that stand side by side; a member that leaves while the loop waits.
Source: CWE-834; https://docs.python.org/3/reference/compound_stmts.html#the-for-statement
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B2", "E1"],
    cwe=662,
    needs=["for "],
    bad=[
        Bad(
            """
def files_of(parts):
    files = []
    for part in [|parts|]:
        if part.startswith("data:"):
            files.append(part)
            parts.remove(part)
    return files
""",
            fixed="""
def files_of(parts):
    files = []
    for part in list(parts):
        if part.startswith("data:"):
            files.append(part)
            parts.remove(part)
    return files
""",
        ),
        Bad("""
def expire(self, now):
    for key, until in [|self.entries.items()|]:
        if until < now:
            del self.entries[key]
    for key in [|self.locks|]:
        self.locks.pop(key, None)
"""),
        Bad("""
class Room:
    def __init__(self):
        self.sockets = set()
        self.names = {}

    async def join(self, socket, name):
        self.sockets.add(socket)
        self.names[name] = socket

    def leave(self, socket, name):
        self.sockets.discard(socket)
        self.names.pop(name, None)

    async def tell(self, text):
        for socket in [|self.sockets|]:
            await socket.send(text)
        for name, socket in [|self.names.items()|]:
            await socket.send(f"{name}: {text}")
"""),
    ],
    good=[
        """
class Clients:
    def __init__(self):
        self.clients = {}

    def leave(self, name):
        self.clients.pop(name, None)

    async def init_all(self):
        for client in self.clients.values():
            await client.open()
""",
        """
def drop(parts, names, seen, self):
    for part in list(parts):
        parts.remove(part)
    for part in parts:
        if part == "x":
            parts.remove(part)
            break
    for key in names:
        if key in seen:
            del names[key]
            return key
    for key in seen:
        names.pop(key)
        seen[key] = True
    for part in parts:
        parts.append(part)
    for part in parts:
        parts = [it for it in parts if it != part]
        parts.remove(part)
    for row in self.rows:
        def later():
            self.rows.remove(row)
        row.then(later)
""",
        """
import asyncio

class Room:
    def __init__(self):
        self.lock = asyncio.Lock()
        self.sockets = set()
        self.plugins = {}
        self.steps = []

    def join(self, socket):
        self.sockets.add(socket)

    def leave(self, socket):
        self.sockets.discard(socket)
        self.steps.remove(socket)

    async def tell(self, text):
        for socket in tuple(self.sockets):
            await socket.send(text)
        async with self.lock:
            for socket in self.sockets:
                await socket.send(text)
        for plugin in self.plugins.values():
            await plugin.run(text)
        for socket in self.sockets:
            socket.put_nowait(text)
        for step in self.steps:
            await step(text)

    def install(self, name):
        self.routes.pop(name, None)

    async def answer(self, request):
        for name, plugin in self.routes.items():
            if request.path.startswith(name):
                return await plugin.run(request)
        return None
""",
    ],
)

_TAKES = ("remove", "discard", "pop", "popitem")
_VIEWS = ("items", "keys", "values")
_SIZES = frozenset(("add", "discard", "remove", "pop", "popitem", "update", "setdefault", "clear"))
_ENDS = (ast.Break, ast.Return, ast.Raise)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Loops over a collection that their body, or another coroutine while they wait, changes."""
    reading = view.reading
    for loop in reading.each(ast.For):
        held, is_view = _held(loop)
        if held is None or view.instance(held) is not None:
            continue
        name = ast.unparse(held)
        inside = _changing(reading, loop, name)
        if inside:
            yield Hit(loop.iter, f"The loop over `{name}` takes members out of it, and goes on.", (_fix(loop),))
        elif reading.has(ast.Await) and _changes_meanwhile(view, loop, held, is_view):
            yield Hit(
                loop.iter,
                f"While the loop over `{name}` waits, others change it: the next turn raises RuntimeError.",
                (_fix(loop),),
            )


def _held(loop: ast.For) -> tuple[ast.expr | None, bool]:
    """(what a loop goes over, whether by a view of a dict)."""
    iterated = loop.iter
    if isinstance(iterated, ast.Call) and dotted(iterated.func) == "enumerate" and iterated.args:
        iterated = iterated.args[0]
    if isinstance(iterated, ast.Call) and isinstance(iterated.func, ast.Attribute) and not iterated.args:
        if iterated.func.attr in _VIEWS and dotted(iterated.func.value):
            return iterated.func.value, True
        return None, False
    return (iterated, False) if dotted(iterated) else (None, False)


def _changing(reading: Reading, loop: ast.For, name: str) -> bool:
    """Whether a loop's body takes a member out, and goes on with the loop."""
    found = False
    scope = reading.function(loop)
    for row in loop.body:
        for node in ast.walk(row):
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node) == name:
                return False
            if not found and _takes(node, name) and reading.function(node) is scope and not _leaves(reading, node, loop):
                found = True
    return found


def _takes(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Delete):
        return any(isinstance(it, ast.Subscript) and dotted(it.value) == name for it in node.targets)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in _TAKES:
        return False
    return dotted(node.func.value) == name and (node.func.attr == "popitem" or bool(node.args))


def _leaves(reading: Reading, node: ast.AST, loop: ast.For) -> bool:
    """Whether the loop is left, or its turn has no next one, after what `node` does."""
    below = node
    for up in reading.ancestors(node):
        for block in (getattr(up, it, None) for it in ("body", "orelse", "finalbody")):
            if isinstance(block, list) and any(below is it for it in block):
                rest = block[next(index for index, it in enumerate(block) if it is below) :]
                if any(isinstance(it, _ENDS) for it in rest):
                    return True
                if any(isinstance(it, ast.Continue) for it in rest):
                    return False
        if up is loop:
            return False
        if isinstance(up, ast.For | ast.While | ast.AsyncFor):
            return isinstance(up, ast.While)  # an inner loop of its own pace
        below = up
    return True


_ALONE = regex(r"_*(?:init\w*|start\w*|set_?up|run|clean\w*|tear_?down|dispose|shut_?down)(?:_|$)")
"""What runs before the others do, or when they no longer do."""


def _changes_meanwhile(view: View, loop: ast.For, held: ast.expr, is_view: bool) -> bool:
    """Whether the loop waits, and other functions of the class or module change the size of a set or dict that it goes over."""
    reading = view.reading
    scope = reading.function(loop)
    if not isinstance(scope, ast.AsyncFunctionDef) or _ALONE.match(scope.name):
        return False
    name = dotted(held)
    owner = reading.owner(loop)
    is_own = name.startswith("self.") and name.count(".") == 1 and bool(owner)
    if not is_own and ("." in name or any(isinstance(it, ast.Name) and it.id == name and _binds(it) for it in ast.walk(scope))):
        return False
    waits = (it for row in loop.body for it in ast.walk(row) if isinstance(it, ast.Await))
    if not any(reading.function(it) is scope and not _leaves(reading, it, loop) for it in waits) or _is_locked(reading, loop):
        return False
    own = reading.qualname(scope)
    changed = view.project.of_file(view.path, _changed)
    verbs = {verb for where, what, verb in changed if what == name and where != own and (not is_own or _of(where, owner))}
    return bool(verbs) and (is_view or bool(verbs & {"add", "discard"}))


def _binds(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _of(where: str, owner: str) -> bool:
    return where.startswith(owner + ".") and not where.endswith(".__init__")


def _changed(facts: Facts) -> frozenset[tuple[str, str, str]]:
    """(function, collection, verb) of the calls that change the size of what a class or module holds."""
    found: set[tuple[str, str, str]] = set()
    for it in facts.defs:
        for call in it.calls:
            held, _, verb = call.target.rpartition(".")
            if verb in _SIZES and (held.startswith("self.") or held.isidentifier()):
                found.add((it.qualname, held, verb))
    return frozenset(found)


def _is_locked(reading: Reading, node: ast.AST) -> bool:
    return any(
        isinstance(it, ast.With | ast.AsyncWith) and "lock" in ast.unparse(it.items[0]).lower() for it in reading.ancestors(node)
    )


def _fix(loop: ast.For) -> Draft:
    return Draft("Go over a copy", (Change(loop.iter, f"list({ast.unparse(loop.iter)})"),))
