"""GraphQL: the fields that code answers, of Strawberry, Graphene and Ariadne, by the names that a client says.

A base whose fields a schema's root inherits is no type of its own.
Source: https://strawberry.rocks/docs, https://docs.graphene-python.org, https://ariadnegraphql.org/server/resolvers
"""

from __future__ import annotations

from collections.abc import Iterator

from architect_lsp.knowledge.constants import behind, text
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.lineage import Attribute, attributes, classes, decorator, dotted, lineage
from architect_lsp.knowledge.nouns import Resolver
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol, Ref
from architect_lsp.knowledge.values import Value
from architect_lsp.patterns import regex

_STRAWBERRY_TYPE = regex(r"strawberry(?:_django|\.\w+)*\.(?:type|interface)")
_STRAWBERRY_FIELD = regex(r"strawberry(?:_django|\.\w+)*\.(?:field|mutation|subscription|connection|offset_paginated)")
_GRAPHENE_TYPE = regex(r"graphene(?:_\w+|\.\w+)*\.(?:\w*ObjectType|Interface)")
_MUTATES = ("mutate", "mutate_and_get_payload", "perform_mutate")
_ARIADNE_ROOTS = {"QueryType": "Query", "MutationType": "Mutation", "SubscriptionType": "Subscription"}
_ARIADNE = regex(r"ariadne(?:\.\w+)*\.(QueryType|MutationType|SubscriptionType|ObjectType|InterfaceType)\(\)")
_ROOTS = {"query": "Query", "mutation": "Mutation", "subscription": "Subscription"}
_Key = tuple[str, str]


def resolvers(project: Project) -> Iterator[Resolver]:
    """Every field of a GraphQL type that a function answers, types in the order of the files."""
    yield from project.of_all("graphql", lambda it: tuple(dict.fromkeys(_found(it))))


def camel(name: str) -> str:
    """What a client calls a field of this name: `created_at` is `createdAt`."""
    bare = name.lstrip("_")
    first, *rest = bare.split("_")
    return name[: len(name) - len(bare)] + first + "".join(it.capitalize() or "_" for it in rest)


def _found(project: Project) -> Iterator[Resolver]:
    roots, as_written = _schemas(project)
    types = [(it, kind) for it in classes(project) if (kind := _kind(project, it))]
    above = {_key(up) for it, _ in types if _key(it) in roots for up in lineage(project, it)[1:] if isinstance(up, ClassSymbol)}
    for symbol, kind in types:
        if _key(symbol) in above and _key(symbol) not in roots:
            continue
        name = roots.get(_key(symbol)) or _type_name(project, symbol, kind)
        for said, field, ref in (_strawberry if kind == "strawberry" else _graphene)(project, symbol):
            yield Resolver(ref, name, said or (field if as_written else camel(field)), kind)
    for path in project.paths:
        yield from _ariadne(project, path)


def _key(symbol: ClassSymbol) -> _Key:
    return symbol.path, symbol.facts.qualname


def _kind(project: Project, symbol: ClassSymbol) -> str:
    """The library whose type a class is, "" when it is none."""
    if any(_STRAWBERRY_TYPE.fullmatch(decorator(project, symbol.path, "", it)) for it in symbol.facts.decorators):
        return "strawberry"
    return "graphene" if any(_GRAPHENE_TYPE.fullmatch(dotted(it)) for it in lineage(project, symbol)) else ""


def _schemas(project: Project) -> tuple[dict[_Key, str], bool]:
    """(class -> "Query", "Mutation" or "Subscription" of the schemas' roots, whether names stay as they are written)."""
    roots: dict[_Key, str] = {}
    as_written = False
    for path in project.paths:
        for call in project.of_file(path, _calls_of_schemas):
            for index, (key, name) in enumerate(_ROOTS.items()):
                given = call.argument(index, key)
                for symbol in _classes_of(project, path, given):
                    roots[_key(symbol)] = name
            as_written = as_written or any(
                key in ("auto_camelcase", "auto_camel_case") and row.text == "False"
                for it in call.each()
                for key, row in it.keywords
            )
    return roots, as_written


def _calls_of_schemas(facts: Facts) -> tuple[Value, ...]:
    """The calls of a file that make a schema."""
    values = (*(it.value for it in facts.variables), *(it.value for it in facts.registrations))
    return tuple(
        it
        for value in values
        if value is not None and value.kind == "call"
        for it in value.each()
        if it.kind == "call" and it.last in ("Schema", "FederationSchema")
    )


def _classes_of(project: Project, path: str, value: Value | None) -> Iterator[ClassSymbol]:
    """The class that a schema is given as a root, or those that `merge_types` joins."""
    if value is None or value.kind != "name":
        return
    symbol = project.resolve(path, value.text)
    if isinstance(symbol, ClassSymbol):
        yield symbol
        return
    found = behind(project, path, value.text)
    if found is not None and found[1].last == "merge_types" and len(found[1].items) > 1:
        for it in found[1].items[1].items:
            yield from _classes_of(project, found[0], it)


