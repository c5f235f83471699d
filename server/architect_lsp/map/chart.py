"""The nouns of the map: a `Chart` of `Thing`s and the `Link`s between them, which is also the map's JSON.

Ids are unique within a chart and stay the same as long as what they name does. Lines count from 1, 0 is nowhere; paths are
relative to the project's root. What is empty is left out of the JSON.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct, field

VERSION = 1
"""Grows when a field changes its meaning or goes."""

Kind = Literal["module", "route", "task", "resolver", "model", "agent", "tool", "graph", "step", "service"]
LinkKind = Literal["imports", "touches", "sends", "relates", "uses", "hands over", "leads to"]


class Step(Struct, frozen=True, omit_defaults=True):
    """One call on the way to an effect: a sentence, and where the call stands."""

    text: str
    path: str
    line: int


class Effect(Struct, frozen=True, omit_defaults=True):
    """What a function does, by the library's call that does it; `steps` are the calls that lead there, outermost first."""

    kind: str
    call: str
    steps: tuple[Step, ...] = ()


class Column(Struct, frozen=True, omit_defaults=True):
    """A stored field of a model."""

    name: str
    type: str = ""
    primary: bool = False


class Thing(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One thing of the project. `name` is what people call it, `path` and `line` are where it stands, `module` the id of its
    file's thing, `owner` the id of the graph of a step. Which other fields are filled depends on `kind`:

    route: `methods` (none: any), `url`, `handler`, `router`, `auth` (what asks who the user is, outermost first), `before`
    (everything else that runs first), `effects`, `response`, `status`. task, resolver, tool, step: `handler`, `effects`,
    `limits`. model: `table`, `columns`. agent: `model`, `limits`. module: `lines`, `functions`, `classes`. service: `service`
    is "http", "llm", "database", "cache", "queue" or "mail"; its name is a host, or the library that speaks to it where the
    host can't be told.
    """

    id: str
    kind: Kind
    name: str
    path: str = ""
    line: int = 0
    module: str = ""
    owner: str = ""
    framework: str = ""
    methods: tuple[str, ...] = ()
    url: str = ""
    handler: str = ""
    router: str = ""
    auth: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    response: str = ""
    status: int | None = None
    effects: tuple[Effect, ...] = ()
    limits: dict[str, str] = field(default_factory=dict)
    table: str = ""
    columns: tuple[Column, ...] = ()
    model: str = ""
    service: str = ""
    lines: int = 0
    functions: int = 0
    classes: int = 0


class Link(Struct, frozen=True, omit_defaults=True):
    """`source` and `target` are ids. `label` says more of it: a relation's name, a branch's condition; `steps` lead there."""

    source: str
    target: str
    kind: LinkKind
    label: str = ""
    steps: tuple[Step, ...] = ()


class Chart(Struct, frozen=True, kw_only=True):
    """The map of one project; `tool` made it."""

    version: int = VERSION
    tool: str
    project: str
    things: tuple[Thing, ...]
    links: tuple[Link, ...]

    def of(self, *kinds: Kind) -> list[Thing]:
        """The things of some kinds, in their order."""
        return [it for it in self.things if it.kind in kinds]


def as_json(chart: Chart) -> str:
    """The chart as JSON, two spaces deep."""
    return msgspec.json.format(msgspec.json.encode(chart), indent=2).decode() + "\n"


def schema() -> str:
    """The JSON Schema (2020-12) of `as_json`."""
    found = msgspec.json.schema(Chart)
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"
