"""What clients of an API rely on and a newer OpenAPI document no longer promises. Pure.

Found are changes that break a client which keeps to the older document: what it sends is refused, or what it reads has gone. What
can't be told, because it stands in another file or is a choice (`oneOf`), is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from architect_lsp.knowledge.openapi import OpenApi, Operation, shape
from architect_lsp.model import Span
from architect_lsp.syntax.nodes import Node

_NAMED = 6
"""Fields that one message names."""
_CHOICES = ("oneOf", "anyOf", "not", "if")


class Change(Struct, frozen=True):
    """One promise that is broken. `at` is the nearest place in the newer text; `was` where it stood in the older one."""

    at: Span
    message: str
    was: Span
    about: str


def changes(before: OpenApi, after: OpenApi) -> Iterator[Change]:
    """Every broken promise, each told once, for the first operation that it concerns. What was deprecated may go."""
    told: set[tuple[Span, Span]] = set()
    for it in _all(before, after):
        if (it.at, it.was) not in told:
            told.add((it.at, it.was))
            yield it


def _all(before: OpenApi, after: OpenApi) -> Iterator[Change]:
    paths = {shape(it.name): it for it in after.paths}
    operations = {(it.method, shape(it.path)): it for it in after.operations}
    gone: set[str] = set()
    for old in before.operations:
        key = shape(old.path)
        new = operations.get((old.method, key))
        if old.node["deprecated"].is_true:
            continue
        if new is not None:
            yield from _Pair(before, after, old, new).changes()
        elif key in paths:
            if not paths[key]["$ref"]:
                yield Change(paths[key].key, f"`{old.spoken}` has gone.", old.at, old.spoken)
        elif key not in gone:
            gone.add(key)
            yield Change(after.root["paths"].key, f"`{old.path}` has gone.", old.path_node.key, old.path)


class _Pair:
    """One operation before and after."""

    def __init__(self, before: OpenApi, after: OpenApi, old: Operation, new: Operation) -> None:
        self.before, self.after, self.old, self.new = before, after, old, new
        self.seen: set[tuple[int, int, bool]] = set()

    def changes(self) -> Iterator[Change]:
        yield from self._answers()
        yield from self._parameters()
        yield from self._bodies()

    def _change(self, at: Span, message: str, was: Span) -> Change:
        return Change(at, message, was, self.new.spoken)

    def _answers(self) -> Iterator[Change]:
        statuses = {it.status: it for it in self.new.responses}
        for old in self.old.responses:
            new = statuses.get(old.status)
            if new is not None:
                if old.status[0] in "2d" and old.body and new.body:
                    yield from self._schemas(old.body, new.body, sent=False)
            elif old.status[0] == "2" and statuses and not {f"{old.status[0]}XX", "default"} & statuses.keys():
                at = self.new.node["responses"].key
                yield self._change(at, f"`{self.new.spoken}` no longer answers {old.status}.", old.at)

    def _parameters(self) -> Iterator[Change]:
        for new in self.new.parameters:
            old = self.old.parameter(new.place, new.name)
            if new.place != "path" and new.required and not new.schema["default"] and (old is None or not old.required):
                if old is None and not self.old.whole:
                    continue
                was = self.old.at if old is None else old.at
                yield self._change(new.at, f"`{self.new.spoken}` now requires `{new.name}` in the {new.place}.", was)
            if old is not None and new.place != "path":  # a text of the address, whatever it is called
                schema = self.after.meant(new.schema)
                if new.place == "query" and schema["items"] and not self.before.meant(old.schema)["items"]:
                    schema = schema["items"]  # `?key=a` is a list of one
                yield from self._schemas(old.schema, schema, sent=True, name=new.name)

    def _bodies(self) -> Iterator[Change]:
        if self.new.body_required and not self.old.body_required and self.old.whole:
            body = self.new.node["requestBody"]
            at = body.key if body else self.new.at
            yield self._change(at, f"`{self.new.spoken}` now requires a body.", self.old.at)
        if self.old.body and self.new.body:
            yield from self._schemas(self.old.body, self.new.body, sent=True)

    def _schemas(self, old: Node, new: Node, *, sent: bool, name: str = "") -> Iterator[Change]:
        """What of a schema a client that sends it, or reads it, can't rely on any more."""
        old, new = self.before.meant(old), self.after.meant(new)
        key = (old.id, new.id, sent)
        if not old or not new or key in self.seen or not self._is_plain(self.before, old) or not self._is_plain(self.after, new):
            return
        self.seen.add(key)
        words = f"`{name}`" if name else "the body" if sent else "the answer"
        other = list(self._types(old, new, sent, words))
        if other:
            yield from other
            return
        if sent:
            yield from self._required(old, new)
            yield from self._choices(old, new, words)
        fields, kept = self.before.properties(old), self.after.properties(new)
        for field, was in fields.items():
            if field in kept:
                yield from self._schemas(was, kept[field], sent=sent, name=field)
        gone = [it for field, it in fields.items() if field not in kept and not _may_go(it)]
        if gone and not sent and not new["additionalProperties"].is_mapping:
            named = ", ".join(f"`{it.name}`" for it in gone[:_NAMED])
            more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
            at = new["properties"].key if new["properties"] else new.key
            yield self._change(at, f"`{self.new.spoken}` no longer answers with {named}{more}.", gone[0].key)
        if old["items"] and new["items"]:
            yield from self._schemas(old["items"], new["items"], sent=sent, name=name)

    def _types(self, old: Node, new: Node, sent: bool, words: str) -> Iterator[Change]:
        before, after = _types_of(old), _types_of(new)
        wider = after | ({"integer"} if "number" in after else set()) if sent else after
        narrower = before | ({"integer"} if "number" in before else set())
        if not before or not after or (before <= wider if sent else after <= narrower):
            return
        yield self._change(new["type"].key, f"{words} is {_spoken(after)} now, which was {_spoken(before)}.", old["type"].key)

    def _required(self, old: Node, new: Node) -> Iterator[Change]:
        needed = self.after.required(new) - self.before.required(old)
        fields = self.after.properties(new)
        for field in sorted(needed & fields.keys()):
            said = self.after.meant(fields[field])
            if not said["default"] and not said["readOnly"].is_true and not fields[field]["readOnly"].is_true:
                at = next((it.span for it in new["required"].items if it.text == field), fields[field].key)
                yield self._change(
                    at, f"`{self.new.spoken}` now requires `{field}`.", old["required"].key if old["required"] else old.key
                )

    def _choices(self, old: Node, new: Node, words: str) -> Iterator[Change]:
        taken = {it.text for it in new["enum"].items}
        gone = [it.text for it in old["enum"].items if it.text not in taken]
        if new["enum"] and gone and all(gone):
            yield self._change(
                new["enum"].key, f"{words} may no longer be {' or '.join(f'`{it}`' for it in gone)}.", old["enum"].key
            )

    def _is_plain(self, api: OpenApi, node: Node) -> bool:
        """Whether all that a schema says is here, and none of it is a choice."""
        return not any(part[it] for part in api.parts(node) for it in _CHOICES) and not any(
            it["$ref"] and not api.resolved(it) for part in api.parts(node) for it in part["allOf"].items
        )


def _may_go(field: Node) -> bool:
    """Whether a field was not read, or is announced to go."""
    return field["writeOnly"].is_true or field["deprecated"].is_true


def _types_of(node: Node) -> set[str]:
    said = node["type"]
    return ({said.text} if said.text else {it.text for it in said.items}) - {"null", ""}


def _spoken(types: set[str]) -> str:
    return " or ".join(sorted(types))