def _type_name(project: Project, symbol: ClassSymbol, kind: str) -> str:
    last = symbol.facts.qualname.rpartition(".")[2]
    if kind == "strawberry":
        told = (text(project, symbol.path, it.value.keyword("name")) for it in symbol.facts.decorators)
        return next(filter(None, told), last)
    meta = project.class_(symbol.path, f"{symbol.facts.qualname}.Meta")
    said = next((it.value for it in meta.fields if it.name == "name"), None) if meta is not None else None
    return text(project, symbol.path, said) or last


def _strawberry(project: Project, symbol: ClassSymbol) -> Iterator[tuple[str, str, Ref]]:
    """(name as its decorator says it, name, what answers) of each field with a resolver."""
    for it in attributes(project, symbol).values():
        if it.call is not None:
            rows = [
                row
                for row in it.call.decorators
                if _STRAWBERRY_FIELD.fullmatch(decorator(project, it.path, "", row).rstrip("()"))
            ]
            if rows:
                yield text(project, it.path, rows[0].value.keyword("name")) or "", it.name, it.ref
        elif it.field is not None and it.field.value is not None and it.field.value.kind == "call":
            value = it.field.value
            made = project.external(it.path, value.text)
            given = value.argument(0, "resolver")
            answers = _function(project, it, given) if given is not None and _STRAWBERRY_FIELD.fullmatch(made) else None
            if answers is not None:
                yield text(project, it.path, value.keyword("name")) or "", it.name, answers


def _graphene(project: Project, symbol: ClassSymbol) -> Iterator[tuple[str, str, Ref]]:
    """The same of Graphene: `resolve_name` methods, resolvers that a field is given, mutations and their `Field()`."""
    names = attributes(project, symbol)
    for it in names.values():
        value = it.field.value if it.field is not None else None
        if value is None or value.kind != "call":
            continue
        said = text(project, it.path, value.keyword("name")) or ""
        given = value.keyword("resolver")
        own = names.get(f"resolve_{it.name}") or names.get(f"subscribe_{it.name}")
        owner, _, last = value.text.rpartition(".")
        mutation = project.resolve(it.path, owner) if last == "Field" and owner else None
        answers: Ref | None = None
        if isinstance(mutation, ClassSymbol):
            methods = attributes(project, mutation)
            answers = next((methods[name].ref for name in _MUTATES if name in methods), None)
            said = said or text(project, it.path, value.argument(0, "name")) or ""
        elif given is not None:
            answers = _function(project, it, given)
        answers = answers or (own.ref if own is not None and own.call is not None else None)
        if answers is not None:
            yield said, it.name, answers


def _function(project: Project, row: Attribute, value: Value) -> Ref | None:
    """The function that a field is given, of the project or of the class itself."""
    if value.kind != "name":
        return None
    symbol = project.resolve(row.path, value.text) or project.resolve(row.path, f"{row.owner.facts.qualname}.{value.text}")
    if isinstance(symbol, External):
        symbol = project.resolve(row.path, f"{row.owner.facts.qualname}.{value.text}")
    return Ref(symbol.path, symbol.facts.qualname, "def") if isinstance(symbol, FunctionSymbol) else None


def _ariadne(project: Project, path: str) -> Iterator[Resolver]:
    for it in project.decorated(path):
        for row in it.decorators:
            host, _, verb = row.target.rpartition(".")
            name = _ariadne_type(project, path, host) if host and verb in ("field", "source") else ""
            field = text(project, path, row.value.argument(0, "name")) if name else None
            if field:
                yield Resolver(Ref(path, it.qualname, "def"), name, field, "ariadne")
    for told in project.registrations(path):
        host, _, verb = told.value.text.rpartition(".")
        given = told.value.argument(1, "resolver")
        if verb in ("set_field", "set_source") and given is not None and given.kind == "name" and (
            name := _ariadne_type(project, path, host)
        ):  # fmt: skip
            field = text(project, path, told.value.argument(0, "name"))
            symbol = project.resolve(path, given.text)
            if field and isinstance(symbol, FunctionSymbol):
                yield Resolver(Ref(symbol.path, symbol.facts.qualname, "def"), name, field, "ariadne")


def _ariadne_type(project: Project, path: str, host: str) -> str:
    """The GraphQL type of which a name holds the resolvers, "" when it holds none."""
    found = _ARIADNE.fullmatch(dotted(project.resolve(path, host)))
    if found is None:
        return ""
    if found[1] in _ARIADNE_ROOTS:
        return _ARIADNE_ROOTS[found[1]]
    held = behind(project, path, host)
    return (text(project, held[0], held[1].argument(0, "name")) if held is not None else "") or "?"
