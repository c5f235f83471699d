"""Values that a client fills behind a name: the fields of a form that a view is handed, the parameters of a dependency.

What is built from a request where it is used is known by `sent`; here are those that a framework builds elsewhere.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from architect_lsp.knowledge.annotations import annotation
from architect_lsp.knowledge.constants import behind
from architect_lsp.knowledge.definitions import arguments, owner_of, parameters
from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.fields import admits_few, is_narrow, is_shaped
from architect_lsp.knowledge.forms import family, of_field
from architect_lsp.knowledge.lineage import attributes, dotted, lineage, methods
from architect_lsp.knowledge.narrowed import of_address
from architect_lsp.knowledge.origins import Origin, is_own
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Function, Reading, constant
from architect_lsp.knowledge.streams import passes
from architect_lsp.knowledge.symbols import ClassSymbol, FunctionSymbol
from architect_lsp.knowledge.threats import ALL
from architect_lsp.knowledge.values import Value
from architect_lsp.patterns import regex

_HELD = regex(r"^(.*?)\b(?:(cleaned_data|validated_data|initial_data)|(\w+)\.data)\b(?:\.(\w+))?")
"""(what holds them, the mapping, WTForms' field, the key) of the checked values of a form."""
_CLEANED = regex(r"^super\(\)\.(clean|validate)\(\)(?:\.(\w+))?")
_BY_METHOD = {"get_form": "form_class", "get_serializer": "serializer_class"}
_OF_VIEWS = {"form": ("form_class", "form"), "serializer": ("serializer_class",)}
"""Parameters of a view's methods by the attributes of the view that name their class."""
_GIVEN = ("create", "update", "save", "validate", "perform_create", "perform_update")
"""Methods of a serializer that are given its checked values."""
_VALUES = ("validated_data", "attrs", "data")
_CHECKS = regex(r"(?:^|_)(?:clean|validate)(?:_|$)")
"""Methods of a form that are the check."""
_TRIED = frozenset(("template", "regex"))
"""What a check tries on a value, such as whether it compiles."""
_HANDS = ("use_args", "use_kwargs", "arguments")
_INJECT = ("Depends", "Security")
_ALL = frozenset((ALL,))
_NOTHING: frozenset[str] = frozenset()
_OPEN = ("", "str", "Optional", "Union", "list", "List", "dict", "Dict", "Any", "Sequence", "set")


def filled(project: Project, path: str, reading: Reading, origin: Origin) -> frozenset[str] | None:
    """The kinds of sink that a value is harmless for which a client fills through a form or a dependency; None for others."""
    if origin.kind == "parameter":
        found = _of_dependency(project, path, reading, origin)
        found = _of_decorator(project, path, reading, origin) if found is None else found
        if found is not None:
            return found
    if origin.name.startswith("self.kwargs."):
        return of_address(project, path, reading, origin)
    if "data" not in origin.name and not origin.name.startswith("super()"):
        return None
    found = _of_held(project, path, reading, origin)
    function = reading.function(origin.node)
    is_check = isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and _CHECKS.search(function.name)
    return found | _TRIED if found is not None and is_check else found


def _of_held(project: Project, path: str, reading: Reading, origin: Origin) -> frozenset[str] | None:
    """What a checked value is harmless for by the name of what holds it."""
    owner = reading.owner(origin.node)
    held = _HELD.match(origin.name)
    if origin.kind == "parameter" and held is not None:
        head = origin.name.partition(".")[0]
        function = owner_of(reading, origin.node, head)
        if function is None:
            return None
        symbol = project.class_(path, owner) if owner else None
        if not held[1] and held[2] == "validated_data":
            if symbol is None or function.name not in _GIVEN:
                return None
            return _of_form(project, ClassSymbol(path, symbol), held[4] or "", "rest")
        said = next((annotation(it.annotation) for it in arguments(function) if it.arg == head), "")
        names = (said, *(f"{owner}.{it}" for it in _OF_VIEWS.get(head, ()) if owner))
        form = next((it for name in names if name and isinstance(it := project.resolve(path, name), ClassSymbol)), None)
        return _of_form(project, form, held[3] or held[4] or "", "wtforms" if held[3] else "") if form is not None else None
    return of_name(project, path, owner, origin.name)


def of_name(project: Project, path: str, owner: str, name: str) -> frozenset[str] | None:
    """The same of a value by its name alone, in a method of the class `owner`."""
    cleaned = _CLEANED.match(name) if name.startswith("super()") else None
    held = _HELD.match(name) if cleaned is None else None
    if cleaned is not None:
        return _of_form(project, _class(project, path, owner), cleaned[2] or "", "django" if cleaned[1] == "clean" else "rest")
    if held is None or not held[1]:
        return None
    if held[1] == "self." and held[2]:
        return _of_form(project, _class(project, path, owner), held[4] or "", "django" if held[2] == "cleaned_data" else "rest")
    called, _, rest = held[1].partition("()")
    if rest != ".":
        return None
    last = called.rpartition(".")[2]
    symbol = project.resolve(path, f"{owner}.{_BY_METHOD[last]}" if last in _BY_METHOD and owner else called)
    if not isinstance(symbol, ClassSymbol):
        return None
    return _of_form(project, symbol, held[3] or held[4] or "", "wtforms" if held[3] else "django")


def _class(project: Project, path: str, owner: str) -> ClassSymbol | None:
    found = project.class_(path, owner) if owner else None
    return ClassSymbol(path, found) if found is not None else None


def _of_form(project: Project, symbol: ClassSymbol | None, key: str, of: str) -> frozenset[str] | None:
    """What a field of a form is harmless for, None where the class is no form of this framework ("": of any)."""
    known = family(project, symbol) if symbol is not None else ""
    if symbol is None or known in ("", "model") or (of and known != of):
        return None
    return of_field(project, symbol, known, [key] if key else [])


def _of_dependency(project: Project, path: str, reading: Reading, origin: Origin) -> frozenset[str] | None:
    """What FastAPI fills of a parameter with `Depends()`: the parameters of the class, or those that the function hands back."""
    name, _, rest = origin.name.partition(".")
    function = owner_of(reading, origin.node, name)
    given = _depends(project, path, function, name) if function is not None else None
    if given is None:
        return None
    home, target = given
    symbol = project.resolve(home, target) if target else None
    if isinstance(symbol, ClassSymbol):
        return _of_class(project, symbol, rest.partition(".")[0]) if rest else None
    if not isinstance(symbol, FunctionSymbol) or symbol.facts.is_generator:
        return None
    through = passes(project, symbol.path, symbol.facts)
    if rest and not through and "()" not in rest:
        return _of_parameters(project, symbol.path, symbol.facts, list(_made_of(symbol.facts, rest.partition(".")[0])))
    key = _key(reading, origin.node)
    if key and key not in through and key in dict(symbol.facts.parameters):
        return _ALL  # by its name a parameter that is a number
    rows = [key] if key in through else [*through]
    found = [_of_parameter(project, symbol.path, symbol.facts, it) for it in rows]
    told = [clean | through[row] for row, clean in zip(rows, found, strict=True) if clean is not None]
    return frozenset.intersection(*told) if told and len(told) == len(rows) else None


def _depends(project: Project, path: str, function: Function, name: str) -> tuple[str, str] | None:
    """(file, what a parameter's `Depends` names), "" where it names nothing; None for a parameter without."""
    for argument, default in parameters(function):
        if argument.arg != name:
            continue
        said = argument.annotation
        calls: list[ast.expr] = [default] if default is not None else []
        shown = annotation(said)
        if isinstance(said, ast.Subscript) and isinstance(said.slice, ast.Tuple):
            calls += said.slice.elts[1:]
        for it in calls:
            if isinstance(it, ast.Call) and annotation(it.func).rpartition(".")[2] in _INJECT:
                return path, annotation(it.args[0]) if it.args else shown
        alias = behind(project, path, shown) if shown and not calls else None
        if alias is not None and alias[1].kind == "index" and alias[1].last == "Annotated":
            for value in alias[1].items[1:]:
                if value.kind == "call" and value.last in _INJECT:
                    inner = value.argument(0, "dependency") or alias[1].items[0]
                    return alias[0], inner.text
    return None


def _of_decorator(project: Project, path: str, reading: Reading, origin: Origin) -> frozenset[str] | None:
    """What a schema lets through that a decorator names, and whose values it hands to the function: `@use_args(Ask)`."""
    name = origin.name.partition(".")[0]
    function = owner_of(reading, origin.node, name) if is_own(origin) else None
    for it in function.decorator_list if function is not None else ():
        last = annotation(it.func).rpartition(".")[2] if isinstance(it, ast.Call) else ""
        if not isinstance(it, ast.Call) or last not in _HANDS or not it.args or not isinstance(it.args[0], ast.Name | ast.Call):
            continue
        given = it.args[0].func if isinstance(it.args[0], ast.Call) else it.args[0]
        symbol = project.resolve(path, annotation(given), reading.owner(origin.node))
        if not isinstance(symbol, ClassSymbol) or family(project, symbol) != "marshmallow":
            continue
        is_field = name in attributes(project, symbol)
        if last == "use_kwargs":
            return of_field(project, symbol, "marshmallow", [name]) if is_field else None
        wanted = next((arg.arg for arg in arguments(function) if arg.arg not in ("self", "cls")), "") if function else ""
        key = _key(reading, origin.node)
        return of_field(project, symbol, "marshmallow", [key] if key else []) if name == wanted else None
    return None


def _of_class(project: Project, symbol: ClassSymbol, field: str) -> frozenset[str] | None:
    """What a field of a class is harmless for whose parameters are those of a request; None where none of them fills it."""
    names = [dotted(it) for it in lineage(project, symbol)]
    if any(it.endswith(("BaseSettings",)) for it in names):
        return None
    made = methods(project, symbol).get("__init__")
    if made is not None:
        rows = [it.source for it in made.flows if it.slot == f"self.{field}" and it.is_kept]
        rows = rows or [it for it, _ in made.parameters if it == field]  # numbers have no flows
        return _of_parameters(project, symbol.path, made, rows)
    attribute = attributes(project, symbol).get(field)
    if attribute is None or attribute.call is not None or attribute.shape is None:
        return None
    if attribute.value is not None and attribute.value.kind == "call" and attribute.value.last in _INJECT:
        return None
    is_few = admits_few(project, symbol.path, "", Value("name", symbol.facts.qualname), None, [field])
    return _ALL if is_few else _NOTHING


def _made_of(definition: Def, field: str) -> Iterator[str]:
    """The parameters of a function that become a field of the object it gives: `return Target(base=base)`."""
    given = {it.source for it in definition.flows if it.is_result}
    made = [it for it in definition.flows if f"(){it.call}" in given and it.source[:2] != "()"]
    made = [it for it in made if definition.calls[it.call].target.rpartition(".")[2][:1].isupper()]
    rows = [it.source for it in made if it.slot == field]
    yield from rows or (it for it, _ in definition.parameters if made and it == field)  # numbers have no flows


def _of_parameters(project: Project, path: str, definition: Def, names: Sequence[str]) -> frozenset[str] | None:
    """What all of these parameters are harmless for, None where one of them is none that a client fills."""
    told = [it for it in (_of_parameter(project, path, definition, name) for name in names) if it is not None]
    return frozenset.intersection(*told) if told and len(told) == len(names) else None


def _of_parameter(project: Project, path: str, definition: Def, name: str) -> frozenset[str] | None:
    """What a parameter of a dependency is harmless for, None where the framework gives it something of its own."""
    said = dict(definition.parameters).get(name)
    told = [value for given, value in definition.injected if given == name]
    if said is None or any(it.last in _INJECT for it in told):
        return None
    if said == "Literal" or is_narrow(project, path, definition.owner, Value("name", said)) or any(map(is_shaped, told)):
        return _ALL
    return _NOTHING if said.rpartition(".")[2] in _OPEN else None


def _key(reading: Reading, node: ast.AST) -> str:
    """The literal key by which a mapping is asked on the spot."""
    up = reading.parent(node)
    key = constant(up.slice) if isinstance(up, ast.Subscript) else None
    if isinstance(up, ast.Attribute) and up.attr == "get" and isinstance(call := reading.parent(up), ast.Call) and call.args:
        key = constant(call.args[0])
    return key if isinstance(key, str) else ""
