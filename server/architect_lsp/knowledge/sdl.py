"""What a GraphQL schema file promises: its types and their fields, each where it stands, and what a newer one no longer does.

A file may be one of several that make a schema: types that others define are taken for scalars, and nothing is said of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from msgspec import Struct

from architect_lsp.model import Span
from architect_lsp.patterns import regex

ROOTS = ("Query", "Mutation", "Subscription")
_MAX_CHARS = 600_000
"""Longer texts take seconds to read."""
_WORDS = regex(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?")
_GIVEN = frozenset(("String", "Int", "Float", "Boolean", "ID"))
_KINDS = {
    "interface": "interface",
    "input_object": "input",
    "enum": "enum",
    "union": "union",
    "scalar": "scalar",
    "object": "object",
}


class SdlField(Struct, frozen=True):
    """A field of a type. `target` is the type it gives, without what wraps it; `arguments` and `directives` are names."""

    owner: str
    name: str
    at: Span
    target: str
    many: bool
    arguments: tuple[str, ...]
    directives: tuple[str, ...]

    @property
    def spoken(self) -> str:
        """As a message names it."""
        return f"{self.owner}.{self.name}"


class Sdl:
    """One file of a schema. `refusal` says why it can't be read, in words for a person; such a one has no types."""

    def __init__(self, text: str) -> None:
        self.refusal = ""
        self.definitions: tuple[Any, ...] = ()
        if not text:
            return
        if len(text) > _MAX_CHARS:
            self.refusal = f"is too long to be read as GraphQL ({len(text):,} characters)"
            return
        from graphql import GraphQLError, parse  # 0.1 s, for files that few projects have

        try:
            self.definitions = parse(text).definitions
        except (GraphQLError, RecursionError):
            self.refusal = "does not parse as GraphQL"

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The types that are defined or extended here, by name: "object", "interface", "input", "enum", "union", "scalar"."""
        found: dict[str, str] = {}
        for it in self.definitions:
            kind = it.kind.removesuffix("_definition").removesuffix("_extension").removesuffix("_type")
            if kind in _KINDS:
                found.setdefault(it.name.value, _KINDS[kind])
        return found

    @cached_property
    def fields(self) -> tuple[SdlField, ...]:
        """The fields of all types, interfaces and inputs, in the order of the text."""
        return tuple(self._fields())

    @cached_property
    def roots(self) -> dict[str, str]:
        """The word of GraphQL for each root type: `{"Query": "Query", "Mutations": "Mutation"}`."""
        found = {it: it for it in ROOTS}
        for it in self.definitions:
            if it.kind in ("schema_definition", "schema_extension"):
                found.update((each.type.name.value, each.operation.value.capitalize()) for each in it.operation_types or ())
        return found

    def directives(self, name: str) -> frozenset[str]:
        """The directives of a type itself."""
        rows = (it for it in self.definitions if name in self.kinds and it.kind.partition("_type")[2] and it.name.value == name)
        return frozenset(directive.name.value for it in rows for directive in it.directives or ())

    def _fields(self) -> Iterator[SdlField]:
        for it in self.definitions:
            if self.kinds.get(getattr(getattr(it, "name", None), "value", "")) in ("object", "interface", "input"):
                for each in getattr(it, "fields", None) or ():
                    target, many = _unwrapped(each.type)
                    arguments = tuple(argument.name.value for argument in getattr(each, "arguments", None) or ())
                    directives = tuple(directive.name.value for directive in each.directives or ())
                    yield SdlField(it.name.value, each.name.value, _span(each.name), target, many, arguments, directives)

    @cached_property
    def places(self) -> dict[str, Span]:
        """Where each type and each `Type.field` or `Enum.VALUE` stands."""
        found: dict[str, Span] = {}
        for it in self.definitions:
            name = getattr(getattr(it, "name", None), "value", "")
            if name in self.kinds:
                found.setdefault(name, _span(it.name))
                found.update((f"{name}.{each.name.value}", _span(each.name)) for each in getattr(it, "fields", None) or ())
        return found

    @cached_property
    def named(self) -> frozenset[str]:
        """The types that anything here speaks of."""
        from graphql.language import DocumentNode, Visitor, visit

        found: set[str] = set()

        class Names(Visitor):
            def enter_named_type(self, node: Any, *_: Any) -> None:
                found.add(node.name.value)

        visit(DocumentNode(definitions=self.definitions), Names())
        return frozenset(found)

    @cached_property
    def defined(self) -> frozenset[str]:
        """The types that are defined here, not only extended."""
        return frozenset(it.name.value for it in self.definitions if it.kind.endswith("type_definition"))


class SdlChange(Struct, frozen=True):
    """One promise that is broken. `at` is the nearest place in the newer text, `about` the type or field, `was` its old place."""

    at: Span
    message: str
    about: str
    was: Span | None = None


def changes(before: Sdl, after: Sdl) -> Iterator[SdlChange]:
    """What clients of the older schema rely on and the newer one no longer promises. What was deprecated may go."""
    from graphql import GraphQLError
    from graphql.utilities import find_breaking_changes

    if not before.definitions or not after.definitions:
        return
    try:
        found = find_breaking_changes(_schema(before), _schema(after))
    except (GraphQLError, TypeError, ValueError, KeyError):  # a schema that contradicts itself
        return
    leaving = {it.spoken for it in before.fields if "deprecated" in it.directives}
    top = next((_span(it.name) for it in after.definitions if getattr(it, "name", None) is not None), Span(0, 0))
    for it in found:
        words = [word for word in _WORDS.findall(it.description) if word.partition(".")[0] in before.kinds]
        about = max(words, key=lambda word: "." in word, default="")
        owner = about.partition(".")[0]
        if it.type.name.endswith(("REMOVED", "TYPE_CHANGED_KIND")) and (
            about in leaving or owner not in before.defined or _is_elsewhere(owner, after)
        ):
            continue
        here = next((word for word in (about, owner) if word in after.places), "")
        yield SdlChange(after.places.get(here, top), it.description, about, before.places.get(about, before.places.get(owner)))


def _is_elsewhere(name: str, after: Sdl) -> bool:
    """Whether a type that is not defined here any more may be in another file of the schema."""
    return name not in after.defined and (name in after.named or name in after.kinds or not after.roots.keys() & after.defined)


def _schema(sdl: Sdl) -> Any:
    """The schema that a file makes alone, with types of other files as scalars, and empty where it only extends them."""
    from graphql.language import DocumentNode, NameNode, ast
    from graphql.utilities import build_ast_schema

    made: dict[str, Any] = {"object": ast.ObjectTypeDefinitionNode, "interface": ast.InterfaceTypeDefinitionNode}
    made |= {"input": ast.InputObjectTypeDefinitionNode, "enum": ast.EnumTypeDefinitionNode, "union": ast.UnionTypeDefinitionNode}
    missing = {it: made.get(kind, ast.ScalarTypeDefinitionNode) for it, kind in sdl.kinds.items() if it not in sdl.defined}
    missing.update((it, ast.ScalarTypeDefinitionNode) for it in sorted(sdl.named - sdl.kinds.keys() - _GIVEN))
    more = tuple(make(name=NameNode(value=it)) for it, make in missing.items())
    return build_ast_schema(DocumentNode(definitions=(*sdl.definitions, *more)), assume_valid=True, assume_valid_sdl=True)


def _unwrapped(node: Any) -> tuple[str, bool]:
    """(the type that a field gives, whether there are many of it)."""
    many = False
    while node.kind != "named_type":
        many = many or node.kind == "list_type"
        node = node.type
    return node.name.value, many


def _span(node: Any) -> Span:
    return Span(node.loc.start, node.loc.end)
