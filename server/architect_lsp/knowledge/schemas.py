"""Classes that say what data must look like: models of pydantic, serializers of Django REST framework."""

from __future__ import annotations

from architect_lsp.knowledge.lineage import dotted, lineage
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, External
from architect_lsp.patterns import regex

_SERIALIZER = regex(r"rest_framework\.serializers\.\w*Serializer(?:Metaclass)?")
_PLAIN = frozenset(("pydantic.BaseModel", "pydantic_settings.BaseSettings", "pydantic.BaseSettings", "pydantic.main.BaseModel"))
_NEW = frozenset(
    (
        *("field_validator", "model_validator", "ConfigDict", "TypeAdapter", "computed_field", "RootModel", "field_serializer"),
        *("model_serializer", "AfterValidator", "BeforeValidator", "PlainSerializer", "GetCoreSchemaHandler"),
    )
)
"""What only version 2 of pydantic has."""


def pydantic_model(project: Project, path: str, qualname: str) -> ClassSymbol | None:
    """The class of that name, where it is a model of pydantic."""
    facts = project.class_(path, qualname)
    if facts is None:
        return None
    symbol = ClassSymbol(path, facts)
    return symbol if any(dotted(it) in _PLAIN for it in lineage(project, symbol)) else None


def is_pydantic_2(project: Project) -> bool:
    """Whether any file imports what only version 2 of pydantic has."""
    return project.of_all("pydantic 2", _is_new)


def _is_new(project: Project) -> bool:
    return any(
        name.rpartition(".")[2] in _NEW and name.startswith("pydantic.") and not name.startswith("pydantic.v1")
        for path in project.paths
        for _, name in project.imports(path)
    )


def serializer(project: Project, symbol: ClassSymbol) -> bool:
    """Whether a class is a serializer of Django REST framework."""
    return any(_SERIALIZER.fullmatch(dotted(it)) for it in lineage(project, symbol))


def is_whole(project: Project, symbol: ClassSymbol) -> bool:
    """Whether all that a model or serializer declares can be seen: its other bases are the library's own."""
    rows = lineage(project, symbol)
    return all(isinstance(it, ClassSymbol) or _is_root(dotted(it)) for it in rows) and all(_all_found(project, it) for it in rows)


def _all_found(project: Project, symbol: ClassSymbol | External) -> bool:
    if isinstance(symbol, External):
        return True
    return all(project.resolve(symbol.path, it) is not None for it in symbol.facts.bases)


def _is_root(name: str) -> bool:
    return (
        name in _PLAIN or bool(_SERIALIZER.fullmatch(name)) or name in ("object", "builtins.object", "abc.ABC", "typing.Generic")
    )
