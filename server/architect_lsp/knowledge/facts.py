"""One text -> Facts: what the project needs to know of a file, a pure function of its text.

Facts are small plain values without syntax trees, so that a whole project fits in memory and travels between processes. Those
of one unit count the unit's lines; `module_facts` joins the units of a file and moves every place to the file's lines.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TypeVar

from architect_lsp.knowledge.flows import parameters
from architect_lsp.knowledge.reading import Function, Reading, constant, dotted, keyword
from architect_lsp.model import Place
from architect_lsp.syntax.units import Unit

HTTP_METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace", "websocket", "api_route", "route")
_SINKS = frozenset(
    (
        *("execute", "executemany", "executescript", "exec_driver_sql", "text", "raw", "read_sql", "read_sql_query"),
        *("eval", "exec", "compile", "system", "popen", "getoutput", "create_subprocess_shell", "open", "loads", "load"),
    )
)
"""Last names of the calls whose first argument is worth following back to a parameter."""
_PROCESSES = ("run", "call", "check_call", "check_output", "Popen")
"""The same where they are told to use a shell."""
_SHORT = 30
"""Lines of a function up to which it may be a helper that hands its parameters on."""
_EXECUTES = (".execute", ".exec", ".scalar", ".scalars", ".executemany")
_WRITES = frozenset(["INSERT", "UPDATE", "DELETE", "UPSERT", "REPLACE", "MERGE"])
_STATEMENT_STEPS = 8
"""How many bindings a statement may be followed through."""
_THREADERS = ("to_thread", "run_in_executor", "run_in_threadpool", "run_sync", "submit")


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `target` as in `reading`; `in_loop` tells whether it runs once a turn of a loop in its function.

    `certain` calls stand in no branch, handler or short circuit; `writes` marks SQL that is seen to change rows.
    """

    target: str
    place: Place
    awaited: bool
    in_loop: bool
    certain: bool = True
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Decorator:
    """A decorator with its literal arguments: `path` is the first when it is a string, `keywords` hold targets or literals."""

    target: str
    place: Place
    path: str | None
    keywords: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Def:
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
    passes: tuple[str, ...] = ()  # parameters that reach what it gives, unchecked
    sinks: tuple[tuple[str, int], ...] = ()  # (parameter, index of a call it is the first argument of): see `_SINKS`
    asserts: bool = False  # whether its body holds an `assert`


@dataclass(frozen=True, slots=True)
class Field:
    """An attribute of a class body: `annotation` is a class's dotted name, `value` the target of what it is set to."""

    name: str
    annotation: str
    value: str
    place: Place
    excluded: bool = False  # pydantic `Field(exclude=True)`


@dataclass(frozen=True, slots=True)
class ClassDef:
    """A class. `attributes` are what its methods set on `self`, name to target."""

    qualname: str
    place: Place
    bases: tuple[str, ...]
    fields: tuple[Field, ...]
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Variable:
    """A name of the module and the target of its value; `keywords` are the literal keyword arguments of a call.

    `items` are the string elements of a literal list, tuple or set.
    """

    name: str
    target: str
    place: Place
    keywords: tuple[tuple[str, str], ...] = ()
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Include:
    """`app.include_router(users.router, prefix="/users")`: routes of `router` join those of `host`."""

    host: str
    router: str
    prefix: str
    place: Place


@dataclass(frozen=True, slots=True)
class Facts:
    """What one unit, or one file, says. `imports` maps a local name to a dotted name; a leading dot is relative."""

    imports: tuple[tuple[str, str], ...] = ()
    defs: tuple[Def, ...] = ()
    classes: tuple[ClassDef, ...] = ()
    variables: tuple[Variable, ...] = ()
    includes: tuple[Include, ...] = ()
    attributes: tuple[tuple[str, str, str], ...] = ()  # class, name, target: set on `self` in a method
    stars: tuple[str, ...] = field(default=())  # modules imported by `*`


RowT = TypeVar("RowT", Def, ClassDef, Call, Decorator, Field, Variable, Include)


def unit_facts(reading: Reading) -> Facts:
    """The facts of one unit, in the unit's lines."""
    return Facts(
        imports=tuple(_imports(reading)),
        defs=tuple(_definition(reading, it) for it in reading.functions),
        classes=tuple(_class(reading, it) for it in reading.each(ast.ClassDef)),
        variables=tuple(_variables(reading)) if reading.unit.kind == "module" else (),
        includes=tuple(_includes(reading)),
        attributes=tuple(_attributes(reading)),
        stars=tuple(
            "." * it.level + (it.module or "") for it in reading.each(ast.ImportFrom) if any(a.name == "*" for a in it.names)
        ),
    )


def joined(units: Iterable[Facts]) -> Facts:
    """The facts of several units together, places as they are."""
    rows = tuple(units)
    return Facts(*(tuple(chain.from_iterable(getattr(it, name) for it in rows)) for name in Facts.__slots__))


