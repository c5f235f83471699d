"""The nouns of what a file says, and how those of its units are joined: small plain values without syntax trees.

A whole project of them fits in memory and travels between processes. Those of one unit count the unit's lines; `module_facts`
joins the units of a file and moves every place to the file's lines. `extraction.py` makes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from architect_lsp.knowledge.values import Places, Value
from architect_lsp.model import Place
from architect_lsp.syntax.units import Unit

NOWHERE = Place("", 0, 0, 0, 0)
HTTP_METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace", "websocket", "api_route", "route")


class Call(Struct, frozen=True, array_like=True, gc=False):
    """One call. `target` as in `reading`; `in_loop` tells whether it runs once a turn of a loop in its function.

    `certain` calls stand in no branch, handler or short circuit; `writes` marks SQL that is seen to change rows. `about` is what
    its first arguments name: the address of a server ("https://pay.example"), a path ("/orders/{}"), a class or constant,
    dotted as written, or how many seconds a sleep takes.
    """

    target: str
    place: Place
    awaited: bool
    in_loop: bool
    certain: bool = True
    writes: bool = False
    about: str = ""


class Decorator(Struct, frozen=True, array_like=True, gc=False):
    """A decorator: `value` is a name or a call."""

    value: Value
    place: Place

    @property
    def target(self) -> str:
        """The dotted name of the decorator, as written."""
        return self.value.text

    @property
    def path(self) -> Value | None:
        """What a route's decorator gives first: its path; None when it gives nothing."""
        return self.value.argument(0, "path") or self.value.keyword("rule")


FIELD = "field:"
"""What a flow's `through` begins with that says which field of a parameter's class it is: `field:Ask:sort.value`."""
SENT = "sent:"
"""The same of a field of a form, a serializer or a schema: `sent:AskForm:sort`, `sent:AskForm:` where it can be any."""


class Flow(Struct, frozen=True, array_like=True, gc=False):
    """A value of a function reaches an argument of a call in it, or its result.

    `source` is a parameter, `self.name`, or `()3` for what its call number 3 gives, `()3#0` for the first of several things that
    it gives; `call` the number of the call, -1 for the result, where `slot` is "", "#0" for the first of several results, or the
    `self.name` that keeps it. Of an argument `slot` is its position or keyword, "on" what a method is called on, "*" for starred
    ones. `through` are calls and checks on the way, as in `flows.Origin`; `switches` the keywords of the call that are True.
    """

    source: str
    call: int
    slot: str
    through: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()

    @property
    def is_kept(self) -> bool:
        """Whether it ends in an attribute of `self`."""
        return self.call < 0 and self.slot.startswith("self.")

    @property
    def is_result(self) -> bool:
        """Whether it ends in what the function gives."""
        return self.call < 0 and not self.is_kept


class StepFacts(Struct, frozen=True, array_like=True, gc=False):
    """What a function says that may be a step of a graph of agents, or decide between steps.

    `outcomes` are all that it returns, where one of them may name a step; `falls` tells whether it may then also end without a
    return. `writes` are the keys of the state that it sets; `counts` tells whether it compares a count, a budget or a clock.
    """

    outcomes: tuple[Value, ...] = ()
    writes: tuple[str, ...] = ()
    counts: bool = False
    falls: bool = False


