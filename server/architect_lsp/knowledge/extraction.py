"""One unit -> Facts: what the project needs to know of it, a pure function of its text."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from architect_lsp.knowledge.addresses import about
from architect_lsp.knowledge.annotations import annotation, kind, united
from architect_lsp.knowledge.answers import asks, number, status_of
from architect_lsp.knowledge.facts import Call, ClassDef, Decorator, Def, Facts, Field
from architect_lsp.knowledge.fan_outs import side_by_side
from architect_lsp.knowledge.flow_facts import flows
from architect_lsp.knowledge.holding import keeps_open, taken
from architect_lsp.knowledge.reading import Function, Reading, constant, dotted
from architect_lsp.knowledge.reads import reads
from architect_lsp.knowledge.steps import is_gated, mentions, step_facts
from architect_lsp.knowledge.values import Value, value_of
from architect_lsp.knowledge.waiting import given_to_thread
from architect_lsp.knowledge.wiring import is_holder, registrations, telling, variables
from architect_lsp.model import Place
from architect_lsp.patterns import regex

_EVERYTHING = ("Exception", "BaseException")
_EXECUTES = (".execute", ".exec", ".scalar", ".scalars", ".executemany")
_WRITES = frozenset(["INSERT", "UPDATE", "DELETE", "UPSERT", "REPLACE", "MERGE"])
_MAKE_WRITES = frozenset(["insert", "update", "delete", "upsert"])
_ASSIGNS = frozenset((ast.Assign, ast.AnnAssign))
_TELLING = frozenset(
    (ast.Call, ast.Return, ast.Yield, ast.ExceptHandler, ast.Assert, ast.Constant, ast.Attribute, ast.Name),
)
"""The nodes of a function that say something of it."""
_STATEMENT_STEPS = 8
"""How many bindings a statement may be followed through."""
_FIELDS = regex(r"Column|mapped_column|relationship|\w*ForeignKey|\w*Field|field")
"""Last names of the calls that make a model's field."""


def unit_facts(reading: Reading) -> Facts:
    """The facts of one unit, in the unit's lines."""
    return Facts(
        imports=tuple(_imports(reading)),
        defs=tuple(_definition(reading, it) for it in reading.functions),
        classes=tuple(_class(reading, it) for it in reading.each(ast.ClassDef)),
        variables=tuple(variables(reading)),
        registrations=tuple(registrations(reading)),
        attributes=tuple(_attributes(reading)),
        mentions=mentions(reading),
        loads=tuple(it for node in reading.each(ast.ImportFrom) if is_loaded(reading, node) for it in imported(node)),
        stars=tuple(
            "." * it.level + (it.module or "") for it in reading.each(ast.ImportFrom) if any(a.name == "*" for a in it.names)
        ),
    )


def imported(node: ast.ImportFrom) -> Iterator[str]:
    """The dotted names that an import takes from a module; a leading dot is relative."""
    base = "." * node.level + (node.module or "")
    yield from (f"{base}.{it.name}" if node.module else f"{base}{it.name}" for it in node.names if it.name != "*")


def is_loaded(reading: Reading, node: ast.stmt) -> bool:
    """Whether an import is run when its file is imported, and must then succeed."""
    return not any(
        isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef | ast.Try)
        or (isinstance(it, ast.If) and (dotted(it.test).endswith("TYPE_CHECKING") or "__main__" in ast.unparse(it.test)))
        for it in reading.ancestors(node)
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
        for it in ast.walk(todo.pop(0) or ast.Pass()):  # the nearest first
            text = literal(it) if isinstance(it, ast.Constant) else None
            words = text.split(None, 1) if text is not None else []
            if len(words) > 1 and words[0].upper() in _WRITES:
                return True
            if isinstance(it, ast.Call) and dotted(it.func).rpartition(".")[2] in _MAKE_WRITES:
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
        yield from zip((it.asname or it.name for it in node.names if it.name != "*"), imported(node), strict=True)