def module_facts(path: str, units: Iterable[tuple[Unit, Facts]]) -> Facts:
    """The facts of a file from those of its units, every place in the file's lines."""
    return joined(_moved(path, unit, facts) for unit, facts in units)


def _moved(path: str, unit: Unit, facts: Facts) -> Facts:
    """The facts of a unit with places in the file's lines."""

    def at(row: RowT) -> RowT:
        return replace(row, place=unit.place(path, row.place))

    return replace(
        facts,
        defs=tuple(
            replace(at(it), decorators=tuple(at(d) for d in it.decorators), calls=tuple(at(c) for c in it.calls))
            for it in facts.defs
        ),
        classes=tuple(replace(at(it), fields=tuple(at(f) for f in it.fields)) for it in facts.classes),
        variables=tuple(at(it) for it in facts.variables),
        includes=tuple(at(it) for it in facts.includes),
    )


def literal(node: ast.expr | None) -> str | None:
    """The text of a string literal, None for anything else."""
    value = constant(node)
    return value if isinstance(value, str) else None


def writes_rows(reading: Reading, call: ast.Call) -> bool:
    """Whether the statement that is executed is an INSERT, UPDATE or DELETE, as far as the function shows."""
    todo: list[ast.AST | None] = list(call.args[:1])
    for _ in range(_STATEMENT_STEPS):
        if not todo:
            return False
        for it in ast.walk(todo.pop() or ast.Pass()):
            text = literal(it) if isinstance(it, ast.Constant) else None
            if text is not None and text.lstrip()[:7].rstrip().upper() in _WRITES:
                return True
            if isinstance(it, ast.Call) and dotted(it.func).rpartition(".")[2].upper() in _WRITES:
                return True
            if isinstance(it, ast.Name):
                todo += reading.bindings(reading.function(call)).get(it.id, [])
    return False


def _imports(reading: Reading) -> Iterable[tuple[str, str]]:
    for it in reading.each(ast.Import):
        for alias in it.names:
            if alias.asname:
                yield alias.asname, alias.name
            else:
                yield alias.name.partition(".")[0], alias.name.partition(".")[0]
    for node in reading.each(ast.ImportFrom):
        base = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name != "*":
                yield alias.asname or alias.name, f"{base}.{alias.name}" if node.module else f"{base}{alias.name}"


def _definition(reading: Reading, node: Function) -> Def:
    calls: list[Call] = []
    returns: list[str] = []
    sinks: list[tuple[str, int]] = []
    passes: dict[str, None] = {}
    generator = asserts = False
    is_helper = (node.end_lineno or 0) - node.lineno < _SHORT and bool(
        node.args.kwonlyargs or node.args.args[bool(reading.owner(node)) :]
    )
    for it in reading.within(node):
        if isinstance(it, ast.Call):
            target = reading.target(it.func)
            if target:
                name = target.rpartition(".")[2]
                if it.args and (name in _SINKS or (name in _PROCESSES and constant(keyword(it, "shell")) is True)):
                    sinks += ((parameter, len(calls)) for parameter in parameters(reading, it.args[0]))
                in_loop, writes = reading.loop(it) is not None, target.endswith(_EXECUTES) and writes_rows(reading, it)
                calls.append(Call(target, reading.place(it), reading.awaited(it), in_loop, _certain(reading, it), writes))
        elif isinstance(it, ast.Return | ast.Yield) and it.value is not None:
            returns.append(reading.target(it.value))
            if isinstance(it, ast.Return) and is_helper and not isinstance(it.value, ast.Constant | ast.Compare | ast.Attribute):
                passes.update(dict.fromkeys(parameters(reading, it.value)))
            generator = generator or isinstance(it, ast.Yield)
        elif isinstance(it, ast.Assert):
            asserts = True
    said = reading.annotation(node.returns)
    given = set(returns) - {""}
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    place = reading.place(node)
    return Def(
        qualname=reading.qualname(node),
        place=Place(place.path, place.line, place.column, place.end_line, place.end_column),
        is_async=isinstance(node, ast.AsyncFunctionDef),
        parameters=tuple((it.arg, reading.annotation(it.annotation)) for it in arguments),
        decorators=tuple(_decorator(reading, it) for it in node.decorator_list),
        calls=tuple(calls),
        returns=f"{said}()" if said and said not in ("None", "Any") else (given.pop() if len(given) == 1 else ""),
        owner=reading.owner(node),
        is_generator=generator,
        optional=any(isinstance(it, ast.If | ast.Try | ast.match_case) for it in reading.ancestors(node)),
        passes=tuple(passes),
        sinks=tuple(sinks),
        asserts=asserts,
    )


def _certain(reading: Reading, node: ast.AST) -> bool:
    """Whether no branch, handler or short circuit of its function decides if the node runs."""
    below = node
    for up in reading.ancestors(node):
        if isinstance(up, ast.If | ast.IfExp) and below is not up.test:
            return False
        if isinstance(up, ast.ExceptHandler | ast.match_case) or (isinstance(up, ast.BoolOp) and below is not up.values[0]):
            return False
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef):
            return True
        below = up
    return True