class Def(Struct, frozen=True, array_like=True, gc=False):
    """A function or method. `returns` is the target of what it gives, "" when that can't be told."""

    qualname: str
    place: Place  # of its name's line: the `def` line
    is_async: bool
    parameters: tuple[tuple[str, str], ...]  # name, annotation's class ("" when there is none)
    decorators: tuple[Decorator, ...]
    calls: tuple[Call, ...]
    returns: str
    owner: str  # qualified name of its class, "" for a function
    is_generator: bool = False
    optional: bool = False  # stands in a branch of its module or function
    flows: tuple[Flow, ...] = ()  # what its parameters reach
    results: tuple[str, ...] = ()  # names outside of it whose value, or what they give, it returns
    asserts: bool = False  # whether its body holds an `assert`
    gated: bool = False  # whether it waits for its turn: a semaphore, a limiter, a lock
    injected: tuple[tuple[str, Value], ...] = ()  # parameter, what is called in its default or its `Annotated`
    gives: Value | None = None  # its return annotation
    result: Value | None = None  # what it returns, where its body is no more than that: see `extraction._result`
    step: StepFacts | None = None  # what it says as a step of a graph of agents
    defaults: tuple[tuple[str, Value], ...] = ()  # parameter, the string, list or name that is its default
    hands: str = ""  # the name it returns, as written, where it returns nothing else
    statuses: tuple[tuple[int, int, bool], ...] = ()  # (index of the call or -1, HTTP status, whether it is raised)
    catches: bool = False  # whether it has a handler that catches everything
    unread: tuple[str, ...] = ()  # of a decorated function: parameters that its body never looks at
    asks: bool = False  # whether it looks at what tells who the user is: see `answers.asks`
    threads: tuple[str, ...] = ()  # targets of the functions that it hands to threads
    needed: tuple[str, ...] = ()  # of a decorated function: parameters without a default, `Query(...)` being none
    starts: tuple[
        tuple[str, tuple[str, ...]], ...
    ] = ()  # (target, slots of arguments that all share) of what it runs side by side
    locks: tuple[str, ...] = ()  # dotted names of the locks that it takes by a `with`
    keeps_open: bool = False  # whether it is an async generator that closes something once it goes on
    reads: tuple[tuple[str, str], ...] = ()  # (parameter, attribute) that it looks into: see `reads.reads`


class Field(Struct, frozen=True, array_like=True, gc=False):
    """An attribute of a class body: `annotation` is a class's dotted name, `target` what it is set to, "" when that is no name.

    `value` is what it is set to and `shape` its annotation, each None where the names alone say as much.
    """

    name: str
    annotation: str
    target: str
    place: Place
    value: Value | None = None
    shape: Value | None = None


class ClassDef(Struct, frozen=True, array_like=True, gc=False):
    """A class. `attributes` are what its methods set on `self`, name to target."""

    qualname: str
    place: Place
    bases: tuple[str, ...]
    fields: tuple[Field, ...]
    attributes: tuple[tuple[str, str], ...] = ()
    decorators: tuple[Decorator, ...] = ()
    keywords: tuple[tuple[str, Value], ...] = ()  # `class Hero(SQLModel, table=True)`


class Variable(Struct, frozen=True, array_like=True, gc=False):
    """A name of the module and the target of its value; `value` is None where the target says it all.

    Variables of a function are here where they hold what frameworks are told about (an application, a router, a graph): their
    names begin with the function's. What a method sets on `self` to such a thing begins with the class's name, and is `optional`,
    as is what is set in a branch.
    """

    name: str
    target: str
    place: Place
    value: Value | None = None
    optional: bool = False
    calls: Places = ()


class Registration(Struct, frozen=True, array_like=True, gc=False):
    """A call that tells a framework what belongs to what: `app.include_router(users.router, prefix="/users")`.

    `scope` is the function or class it stands in, "" the module. `loops` are the names that loops around it set, with what they
    run over. `x += [...]` reads as `x.extend([...])`.
    """

    value: Value
    scope: str
    place: Place
    loops: tuple[tuple[str, Value], ...] = ()
    optional: bool = False
    calls: Places = ()


