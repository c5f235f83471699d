"""What frameworks call things: routes, dependencies, models, tasks, resolvers, agents and their graphs. Plain values.

`frameworks/` makes them from facts, one file a framework; rules, hovers, the map and briefs read them. A `Ref` is None where the
thing is outside the project or can't be told. Positions are asked of `Project.place`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec import Struct

from architect_lsp.knowledge.symbols import Ref


class Dependency(Struct, frozen=True):
    """What runs before a route and may refuse it: a FastAPI dependency, a DRF permission, a Flask `before_request`, a decorator.

    `guards` tells whether it asks who the user is or what they may do, as far as its name and its body show.
    """

    name: str  # as written, dotted
    ref: Ref | None = None
    guards: bool = False


class Route(Struct, frozen=True):
    """One operation. `path` has all prefixes, a `?` where a part can't be told; no methods mean any.

    `handler` is the function or class that answers; `view` the class that was registered, where a method of it or of its base
    does. `at` is the place that registers it. `via` are the includes between the application and the route, outermost first. An
    `optional` route is only there when a condition holds. A part of the path that a client fills in is `{name}` or
    `{name:converter}`, and the methods that a framework adds by itself (HEAD to GET, OPTIONS) are left out.
    """

    methods: frozenset[str]
    path: str
    handler: Ref | None
    at: Ref
    via: tuple[Ref, ...] = ()
    optional: bool = False
    framework: str = ""
    name: str = ""
    dependencies: tuple[Dependency, ...] = ()  # inherited ones first
    response: str = ""  # the class it answers with, dotted as written
    status: int | None = None  # None: the framework's default
    view: Ref | None = None


class Relation(Struct, frozen=True):
    """One model speaks of another. `many` rows of the other; `back` is the other side's name, "" when it has none."""

    name: str
    target: str  # the other model's qualified name; as written when `ref` is None
    many: bool = False
    back: str = ""
    on_delete: str = ""
    lazy: str = ""  # how it loads: "" the framework's default
    cascade: str = ""
    ref: Ref | None = None  # the other model
    at: Ref | None = None  # what declares it, maybe on the other side or in a base


class Column(Struct, frozen=True):
    """A stored field, by the name that code uses. `indexed` also where it is unique or a key; None for `nullable` means it isn't
    said. `type` is as written, without its arguments.
    """

    name: str
    type: str
    indexed: bool = False
    unique: bool = False
    nullable: bool | None = None
    primary: bool = False
    stored: str = ""  # the database's name for it, where that differs
    references: str = ""  # what its foreign key points to: a table's column, or a model
    at: Ref | None = None  # what declares it, maybe in a base; None where the framework adds it


class OrmModel(Struct, frozen=True):
    """A class whose objects are rows (or documents), or a table without a class. What its bases have is its own."""

    ref: Ref
    name: str
    table: str  # "" where that can't be told
    columns: tuple[Column, ...] = ()
    relations: tuple[Relation, ...] = ()
    indexes: tuple[
        tuple[str, ...], ...
    ] = ()  # of several columns, and those said apart from their column; by their names in code
    framework: str = ""
    ordering: tuple[str, ...] = ()  # how its rows are sorted unless a query says otherwise, as written


class Task(Struct, frozen=True):
    """A function that a worker runs. `options` are what its decorator says, as written."""

    ref: Ref
    name: str
    options: tuple[tuple[str, str], ...] = ()
    framework: str = ""


class Resolver(Struct, frozen=True):
    """A field of a GraphQL type that code answers: `type` is "Query", "Mutation", "Subscription" or a type's name."""

    ref: Ref
    type: str
    name: str
    framework: str = ""


class Tool(Struct, frozen=True):
    """A function that a model may call. `owner` is the server or toolset that offers it, "" where agents list it themselves.

    `options` are what its decorator or constructor says, as written. `ref` is None for what runs elsewhere: a hosted tool,
    another agent.
    """

    name: str
    ref: Ref | None
    at: Ref
    framework: str = ""
    owner: str = ""
    options: tuple[tuple[str, str], ...] = ()


class Handoff(Struct, frozen=True):
    """One agent hands over to another, both by name."""

    source: str
    target: str
    at: Ref


class Agent(Struct, frozen=True):
    """A model with a task of its own. `limits` are what bounds it (turns, tokens, time, iterations), as written."""

    name: str
    at: Ref
    tools: tuple[str, ...] = ()
    handoffs: tuple[str, ...] = ()
    model: str = ""
    limits: tuple[tuple[str, str], ...] = ()
    framework: str = ""


class Node(Struct, frozen=True):
    """A step of a graph: `ref` is the function that runs; a `deferred` one waits until nothing else is left to run."""

    name: str
    ref: Ref | None
    at: Ref
    deferred: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A way from one node to another; `conditional` ones are chosen at run time, with the branch's `label`.

    `declared` is False where only what a function returns tells the way; `joined` links of one target wait for each other.
    """

    source: str
    target: str
    conditional: bool = False
    label: str = ""
    declared: bool = True
    joined: bool = False
    at: Ref | None = field(default=None, compare=False)  # what says so
    optional: bool = field(default=False, compare=False)  # said in a branch of the code that builds the graph


class Branch(Struct, frozen=True):
    """A choice after a node. `by` is the project's function that makes it; `labels` are what it may answer, None for any node.

    `library` is the dotted name of what decides outside the project.
    """

    source: str
    at: Ref
    by: Ref | None = None
    labels: tuple[str, ...] | None = None
    library: str = ""


class AgentGraph(Struct, frozen=True):
    """Nodes and links of a workflow, as they were added. `whole` is False where something of it can't be told.

    `start` and `end` are what the framework calls its two ends, "" where it has none. `schema` is the class of its state.
    `options` are what it was compiled with, as written, `compiled` the call that did.
    """

    name: str
    at: Ref
    nodes: tuple[Node, ...] = ()
    links: tuple[Link, ...] = ()
    whole: bool = True
    framework: str = ""
    limits: tuple[tuple[str, str], ...] = ()
    start: str = ""
    end: str = ""
    schema: Ref | None = None
    options: tuple[tuple[str, str], ...] = ()
    compiled: Ref | None = None
    branches: tuple[Branch, ...] = ()
