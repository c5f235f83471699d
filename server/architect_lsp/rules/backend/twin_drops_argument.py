"""Of a synchronous function and its asynchronous twin, one hands an argument on and the other forgets it.

Why: twins are written by copying, and mended one at a time. Whoever changes from one to the other keeps the argument, which is
accepted and does nothing.
Instead: hand it on in both.

    async def search(self, text, limit=10):
        return await self.client.search(text, limit=limit)

Consequences: a limit, a timeout or a filter holds for some callers only.
Tests: the same cases for both twins.
Security: a filter that keeps tenants apart may be what one of them forgets.
Source: CWE-628
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import last_name
from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.reading import Function, Reading
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["B3", "E4"],
    cwe=628,
    # Of 37 projects it spoke of one, where the twin said that it ignores a client of the other kind: too little was read.
    preview=True,
    bad=[
        Bad("""
class Memory:
    def search(self, text, limit=10):
        return self.client.search(text, limit=limit)

    async def asearch(self, text, [|limit|]=10):
        found = await self.aclient.search(text)
        return list(found)
"""),
        Bad("""
class Store:
    def search(self, text, scope):
        return self.client.search(text, scope=scope)

class AsyncStore:
    async def search(self, text, [|scope|]):
        return await self.client.search(text)
"""),
    ],
    good=[
        """
class Memory:
    def search(self, text, limit=10):
        return self.client.search(text, limit=limit)

    async def asearch(self, text, limit=10):
        return await self.aclient.search(text, limit=limit)

    def find(self, text, limit=10):
        return self.client.search(text, limit=limit)

    async def afind(self, text, limit=10):
        return await self.other(text)

    def load(self, text, limit=10):
        return self.client.load(text, limit=limit)

    async def aload(self, text, limit=10):
        raise NotImplementedError

    def save(self, row, timeout=None):
        return self.client.save(row, timeout=timeout)

    async def aremove(self, row, client=None):
        return await self.store.remove(row, client=client)

    def remove(self, row, client=None):
        return self.store.remove(row)

    async def asave(self, row, timeout=None, **options):
        return await self.client.save(row, **options)
""",
    ],
)

_PREFIX = regex(r"^_*(?:async_|a(?=[a-z]{3}))|^_+|_async$|_sync$")
_OF_A_KIND = frozenset(("client", "session", "loop", "executor", "connection", "http_client"))
"""What one kind of caller has and the other can't use."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Parameters that the twin of a function hands to the call that it makes too."""
    reading = view.reading
    for function in reading.functions:
        twin = _twin(view, reading, function)
        if twin is None or not twin.flows:
            continue
        calls = {
            _plain(last_name(it.func)): it
            for it in reading.within(function)
            if isinstance(it, ast.Call) and not any(row.arg is None for row in it.keywords)
        }
        read = {it.id for it in ast.walk(function) if isinstance(it, ast.Name)}
        if not calls or "locals" in read:
            continue
        given = {it.arg: it for it in (*function.args.args, *function.args.kwonlyargs)}
        for flow in twin.flows:
            target = twin.calls[flow.call].target if 0 <= flow.call < len(twin.calls) else ""
            call = calls.get(_plain(target.rpartition(".")[2]))
            if call is None or not flow.slot.isidentifier() or flow.slot == "on" or flow.through:
                continue
            if any(it.arg == flow.slot for it in call.keywords):
                continue
            if flow.source in given and flow.source not in read and flow.source not in _OF_A_KIND:
                other = twin.qualname.rpartition(".")[2]
                yield Hit(given.pop(flow.source), f"`{other}` hands this to `{last_name(call.func)}`; here it is ignored.")


def _plain(name: str) -> str:
    return _PREFIX.sub("", _PREFIX.sub("", name.removesuffix("()")))


def _twin(view: View, reading: Reading, function: Function) -> Def | None:
    """The function of the same file that does the same for the other kind of caller."""
    qualname = reading.qualname(function)
    owner, _, name = qualname.rpartition(".")
    is_async = isinstance(function, ast.AsyncFunctionDef)
    if not owner or name.startswith("__") or view.path.endswith(".pyi"):
        return None
    beside = [f"a{name}", f"async_{name}", f"{name}_async", f"_a{name[1:]}" if name.startswith("_") else ""]
    if is_async:
        beside = [name.removeprefix("a"), name.removeprefix("async_"), name.removesuffix("_async"), name.replace("_a", "_", 1)]
    outer, _, kind = owner.rpartition(".")
    kinds = {kind.replace("Async", ""), kind.replace("Async", "Sync")} if "Async" in kind else set()
    if not is_async:
        kinds = {kind.replace("Sync", "Async"), f"Async{kind}"}
    names = [f"{owner}.{it}" for it in beside if it and it != name]
    names += [f"{outer}.{it}.{name}".lstrip(".") for it in sorted(kinds - {kind, ""})]
    found = (view.project.definition(view.path, it) for it in names)
    return next((it for it in found if it is not None and it.is_async != is_async), None)