class Facts(Struct, frozen=True, array_like=True, gc=False):
    """What one unit, or one file, says. `imports` maps a local name to a dotted name; a leading dot is relative.

    `loads` are the dotted names taken from other modules (`from a import b`) as soon as the file is imported: none in functions,
    for type checkers alone, or where it may fail.
    """

    imports: tuple[tuple[str, str], ...] = ()
    defs: tuple[Def, ...] = ()
    classes: tuple[ClassDef, ...] = ()
    variables: tuple[Variable, ...] = ()
    registrations: tuple[Registration, ...] = ()
    attributes: tuple[tuple[str, str, str], ...] = ()  # class, name, target: set on `self` in a method
    stars: tuple[str, ...] = ()  # modules imported by `*`
    mentions: tuple[str, ...] = ()  # what `steps.mentions` finds in its text: "recursion_limit", "model: x", "task: time limit"
    loads: tuple[str, ...] = ()


OutwardT = TypeVar("OutwardT")
RowT = TypeVar("RowT", Def, ClassDef, Call, Decorator, Field, Variable, Registration)


def joined(units: Iterable[Facts]) -> Facts:
    """The facts of several units together, places as they are."""
    rows = tuple(units)
    return Facts(*(tuple(chain.from_iterable(getattr(it, name) for it in rows)) for name in Facts.__struct_fields__))


def module_facts(units: Iterable[tuple[Unit, Facts]]) -> Facts:
    """The facts of a file from those of its units, every place in the file's lines."""
    return joined(_moved(unit, facts) for unit, facts in units)


def _moved(unit: Unit, facts: Facts) -> Facts:
    """The facts of a unit with places in the file's lines."""

    def at(row: RowT) -> RowT:
        return replace(row, place=unit.place("", row.place))

    def there(places: Places) -> Places:
        return tuple((unit.file_line(line), column) for line, column in places)

    return replace(
        facts,
        defs=tuple(
            replace(at(it), decorators=tuple(at(d) for d in it.decorators), calls=tuple(at(c) for c in it.calls))
            for it in facts.defs
        ),
        classes=tuple(
            replace(at(it), fields=tuple(at(f) for f in it.fields), decorators=tuple(at(d) for d in it.decorators))
            for it in facts.classes
        ),
        variables=tuple(replace(at(it), calls=there(it.calls)) for it in facts.variables),
        registrations=tuple(replace(at(it), calls=there(it.calls)) for it in facts.registrations),
    )


def named(facts: Facts) -> Iterator[tuple[str, Def | ClassDef | Variable | str]]:
    """The names of a file with what they stand for, later ones over earlier; a str is an import's dotted name."""
    yield from ((it.name, it) for it in facts.variables if it.optional)
    yield from facts.imports
    yield from ((it.name, it) for it in facts.variables if not it.optional)
    yield from ((it.qualname, it) for it in facts.classes)
    yield from ((it.qualname, it) for it in facts.defs)


def outward(facts: Facts) -> Facts:
    """The facts without places, calls and flows: equal for two units that differ only in what their functions call."""
    return replace(
        facts,
        defs=tuple(map(outward_row, facts.defs)),
        classes=tuple(map(outward_row, facts.classes)),
        variables=tuple(map(outward_row, facts.variables)),
        registrations=tuple(map(outward_row, facts.registrations)),
    )


def outward_row(row: OutwardT) -> OutwardT:
    """The same of one of them; an import's name or a target stays as it is."""
    if isinstance(row, Def):
        decorators = tuple(replace(it, place=NOWHERE) for it in row.decorators)
        return replace(row, place=NOWHERE, calls=(), flows=(), results=(), decorators=decorators)
    if isinstance(row, ClassDef):
        fields = tuple(replace(it, place=NOWHERE) for it in row.fields)
        return replace(row, place=NOWHERE, fields=fields, decorators=tuple(replace(it, place=NOWHERE) for it in row.decorators))
    if isinstance(row, Variable | Registration):
        return replace(row, place=NOWHERE, calls=())
    return row


def placeless(row: OutwardT) -> OutwardT:
    """The row without places, calls and flows kept."""
    bare = outward_row(row)
    if isinstance(row, Def) and isinstance(bare, Def):
        calls = tuple(replace(it, place=NOWHERE) for it in row.calls)
        return replace(bare, calls=calls, flows=row.flows, results=row.results)
    return bare