def _definition(reading: Reading, node: Function) -> Def:
    calls: list[Call] = []
    returns: list[str] = []
    statuses: list[tuple[int, int, bool]] = []
    hands: set[str] = set()
    numbers: dict[ast.Call, int] = {}
    given: list[ast.expr] = []
    threads: dict[str, None] = {}
    starts: dict[tuple[str, tuple[str, ...]], None] = {}
    generator = asserts = asked = catches = False
    for it in reading.within(node):
        if it.__class__ not in _TELLING:
            continue
        if isinstance(it, ast.Call):
            target = reading.target(it.func)
            if target:
                status = status_of(it)
                if status is not None:
                    statuses.append((len(calls), status, isinstance(reading.parent(it), ast.Raise)))
                numbers[it] = len(calls)
                in_loop, writes = reading.loop(it) is not None, target.endswith(_EXECUTES) and writes_rows(reading, it)
                row = Call(
                    target, reading.place(it), reading.awaited(it), in_loop, _certain(reading, it), writes, about(reading, it)
                )
                calls.append(row)
            starts.update(dict.fromkeys(side_by_side(reading, it)))
            work = given_to_thread(it)
            if work is not None and (target := reading.target(work)):
                threads[target] = None
        elif isinstance(it, ast.Return | ast.Yield) and it.value is not None:
            returns.append(reading.target(it.value))
            given.append(it.value)
            generator = generator or isinstance(it, ast.Yield)
            hands.add(dotted(it.value))
            if isinstance(it.value, ast.Tuple) and len(it.value.elts) > 1:
                status = number(it.value.elts[1])
                statuses += [(-1, status, False)] if status is not None else []
        elif isinstance(it, ast.ExceptHandler):
            catches = catches or it.type is None or dotted(it.type) in _EVERYTHING
        elif isinstance(it, ast.Assert):
            asserts = True
        else:
            asked = asked or asks(reading, it)
    said = kind(node.returns)
    told = set(returns) - {""}
    reached, results = flows(reading, node, numbers, given)
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    place = reading.place(node)
    return Def(
        qualname=reading.qualname(node),
        place=Place(place.path, place.line, place.column, place.end_line, place.end_column),
        is_async=isinstance(node, ast.AsyncFunctionDef),
        parameters=tuple((it.arg, annotation(it.annotation)) for it in arguments),
        decorators=tuple(_decorator(reading, it) for it in node.decorator_list),
        calls=tuple(calls),
        returns=said or (told.pop() if len(told) == 1 else ""),
        owner=reading.owner(node),
        is_generator=generator,
        optional=any(isinstance(it, ast.If | ast.Try | ast.match_case) for it in reading.ancestors(node)),
        flows=reached,
        results=results,
        asserts=asserts,
        gated=is_gated(reading, node),
        injected=tuple(_injected(reading, node)),
        gives=value_of(reading, node.returns) if node.returns is not None else None,
        result=_result(reading, node),
        step=step_facts(reading, node),
        defaults=tuple(_defaults(reading, node)),
        hands=hands.pop() if len(hands) == 1 else "",
        statuses=tuple(statuses),
        catches=catches,
        unread=tuple(_unread(node)) if node.decorator_list else (),
        asks=asked,
        threads=tuple(threads),
        needed=tuple(_needed(node)) if node.decorator_list else (),
        starts=tuple(starts),
        locks=taken(reading, node),
        keeps_open=generator and keeps_open(reading, node),
        reads=reads(reading, node),
    )


def _unread(node: Function) -> Iterator[str]:
    """The parameters that a function's body never looks at."""
    read = {it.id for statement in node.body for it in ast.walk(statement) if isinstance(it, ast.Name)}
    yield from (it.arg for it in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs) if it.arg not in read)


def _result(reading: Reading, node: Function) -> Value | None:
    """What a function returns whose body does nothing else, where a framework asks it: decorated methods, makers of fields."""
    body = node.body[1:] if isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant) else node.body
    told = body[0].value if len(body) == 1 and isinstance(body[0], ast.Return) else None
    if told is None:
        return None
    asked = bool(node.decorator_list) and bool(reading.owner(node))
    made = isinstance(told, ast.Call) and bool(_FIELDS.fullmatch(dotted(told.func).rpartition(".")[2]))
    made = made or (isinstance(told, ast.List) and any(is_holder(it) for it in told.elts))
    return value_of(reading, told) if asked or made else None


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
    return Decorator(value_of(reading, node), reading.place(node))


def _injected(reading: Reading, node: Function) -> Iterator[tuple[str, Value]]:
    """Parameters with the calls in their defaults and annotations: `Depends(...)`, `Query(...)`."""
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    defaults += [*arguments.defaults, *arguments.kw_defaults]
    for argument, default in zip([*positional, *arguments.kwonlyargs], defaults, strict=True):
        if isinstance(default, ast.Call):
            yield argument.arg, value_of(reading, default)
        said = argument.annotation
        if isinstance(said, ast.Subscript) and isinstance(said.slice, ast.Tuple) and dotted(said.value).endswith("Annotated"):
            yield from ((argument.arg, value_of(reading, it)) for it in said.slice.elts[1:] if isinstance(it, ast.Call))


