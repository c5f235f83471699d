"""Fields of the project's classes that let no text of anybody's choice through: a number, one of few, a text of a pattern."""

from __future__ import annotations

from collections.abc import Sequence

from architect_lsp.knowledge.constants import behind
from architect_lsp.knowledge.facts import FIELD, Def
from architect_lsp.knowledge.lineage import attributes, dotted, lineage
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.knowledge.values import Value, quoted
from architect_lsp.patterns import regex

_NUMBERS = regex(
    r"(?:.*\.)?(?:int|float|bool|Decimal|UUID[1-8]?|date|datetime|time|timedelta|ObjectId|PydanticObjectId|con(?:int|float|decimal|date)"
    r"|(?:Strict|Positive|Negative|NonNegative|NonPositive|Finite)(?:Int|Float|Bool)|(?:Past|Future)Date(?:time)?"
    r"|(?:Aware|Naive)Datetime|IPv[46]Address|IPvAnyAddress)"
)
"""Types that hold no text of anybody's choice."""
_ENUMS = frozenset(("Enum", "StrEnum", "IntEnum", "Flag", "IntFlag", "TextChoices", "IntegerChoices"))
_WRAPPERS = ("Optional", "Required", "NotRequired", "Final", "Union")
_LISTS = ("list", "List", "set", "Set", "Sequence", "tuple", "Tuple", "frozenset", "Collection", "Iterable")
_WIDE = regex(r"(?<!\\)\.[*+{]|\\[SDW]|\[\^")
"""What a pattern does not have that says what a text is made of."""
_LOOKS = regex(r"(?:^|\.)(?:(?:full)?match|search|is_?\w+)$")
_MEASURES = regex(r"(?:^|\.)(?:strip|len)$")
_VALIDATORS = ("field_validator", "validator")


def admits_few(project: Project, path: str, owner: str, shape: Value | None, value: Value | None, fields: Sequence[str]) -> bool:
    """Whether something of this annotation and default, or the field that `fields` lead to from it, is no text of choice.

    A number, a `Literal`, an `Enum`, a text of an anchored pattern, a field with a validator that refuses.
    """
    for field in (*fields, ""):
        if shape is None or is_narrow(project, path, owner, shape) or is_shaped(value):
            return shape is not None
        symbol = _class_of(project, path, owner, shape) if field else None
        attribute = attributes(project, symbol).get(field) if symbol is not None else None
        if symbol is None or attribute is None or attribute.call is not None:
            return False
        if _is_validated(project, symbol, field):
            return True
        path, owner, shape, value = attribute.path, attribute.owner.facts.qualname, attribute.shape, attribute.value
    return False


def is_typed_field(project: Project, path: str, mark: str) -> bool:
    """The same of a field that a flow's `through` names."""
    kind, _, names = mark.removeprefix(FIELD).partition(":")
    return admits_few(project, path, "", Value("name", kind), None, names.split("."))


def is_narrow(project: Project, path: str, owner: str, shape: Value) -> bool:
    """Whether an annotation says all that a value may be, as far as it matters to who builds a text of it."""
    if shape.kind == "text":
        return is_narrow(project, path, owner, quoted(shape.text))
    if shape.kind == "joined" or (shape.kind == "index" and shape.last in (*_WRAPPERS, *_LISTS)):
        items = [it for it in shape.items if it.text not in ("None", "Ellipsis", "...")]
        return bool(items) and all(is_narrow(project, path, owner, it) for it in items)
    if shape.kind == "index" and shape.last == "Annotated":
        return is_narrow(project, path, owner, shape.items[0]) or any(map(is_shaped, shape.items[1:]))
    if shape.kind == "index":
        return shape.last == "Literal"
    if shape.kind == "call":
        return bool(_NUMBERS.fullmatch(shape.text)) or is_shaped(shape)
    if shape.kind != "name":
        return False
    symbol = project.resolve(path, shape.text, owner)
    if not isinstance(symbol, ClassSymbol):
        home, said = behind(project, path, shape.text) or (path, None)  # `Step = Literal["hour", "day"]`
        if said is not None and said.kind in ("index", "call", "joined"):
            return is_narrow(project, home, "", said)
        return bool(_NUMBERS.fullmatch(dotted(symbol) or shape.text))
    return any(dotted(it).rpartition(".")[2] in _ENUMS for it in lineage(project, symbol))


def is_shaped(value: Value | None) -> bool:
    """Whether a field's settings hold a pattern of the whole text that lists what it is made of: `Field(pattern=...)`."""
    given = value.keyword("pattern") or value.keyword("regex") if value is not None and value.kind == "call" else None
    if given is None or given.kind != "text":
        return False
    return is_whole_pattern(given.text)


def is_whole_pattern(pattern: str) -> bool:
    """Whether a pattern speaks of a text from its beginning to its end, and lists what it is made of."""
    return pattern.startswith(("^", r"\A")) and pattern.endswith(("$", r"\Z")) and not _WIDE.search(pattern)


def _class_of(project: Project, path: str, owner: str, shape: Value) -> ClassSymbol | None:
    """The class of the project that an annotation speaks of, alone, with None, or as what a list holds."""
    if shape.kind == "text":
        return _class_of(project, path, owner, quoted(shape.text))
    if shape.kind in ("joined", "index"):
        items = [it for it in shape.items if it.text not in ("None", "Ellipsis", "...")]
        if shape.kind == "index" and shape.last not in (*_WRAPPERS, *_LISTS, "Annotated"):
            return None
        return _class_of(project, path, owner, items[0]) if len(items) == 1 or shape.last == "Annotated" else None
    found = project.resolve(path, shape.text, owner) if shape.kind == "name" else None
    return found if isinstance(found, ClassSymbol) else None


def _is_validated(project: Project, symbol: ClassSymbol, field: str) -> bool:
    """Whether a validator of the class speaks of this field and refuses what it does not like."""
    rows = (it.call for it in attributes(project, symbol).values() if it.call is not None and refuses(it.call))
    return any(
        decorator.target.rpartition(".")[2] in _VALIDATORS and any(it.text == field for it in decorator.value.items)
        for row in rows
        for decorator in row.decorators
    )


def refuses(method: Def) -> bool:
    """Whether a method may raise for what a text is made of; for its length alone says nothing."""
    names = [it.target for it in method.calls]
    if not method.asserts and not any(it.endswith("Error") for it in names):
        return False
    return any(map(_LOOKS.search, names)) or not any(map(_MEASURES.search, names))
