"""A class refuses what the interface it implements demands: the interface asks for more than it needs.

Why: who is given the interface may call all of it. An implementation that answers `NotImplementedError` to one of the methods
can't stand in for the others, and nothing but running it tells: the type checker is content, since the method is there.
Instead: two interfaces, by what their callers need; who can do both implements both.

    class Reader(Protocol):
        def read(self, key: str) -> bytes: ...

    class Writer(Protocol):
        def write(self, key: str, value: bytes) -> None: ...

    def copy(source: Reader, target: Writer, key: str) -> None:
        try:
            target.write(key, source.read(key))
        except KeyError as error:
            raise NothingToCopy(key) from error

Consequences: callers ask what they were given (`isinstance`, `hasattr`), and each new implementation makes it worse.
Trade-offs: an interface of a library can't be split by those who implement it; a default in the base that says "not supported",
and a way to ask first, then keep the callers honest.
Off by default: stores and providers of which each can do a part, and says so, are a known trade.
Tests: run one set of tests over all implementations of the interface.
Source: Robert C. Martin, "The Interface Segregation Principle"; Barbara Liskov, "Data Abstraction and Hierarchy"
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.habits import by_family
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.knowledge.symbols import ClassSymbol, Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

_BASE = """
from abc import ABC, abstractmethod

class Store(ABC):
    @abstractmethod
    def read(self, key): ...

    @abstractmethod
    def write(self, key, value): ...

    @abstractmethod
    def remove(self, key): ...
"""

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["E4", "B4"],
    needs=["NotImplementedError"],
    bad=[
        Bad(
            _BASE
            + """
class Archive(Store):
    def read(self, key):
        return key

    [|def write(self, key, value):|]
        raise NotImplementedError("an archive is only read")

    [|def remove(self, key):|]
        raise NotImplementedError
"""
        ),
    ],
    good=[
        _BASE
        + """
class Files(Store):
    def read(self, key):
        return key

    def write(self, key, value):
        if not key:
            raise NotImplementedError("no name")

    def remove(self, key):
        return None

class Base(Store):
    @abstractmethod
    def read(self, key):
        raise NotImplementedError

    @abstractmethod
    def write(self, key, value):
        raise NotImplementedError

class Half:
    def read(self, key):
        raise NotImplementedError
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Methods that do nothing but refuse what an abstract method of a base of the project demands."""
    reading = view.reading
    if is_script(view.path):
        return
    for function in reading.functions:
        owner = reading.owner(function)
        if not owner or not _refuses(function) or function.decorator_list:
            continue
        own = view.project.class_(view.path, owner)
        base = _demanded(view, ClassSymbol(view.path, own), function.name) if own is not None else None
        if base is None or f"{view.path}:{owner}" in by_family(view.project):
            continue  # what others are derived from may leave it to them
        told = f"`{owner}` refuses `{function.name}`, which `{base.qualname.rpartition('.')[0]}` demands of all who implement it."
        yield Hit(function, told, evidence=((base, "what is demanded"),))


def _refuses(function: Function) -> bool:
    """Whether all that a function does is to raise `NotImplementedError`."""
    body = [it for it in function.body if not (isinstance(it, ast.Expr) and isinstance(it.value, ast.Constant))]
    if len(body) != 1 or not isinstance(body[0], ast.Raise):
        return False
    raised = body[0].exc.func if isinstance(body[0].exc, ast.Call) else body[0].exc
    return dotted(raised) == "NotImplementedError"


def _demanded(view: View, symbol: ClassSymbol, name: str) -> Ref | None:
    """The abstract method of a base that a class must implement under this name."""
    for base in view.project.bases(symbol):
        if not isinstance(base, ClassSymbol) or base.facts.qualname == symbol.facts.qualname:
            continue
        found = view.project.definition(base.path, f"{base.facts.qualname}.{name}")
        if found is not None:
            return Ref(base.path, found.qualname, "def") if _is_abstract(found) else None
    return None


def _is_abstract(definition: Def) -> bool:
    return any(it.target.rpartition(".")[2] == "abstractmethod" for it in definition.decorators)