def _needed(node: Function) -> Iterator[str]:
    """Parameters that have no default: none at all, or a call that says so, as `Query(...)` does."""
    positional = [*node.args.posonlyargs, *node.args.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(node.args.defaults))
    for it, default in zip(
        (*positional, *node.args.kwonlyargs), (*defaults, *node.args.defaults, *node.args.kw_defaults), strict=True
    ):
        first = default.args[0] if isinstance(default, ast.Call) and default.args else None
        says_none = isinstance(first, ast.Constant) and first.value is ...
        if isinstance(default, ast.Call) and not default.args:
            says_none = not any(it.arg is None or it.arg.startswith("default") for it in default.keywords)
        if default is None or says_none:
            yield it.arg


def _defaults(reading: Reading, node: Function) -> Iterator[tuple[str, Value]]:
    """Parameters with the strings, lists and names that are their defaults."""
    positional = [*node.args.posonlyargs, *node.args.args]
    given: list[tuple[ast.arg, ast.expr | None]] = [*zip(positional[::-1], node.args.defaults[::-1], strict=False)]
    for argument, default in (*given, *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)):
        if default is None:
            continue
        names = isinstance(default, ast.List | ast.Tuple | ast.BinOp | ast.JoinedStr | ast.Name | ast.Attribute)
        if names or literal(default) is not None:
            yield argument.arg, value_of(reading, default)


def _innermost(node: ast.expr) -> str:
    """The model of `list[Model]`, `Page[Model]`, `Model | None`: `Mapped[list[Order]]` speaks of `Order`, `A | B` of neither."""
    while True:
        if members := united(node):
            if len(members) > 1:
                return ""
            node = members[0]
        elif isinstance(node, ast.Subscript):
            inner = node.slice
            first = dotted(node.value).endswith("Annotated")
            node = inner.elts[0 if first else -1] if isinstance(inner, ast.Tuple) and inner.elts else inner
        else:
            return annotation(node)


def _class(reading: Reading, node: ast.ClassDef) -> ClassDef:
    fields: list[Field] = []
    for it in _statements(node.body):
        if isinstance(it, ast.AnnAssign) and isinstance(it.target, ast.Name):
            target = reading.target(it.value) if it.value is not None else ""
            said = _innermost(it.annotation)
            shape = None if dotted(it.annotation) else value_of(reading, it.annotation)
            fields.append(Field(it.target.id, said, target, reading.place(it), telling(reading, it.value), shape))
        elif isinstance(it, ast.Assign):
            for name in it.targets:
                if isinstance(name, ast.Name):
                    place = reading.place(it)
                    fields.append(Field(name.id, "", reading.target(it.value), place, telling(reading, it.value)))
    bases = tuple(filter(None, (_base(it) for it in node.bases)))
    return ClassDef(
        reading.qualname(node),
        reading.place(node),
        bases,
        tuple(fields),
        decorators=tuple(_decorator(reading, it) for it in node.decorator_list),
        keywords=tuple((it.arg, value_of(reading, it.value)) for it in node.keywords if it.arg),
    )


def _base(node: ast.expr) -> str:
    """The target of a base: `Base`, `Generic` of `Generic[T]`, `declarative_base()`."""
    if isinstance(node, ast.Call):
        name = dotted(node.func)
        return f"{name}()" if name else ""
    return dotted(node.value if isinstance(node, ast.Subscript) else node)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a class, those of its branches too."""
    for it in body:
        if isinstance(it, ast.If | ast.Try):
            yield from _statements([*it.body, *it.orelse])
        else:
            yield it


def _attributes(reading: Reading) -> Iterable[tuple[str, str, str]]:
    for function in reading.functions:
        owner = reading.owner(function)
        if not owner:
            continue
        kinds = {it.arg: kind(it.annotation) for it in (*function.args.args, *function.args.kwonlyargs)}
        for it in reading.within(function):
            if it.__class__ in _ASSIGNS and isinstance(it, ast.Assign | ast.AnnAssign):
                targets = it.targets if isinstance(it, ast.Assign) else [it.target]
                for target in targets:
                    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
                        value = kind(it.annotation) if isinstance(it, ast.AnnAssign) else ""
                        if not value and isinstance(it.value, ast.Name):
                            value = kinds.get(it.value.id, "")
                        value = value or (reading.target(it.value) if it.value is not None else "")
                        if value and not value.startswith("?"):
                            yield owner, target.attr, value
