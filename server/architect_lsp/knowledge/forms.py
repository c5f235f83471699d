"""Forms, serializers and schemas of the project: what their fields let through, by their types and by what validates them.

A field of numbers or of choices is nobody's text, whichever framework checks it; a text field without a validator is whatever the
client wrote. What can't be told, such as a field that a library's class brings, is taken to be checked.
Source: the fields of django.forms, rest_framework.serializers, marshmallow.fields and wtforms.fields.
"""

from __future__ import annotations

from collections.abc import Iterator

from architect_lsp.knowledge.facts import SENT
from architect_lsp.knowledge.fields import admits_few, is_whole_pattern, refuses
from architect_lsp.knowledge.lineage import Attribute, attributes, dotted, lineage
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, FunctionSymbol, Instance
from architect_lsp.knowledge.threats import ALL
from architect_lsp.knowledge.values import Value
from architect_lsp.patterns import regex

_FAMILIES = (
    (regex(r"(?:django\.forms|django\.contrib\.\w+\.forms)\.|(?:\w+\.)*forms\.(?:Model)?Form$"), "django"),
    (regex(r"rest_framework(?:_\w+)?\.|drf_\w+\."), "rest"),
    (regex(r"(?:wtforms|flask_wtf|starlette_wtf|quart_wtf|flask_admin)\b"), "wtforms"),
    (regex(r"(?:(?:flask_)?marshmallow(?:_\w+)?|webargs)\b"), "marshmallow"),
    (regex(r"(?:pydantic|pydantic_settings|sqlmodel|msgspec|ninja)\b"), "model"),
)
"""Frameworks that check what is sent, by what the bases of their classes are called."""
_NOTHING: frozenset[str] = frozenset()
_ALL = frozenset((ALL,))
_LINE = frozenset(("log", "header"))
_FILE = frozenset(("path",))
"""Django and REST framework keep no more than the last part of an uploaded file's name."""
_TEXTS = {
    "django": {
        **dict.fromkeys(("CharField", "URLField", "JSONField", "RegexField", "Field", "ComboField", "MultiValueField"), _NOTHING),
        **dict.fromkeys(("EmailField",), _LINE),
        **dict.fromkeys(("FileField", "ImageField", "TypedMultipleFileField"), _FILE),
        **dict.fromkeys(("TextField",), _NOTHING),
    },
    "rest": {
        **dict.fromkeys(("CharField", "URLField", "JSONField", "RegexField", "Field", "DictField", "HStoreField"), _NOTHING),
        **dict.fromkeys(("ModelField", "TextField"), _NOTHING),
        **dict.fromkeys(("EmailField",), _LINE),
        **dict.fromkeys(("FileField", "ImageField"), _FILE),
    },
    "wtforms": {
        **dict.fromkeys(("StringField", "TextAreaField", "HiddenField", "PasswordField", "SearchField", "TelField"), _NOTHING),
        **dict.fromkeys(("URLField", "Field", "FileField", "MultipleFileField", "EmailField"), _NOTHING),
    },
    "marshmallow": dict.fromkeys(
        ("String", "Str", "Field", "Raw", "Dict", "Mapping", "Url", "URL", "Email", "Method", "Function", "Tuple"), _NOTHING
    ),
}
"""Fields that let text of anybody's choice through, by framework: for what kinds of sink they are harmless all the same."""
_MEANT = (
    (regex(r"template|layout"), frozenset(("template",))),
    (regex(r"regexp?|pattern|match"), frozenset(("regex",))),
)
"""Names of fields that are meant to hold what would be an injection elsewhere."""
_LISTS = ("ListField", "List", "FieldList")
_NESTS = ("Nested", "FormField", "Pluck")
_PATTERNS = ("RegexValidator", "Regexp", "RegexField")
_MEASURES = regex(
    r"(?:Max|Min)(?:Length|Value)\w*|Length|(?:Data|Input)?Required|Optional|Range|ProhibitNull\w+|URL\w*|Url|Email\w*|validate_email"
    r"|FileExtensionValidator|validate_image_file_extension|FileAllowed|FileRequired|FileSize|EqualTo|NoneOf|UniqueValidator"
    r"|UniqueTogetherValidator|StepValueValidator|DecimalValidator"
)
"""Validators that say nothing of what a text is made of."""
_VALIDATION = ("to_internal_value", "clean", "to_python", "validate", "_deserialize", "process_formdata", "pre_validate")
_DEPTH = 4
"""How deep forms are followed into each other."""


def family(project: Project, symbol: ClassSymbol) -> str:
    """Which framework checks what a class is given, "" for any other class."""
    for it in lineage(project, symbol):
        if not isinstance(it, ClassSymbol):
            name = dotted(it)
            found = next((of for pattern, of in _FAMILIES if pattern.match(name)), "")
            if found:
                return found
    return ""


def harmless_for(project: Project, path: str, mark: str) -> frozenset[str]:
    """The kinds of sink that a checked value may reach, of which a flow's `through` names the class and the field."""
    kind, _, names = mark.removeprefix(SENT).partition(":")
    symbol = project.resolve(path, kind) if kind else None
    if isinstance(symbol, Instance):
        symbol = ClassSymbol(symbol.path, symbol.facts)
    if not isinstance(symbol, ClassSymbol):
        return _ALL if kind else _NOTHING
    of = family(project, symbol)
    if of in _TEXTS:
        return of_field(project, symbol, of, [it for it in names.split(".") if it])
    shape = Value("name", symbol.facts.qualname)
    return _NOTHING if of == "model" and not admits_few(project, symbol.path, "", shape, None, names.split(".")) else _ALL