def _decorator(reading: Reading, node: ast.expr) -> Decorator:
    if not isinstance(node, ast.Call):
        return Decorator(dotted(node), reading.place(node), None, ())
    first = node.args[0] if node.args else keyword(node, "path") or keyword(node, "rule")
    return Decorator(dotted(node.func), reading.place(node), literal(first), _keywords(reading, node))


def _keywords(reading: Reading, call: ast.Call) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for it in call.keywords:
        if it.arg is None:
            continue
        value = it.value
        if isinstance(value, ast.List | ast.Tuple) and it.arg == "methods":
            found.append((it.arg, ",".join(str(constant(each)) for each in value.elts)))
        elif isinstance(value, ast.Constant):
            found.append((it.arg, str(value.value)))
        elif it.arg == "response_model":
            found.append((it.arg, _innermost(reading, value)))
        else:
            found.append((it.arg, dotted(value) or "?"))
    return tuple(found)


def _innermost(reading: Reading, node: ast.expr) -> str:
    """The model of `list[Model]`, `Page[Model]`, `Model | None`."""
    while isinstance(node, ast.Subscript):
        inner = node.slice
        first = dotted(node.value).endswith("Annotated")
        node = inner.elts[0 if first else -1] if isinstance(inner, ast.Tuple) and inner.elts else inner
    return reading.annotation(node)


def _class(reading: Reading, node: ast.ClassDef) -> ClassDef:
    fields: list[Field] = []
    for it in node.body:
        if isinstance(it, ast.AnnAssign) and isinstance(it.target, ast.Name):
            calls = [each for part in (it.annotation, it.value) if part for each in ast.walk(part) if isinstance(each, ast.Call)]
            excluded = any(constant(keyword(each, "exclude")) is True for each in calls)
            value = reading.target(it.value) if it.value is not None else ""
            fields.append(Field(it.target.id, _annotated(reading, it.annotation), value, reading.place(it), excluded))
        elif isinstance(it, ast.Assign):
            for target in it.targets:
                if isinstance(target, ast.Name):
                    value = literal(it.value) or reading.target(it.value)
                    fields.append(Field(target.id, "", value, reading.place(it)))
    bases = tuple(filter(None, (dotted(it.value if isinstance(it, ast.Subscript) else it) for it in node.bases)))
    return ClassDef(reading.qualname(node), reading.place(node), bases, tuple(fields))


def _annotated(reading: Reading, node: ast.expr) -> str:
    """The innermost class of an attribute's annotation: `Mapped[list[Order]]` speaks of `Order`."""
    return _innermost(reading, node)


def _variables(reading: Reading) -> Iterable[Variable]:
    for statement in reading.parsed.body:
        targets: Sequence[ast.expr] = ()
        value: ast.expr | None = None
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign):
            targets, value = (statement.target,), statement.value
            if value is None or not isinstance(value, ast.Call):
                said = reading.annotation(statement.annotation)
                if said and isinstance(statement.target, ast.Name):
                    yield Variable(statement.target.id, f"{said}()", reading.place(statement))
                continue
        for it in targets:
            if isinstance(it, ast.Name) and value is not None:
                keywords = _keywords(reading, value) if isinstance(value, ast.Call) else ()
                alias = isinstance(value, ast.Subscript) and dotted(value.value).endswith("Annotated")
                said = reading.annotation(value) if alias else reading.target(value)
                yield Variable(it.id, said, reading.place(statement), keywords, tuple(_items(value)))


def _items(node: ast.expr) -> Iterable[str]:
    for it in node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else ():
        text = literal(it)
        if text is not None:
            yield text


def _includes(reading: Reading) -> Iterable[Include]:
    for call in reading.each(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("include_router", "register_blueprint") and call.args:
            prefix = keyword(call, "prefix") or keyword(call, "url_prefix")
            text = literal(prefix) if prefix is not None else ""
            host, router = dotted(call.func.value), dotted(call.args[0])
            if host and router:
                yield Include(host, router, "?" if text is None else text, reading.place(call))


def _attributes(reading: Reading) -> Iterable[tuple[str, str, str]]:
    for function in reading.functions:
        owner = reading.owner(function)
        if not owner:
            continue
        annotations = {it.arg: reading.annotation(it.annotation) for it in (*function.args.args, *function.args.kwonlyargs)}
        for it in reading.within(function):
            if isinstance(it, ast.Assign | ast.AnnAssign):
                targets = it.targets if isinstance(it, ast.Assign) else [it.target]
                for target in targets:
                    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
                        said = reading.annotation(it.annotation) if isinstance(it, ast.AnnAssign) else ""
                        if not said and isinstance(it.value, ast.Name):
                            said = annotations.get(it.value.id, "")
                        value = f"{said}()" if said else (reading.target(it.value) if it.value is not None else "")
                        if value and not value.startswith("?"):
                            yield owner, target.attr, value