def of_field(project: Project, symbol: ClassSymbol, of: str, names: list[str], depth: int = _DEPTH) -> frozenset[str]:
    """What a field of a form is harmless for; without a name, what any of its fields is, since nobody knows which is used."""
    known = attributes(project, symbol)
    if not names:
        rows = [it for it in known.values() if it.value is not None and it.value.kind == "call" and it.call is None]
        every = [_of_attribute(project, of, known, it, [], depth) for it in rows]
        return frozenset[str]().union(*every) if every else _ALL
    attribute = known.get(names[0])
    if attribute is not None and attribute.call is None:
        return _of_attribute(project, of, known, attribute, names[1:], depth)
    if _is_validated(known, names[0]):
        return _ALL
    model = _model(project, symbol)
    stored = attributes(project, model).get(names[0]) if model is not None else None
    if stored is None or stored.call is not None or stored.value is None:
        return _ALL
    return _of_call(project, stored.owner, "django", stored.value, names[1:], depth)


def _of_attribute(
    project: Project,
    of: str,
    known: dict[str, Attribute],
    attribute: Attribute,
    names: list[str],
    depth: int,
) -> frozenset[str]:
    if attribute.value is None or _is_validated(known, attribute.name):
        return _ALL
    meant = (kinds for pattern, kinds in _MEANT if pattern.search(attribute.name))
    return _of_call(project, attribute.owner, of, attribute.value, names, depth).union(*meant)


def _of_call(project: Project, owner: ClassSymbol, of: str, value: Value, names: list[str], depth: int) -> frozenset[str]:
    """What the value of a field that is made by a call is harmless for."""
    if value.kind != "call" or depth <= 0:
        return _ALL
    last, symbol = value.last, project.resolve(owner.path, value.text)
    if isinstance(symbol, ClassSymbol):
        if family(project, symbol) == of and not _base_field(project, symbol, of):
            return of_field(project, symbol, of, names, depth - 1)  # a serializer within another
        if any(name in _VALIDATION for name in _refusing(project, symbol)):
            return _ALL
        last = _base_field(project, symbol, of)
    if last in _LISTS:
        inner = value.argument(0, "child") or value.argument(0, "cls_or_instance") or value.argument(0, "unbound_field")
        return _of_call(project, owner, of, inner, names, depth - 1) if inner is not None and inner.kind == "call" else _ALL
    if last in _NESTS:
        inner = value.argument(0, "nested")
        found = project.resolve(owner.path, inner.text) if inner is not None else None
        return of_field(project, found, of, names, depth - 1) if isinstance(found, ClassSymbol) else _ALL
    texts = _TEXTS[of]
    if last not in texts or value.keyword("choices") is not None:
        return _ALL
    if any(_is_true(value.keyword(it)) for it in ("read_only", "dump_only")):
        return _ALL
    return _ALL if any(_narrows(project, owner.path, it) for it in _validators(value, last)) else texts[last]


def _base_field(project: Project, symbol: ClassSymbol, of: str) -> str:
    """The framework's field that a field of the project's own is one of, "" when it is none."""
    names = (dotted(it).rpartition(".")[2] for it in lineage(project, symbol) if not isinstance(it, ClassSymbol))
    return next((it for it in names if it in _TEXTS[of] or it.endswith("Field") or it in _LISTS), "")


def _refusing(project: Project, symbol: ClassSymbol) -> Iterator[str]:
    """The methods that a class of the project and its bases have that refuse something."""
    yield from (name for name, it in attributes(project, symbol).items() if it.call is not None and refuses(it.call))


def _validators(value: Value, last: str) -> Iterator[Value]:
    if last in _PATTERNS:
        yield value
    given = [value.keyword("validators"), value.keyword("validate")]
    given += value.items[1:2]  # of WTForms: `StringField("Name", [Regexp(...)])`
    for it in given:
        if it is not None:
            yield from it.items if it.kind == "list" else (it,)


def _narrows(project: Project, path: str, value: Value) -> bool:
    """Whether a validator says what a text is made of."""
    if value.kind == "lambda":
        return True
    if value.kind not in ("name", "call") or _MEASURES.fullmatch(value.last):
        return False
    if value.last in _PATTERNS:
        given = value.argument(0, "regex")
        return given is not None and (given.kind != "text" or is_whole_pattern(given.text))
    symbol = project.resolve(path, value.text)
    return not isinstance(symbol, FunctionSymbol) or refuses(symbol.facts)


def _is_validated(known: dict[str, Attribute], field: str) -> bool:
    """Whether a method of the class refuses what a field was given: `clean_name`, `validate_name`, `@validates("name")`."""
    for prefix in ("clean_", "validate_"):
        method = known.get(prefix + field)
        if method is not None and method.call is not None and refuses(method.call):
            return True
    return any(
        decorator.target.rpartition(".")[2] == "validates" and any(it.text == field for it in decorator.value.items)
        for it in known.values()
        if it.call is not None and it.call.decorators and refuses(it.call)
        for decorator in it.call.decorators
    )


def _model(project: Project, symbol: ClassSymbol) -> ClassSymbol | None:
    """The stored class that a form of a model speaks of."""
    for it in lineage(project, symbol):
        if isinstance(it, ClassSymbol):
            found = project.resolve(it.path, f"{it.facts.qualname}.Meta.model")
            if isinstance(found, ClassSymbol):
                return found
    return None


def _is_true(value: Value | None) -> bool:
    return value is not None and value.text == "True"
