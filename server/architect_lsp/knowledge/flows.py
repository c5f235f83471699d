"""Where a value comes from, within one unit: through assignments, string building, containers and calls that hand input on.

A pure function of a reading, so that facts may keep what it finds; what the project's own functions do with their arguments is
joined in `sources`. Order counts: an assignment that surely ran last hides the earlier ones, a branch that can't run is left out.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence

from msgspec.structs import replace

from architect_lsp.knowledge.annotations import is_number
from architect_lsp.knowledge.choices import decided
from architect_lsp.knowledge.definitions import (
    argument_of,
    comprehension_of,
    counted_by,
    definitions,
    is_local,
    last_name,
    listed,
    literal_of,
    of_key,
    picked_of,
    reaching,
    scopes,
)
from architect_lsp.knowledge.facts import SENT
from architect_lsp.knowledge.formatting import Between, Hole, cut, format_parts, has_percent, is_numeric, percent_parts
from architect_lsp.knowledge.guards import guards, guards_of_text, untouched
from architect_lsp.knowledge.origins import Origin, clean, of_part
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.sent import MAPPINGS, Sent, is_asked, is_inherited, keyed, sent
from architect_lsp.knowledge.shapes import ANYTHING
from architect_lsp.knowledge.transfers import (
    CLEAN,
    ESCAPES,
    HANDED_ON,
    MODULES,
    NUMBERS,
    OF_FILES,
    OF_OBJECTS,
    OPENED,
    STRING_METHODS,
    UNDOING,
)

_DEPTH = 24
"""How many expressions a value is followed through; longer chains end as unknown."""
_PIECES = 400
"""How many pieces one value may have."""
_TIMES = 3
"""How often the same part of the same value is followed; the ways to it differ by what checks stand there."""


def pieces(reading: Reading, node: ast.expr, fields: str = "", key: str = "") -> tuple[str | Origin, ...]:
    """A value taken apart, in order: literal text as str, everything else as its origins.

    `fields` are the attributes that lead to the part of it that counts, "sort.value"; `key` is that by which it is asked, "" the
    whole of it.
    """
    walk = _Walk(reading, node)
    if key:
        return tuple(keyed(walk.pieces(node, 0), key, ""))
    if not fields or not isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
        return tuple(walk.pieces(node, 0))
    head, _, rest = fields.partition(".")
    return tuple(keyed(walk.chain(node, f".{head}", 0), rest, "") if head in MAPPINGS else walk.chain(node, f".{fields}", 0))


def origins(reading: Reading, node: ast.expr) -> tuple[Origin, ...]:
    """Where a value comes from, each source once."""
    found = {(it.kind, it.name, it.through, it.part): it for it in pieces(reading, node) if isinstance(it, Origin)}
    return tuple(found.values())


class _Walk:
    """One search; `active` are the names being followed, so that loops end; `opened` is how often each was by the same way."""

    __slots__ = ("active", "left", "opened", "reading", "use")

    def __init__(self, reading: Reading, use: ast.expr) -> None:
        self.reading = reading
        self.use = use
        self.active: set[tuple[str, int]] = set()
        self.left = _PIECES
        self.opened: dict[tuple[int, str], int] = {}

    def pieces(self, node: ast.expr | None, depth: int) -> Iterator[str | Origin]:
        self.left -= 1
        if node is None:
            return
        if depth > _DEPTH or self.left < 0:
            yield Origin("unknown", "", node)
        elif isinstance(node, ast.Constant):
            yield node.value if isinstance(node.value, str) else str(node.value)
        elif isinstance(node, ast.FormattedValue):
            yield from clean(node.value, "format") if is_numeric(node.format_spec) else self.pieces(node.value, depth + 1)
        elif isinstance(node, ast.BinOp):
            yield from self._operation(node, depth)
        elif isinstance(node, ast.BoolOp):
            yield from self._either(node.values, depth)
        elif isinstance(node, ast.JoinedStr | ast.Dict | ast.List | ast.Tuple | ast.Set):
            for value in node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else node.values:
                yield from self.pieces(value, depth + 1)
        elif isinstance(node, ast.Compare | ast.UnaryOp):
            yield from clean(node, "comparison")
        elif isinstance(node, ast.IfExp):
            truth = decided(self.reading, node.test)
            kept = ((node.body, truth is not False), (node.orelse, truth is not True))
            yield from self._either([value for value, is_kept in kept if is_kept], depth)
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            yield from self.pieces(node.elt, depth + 1)
        elif isinstance(node, ast.DictComp | ast.Starred | ast.Await | ast.NamedExpr):
            yield from self.pieces(node.value, depth + 1)
        elif isinstance(node, ast.Call | ast.Subscript):
            found = self._call(node, depth) if isinstance(node, ast.Call) else self.chain(node, "", depth)
            found = cut(found) if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) else found
            yield from self._past(guards_of_text(self.reading, node), node, "guard", found)
        elif isinstance(node, ast.Name | ast.Attribute):
            yield from self.chain(node, "", depth)
        else:
            yield Origin("unknown", "", node)

    def _either(self, values: Sequence[ast.expr], depth: int) -> Iterator[str | Origin]:
        """The pieces of one of several values, none of which stands behind another."""
        between = Between(self.left) if any(not isinstance(it, ast.Constant) for it in values[1:]) else None
        for value in values:
            if between is not None:
                yield between
            yield from self.pieces(value, depth + 1)

    def _operation(self, node: ast.BinOp, depth: int) -> Iterator[str | Origin]:
        if isinstance(node.op, ast.Add | ast.BitOr | ast.Div):  # dict | dict, Path / str
            yield from self.pieces(node.left, depth + 1)
            yield from self.pieces(node.right, depth + 1)
        elif isinstance(node.op, ast.Mod):
            yield from self._percent(node, depth)
        elif isinstance(node.op, ast.Mult):
            side = node.right if isinstance(node.left, ast.Constant) and isinstance(node.left.value, int) else node.left
            yield from self.pieces(side, depth + 1)
        else:
            yield from clean(node, "arithmetic")

    def _percent(self, node: ast.BinOp, depth: int) -> Iterator[str | Origin]:
        left = tuple(self.pieces(node.left, depth + 1))
        text = "".join(it for it in left if isinstance(it, str))
        if any(isinstance(it, Origin) for it in left) or not has_percent(text):
            yield from left
            yield from self.pieces(node.right, depth + 1)
            return
        yield from self._filled(percent_parts(text, node.right), depth)

    def _filled(self, found: Iterable[str | Hole], depth: int) -> Iterator[str | Origin]:
        for it in found:
            if isinstance(it, str):
                yield it
            elif it.is_number:
                yield from clean(it.value, "format")
            else:
                yield from self.pieces(it.value, depth + 1)

    def _call(self, node: ast.Call, depth: int) -> Iterator[str | Origin]:
        function = node.func
        form = sent(self.reading, node, "")
        name = function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
        if form is not None:
            yield from self._sent(form, depth)
        elif name == "map" and len(node.args) > 1 and isinstance(function, ast.Name):
            mapped = dotted(node.args[0]).rpartition(".")[2]
            yield from (
                clean(node, mapped)
                if mapped in NUMBERS or CLEAN.search(mapped) or ESCAPES.search(mapped)
                else self.pieces(node.args[1], depth + 1)
            )
        elif (name in NUMBERS and isinstance(function, ast.Name)) or CLEAN.search(name):
            yield from clean(node, name)
        elif ESCAPES.search(name) and not is_inherited(function):
            yield from self._escaped(node, name, depth)
        elif isinstance(function, ast.Attribute) and name == "format":
            yield from self._format(node, function.value, depth)
        elif isinstance(function, ast.Attribute) and name in ("join", "joinpath") and node.args:
            yield from self._join(node, function.value, depth)
        elif name in ("get", "getlist") and any(it.arg == "type" and dotted(it.value) in NUMBERS for it in node.keywords):
            yield from clean(node, name)  # a field of a request, parsed
        elif isinstance(function, ast.Attribute) and name == "replace" and not node.keywords:
            yield from self.pieces(function.value, depth + 1)
            if len(node.args) > 1:
                yield from (it for it in self.pieces(node.args[1], depth + 1) if isinstance(it, Origin))
        elif isinstance(function, ast.Attribute) and name in STRING_METHODS and dotted(function.value) in MODULES:
            for value in node.args:
                yield from self.pieces(value, depth + 1)
        elif isinstance(function, ast.Attribute) and name in STRING_METHODS:
            yield from self.pieces(function.value, depth + 1)
        elif isinstance(function, ast.Attribute) and name in ("get", "pop", "getlist") and is_local(self.reading, function.value):
            yield from self._item(function.value, tuple(literal_of(it) for it in node.args), "", depth)
        elif name in HANDED_ON and (node.args or node.keywords):
            for value in (*node.args, *(it.value for it in node.keywords)):
                yield from self._handed_on(value, depth, undone=name in UNDOING)
        elif isinstance(function, ast.Name) and self._is_lambda(function):
            for value in node.args:
                yield from self.pieces(value, depth + 1)
        else:
            yield from self.chain(node, "", depth)

    def _sent(self, form: Sent, depth: int) -> Iterator[str | Origin]:
        """What a form was given, as what it checked."""
        for value in form.given:
            for it in self.pieces(value, depth + 1):
                if isinstance(it, Origin):
                    yield replace(it, through=(*it.through, form.mark)) if form.mark else it

    def _handed_on(self, value: ast.expr, depth: int, *, undone: bool) -> Iterator[str | Origin]:
        for it in self.pieces(value, depth + 1):
            kept = tuple(by for by in it.through if by.startswith((ANYTHING, SENT))) if isinstance(it, Origin) else ()
            yield replace(it, through=kept) if undone and isinstance(it, Origin) else it

    def _is_lambda(self, node: ast.Name) -> bool:
        each = (definitions(self.reading, it) for it in scopes(self.reading, node))
        rows = next((it[node.id] for it in each if node.id in it), ())
        return any(isinstance(it.value, ast.Lambda) and not isinstance(it.value.body, ast.Constant) for it in rows)

    def _escaped(self, node: ast.Call, name: str, depth: int) -> Iterator[Origin]:
        by = self.reading.target(node.func) or name
        given = [*node.args, *(it.value for it in node.keywords)]
        if not given and isinstance(node.func, ast.Attribute) and name not in OPENED:
            given = [node.func.value]
        found = [it for value in given for it in self.pieces(value, depth + 1) if isinstance(it, Origin)]
        yield from (it if it.kind == "checked" else replace(it, through=(*it.through, by)) for it in found)
        if not found and name not in OPENED:  # an empty buffer is no value yet
            yield from clean(node, name)

    def _format(self, node: ast.Call, receiver: ast.expr, depth: int) -> Iterator[str | Origin]:
        before = tuple(self.pieces(receiver, depth + 1))
        text = "".join(it for it in before if isinstance(it, str))
        found = format_parts(text, node)
        if found is None or any(isinstance(it, Origin) for it in before):
            yield from before
            for value in (*node.args, *(it.value for it in node.keywords)):
                yield from self.pieces(value, depth + 1)
        else:
            yield from self._filled(found, depth)

    def _join(self, node: ast.Call, receiver: ast.expr, depth: int) -> Iterator[str | Origin]:
        is_path = isinstance(node.func, ast.Attribute) and node.func.attr == "joinpath"
        if is_path or dotted(receiver).rpartition(".")[2] == "path":  # os.path.join
            for value in (receiver, *node.args) if is_path else node.args:
                yield from self.pieces(value, depth + 1)
            return
        between = "".join(it for it in self.pieces(receiver, depth + 1) if isinstance(it, str))
        elements = node.args[0].elts if isinstance(node.args[0], ast.List | ast.Tuple) else [node.args[0]]
        for index, it in enumerate(elements):
            if index:
                yield between
            yield from self.pieces(it, depth + 1)

    def chain(self, node: ast.expr, suffix: str, depth: int) -> Iterator[str | Origin]:
        """A name, attribute, subscript or call; `suffix` is the way already gone from it to the value."""
        if depth > _DEPTH:
            yield Origin("unknown", "", node)
        elif isinstance(node, ast.Attribute):
            written = dotted(node)
            if written and any(written in definitions(self.reading, it) for it in scopes(self.reading, node)):
                yield from self._named(node, written, suffix, depth)
            else:
                checks = guards(self.reading, node, written) if written else ()
                yield from self._past(checks, node, written, self.chain(node.value, f".{node.attr}{suffix}", depth + 1))
        elif suffix and OF_FILES.match(suffix):
            yield Origin("unknown", "", node)  # what a file says, not where it lies
        elif isinstance(node, ast.Call) and suffix and last_name(node.func) in OPENED and node.args:
            by = ("os.path.basename",) if suffix in (".name", ".stem", ".suffix") else ()
            found = (it for value in node.args for it in self.pieces(value, depth + 1) if isinstance(it, Origin))
            yield from (replace(it, through=it.through + by) for it in found)
        elif isinstance(node, ast.Call) and (form := sent(self.reading, node, suffix)) is not None:
            yield from self._sent(form, depth)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_asked(node):
            yield from keyed(self.chain(node.func.value, suffix, depth + 1), literal_of(node.args[0]), suffix)
        elif isinstance(node, ast.Call):
            for it in self.chain(node.func, f"(){suffix}", depth + 1):
                yield replace(it, call=node) if isinstance(it, Origin) and it.kind == "call" else it
        elif isinstance(node, ast.Subscript):
            picked = picked_of(node)
            if picked is not None:
                yield from self._suffixed(picked, suffix, depth)
            elif is_local(self.reading, node.value):
                yield from self._item(node.value, (literal_of(node.slice),), suffix, depth)
            elif suffix or not isinstance(node.value, ast.Call):
                yield from keyed(self.chain(node.value, suffix, depth + 1), literal_of(node.slice), suffix)
            else:
                yield from keyed(self.pieces(node.value, depth + 1), literal_of(node.slice), "")
        elif isinstance(node, ast.Name):
            yield from self._named(node, node.id, suffix, depth)
        else:
            for it in self.pieces(node, depth + 1):
                if isinstance(it, Origin):
                    yield replace(it, name=it.name + suffix) if it.name else it
                elif not suffix:
                    yield it

    def _named(self, node: ast.Name | ast.Attribute, name: str, suffix: str, depth: int) -> Iterator[str | Origin]:
        reading = self.reading
        function = reading.function(node)
        told = untouched(reading, node, name) if reading.function(self.use) is function else False
        if isinstance(told, ast.arg):
            yield from self._parameter(node, function, told, suffix)
            return
        if told:
            yield Origin("call" if "()" in suffix else "name", name + suffix, node)
            return
        checks = {*guards(reading, node, name), *(guards(reading, self.use, name) if node is not self.use else ())}
        yield from self._past(checks, node, name, self._unguarded(node, name, suffix, depth))

    def _unguarded(self, node: ast.Name | ast.Attribute, name: str, suffix: str, depth: int) -> Iterator[str | Origin]:
        reading = self.reading
        loop = comprehension_of(reading, node, name)
        if loop is not None:
            is_count = (counted := counted_by(loop.target, loop.iter)) is not None and dotted(counted[0]) == name
            yield from clean(node, "enumerate") if is_count else self._suffixed(loop.iter, suffix, depth)
            return
        for scope in scopes(self.reading, node):
            if name in definitions(reading, scope):
                yield from self._defined(node, name, scope, suffix, depth)
                return
            argument = argument_of(scope, name)
            if argument is not None:
                yield from self._parameter(node, scope, argument, suffix)
                return
        yield Origin("call" if "()" in suffix else "name", name + suffix, node)

    def _defined(
        self, node: ast.Name | ast.Attribute, name: str, scope: ast.AST | None, suffix: str, depth: int
    ) -> Iterator[str | Origin]:
        found, covered = reaching(self.reading, node, name, scope)
        argument = argument_of(scope, name)
        if argument is not None and not covered:
            checks = guards(self.reading, node, name, argument)
            yield from self._past(checks, node, name, self._parameter(node, scope, argument, suffix))
        elif not found and argument is None:
            yield Origin("call" if "()" in suffix else "name", name + suffix, node)
        between = Between(self.left) if sum(it.how in ("set", "each") for it in found) > 1 else None
        for it in found:
            key = (name, id(it))
            if key in self.active or it.how == "pop" or (it.how in ("add", "item") and OF_OBJECTS.fullmatch(suffix)):
                continue
            if suffix:  # `q = q.filter(x)` in twenty branches: each may have run or not, which is a million ways
                n_opened = self.opened[id(it), suffix] = self.opened.get((id(it), suffix), 0) + 1
                if n_opened > _TIMES:
                    continue
            self.active.add(key)
            if between is not None and it.how == "set":
                yield between
            checks = guards(self.reading, node, name, it.node)
            yield from self._past(checks, node, name, of_part(self._suffixed(it.value, suffix, depth, node), it))
            self.active.discard(key)

    def _past(self, checks: Collection[str], node: ast.expr, name: str, found: Iterator[str | Origin]) -> Iterator[str | Origin]:
        """What is left of a value that these checks stand before."""
        if ANYTHING in checks:
            yield Origin("checked", name, node)
        elif checks:
            through = tuple(sorted(checks))
            yield from (replace(it, through=(*it.through, *through)) if isinstance(it, Origin) else it for it in found)
        else:
            yield from found

    def _suffixed(self, value: ast.expr | None, suffix: str, depth: int, node: ast.AST | None = None) -> Iterator[str | Origin]:
        if value is None:
            yield Origin("unknown", "", node or ast.Pass())
        elif suffix:
            yield from self.chain(value, suffix, depth + 1)
        else:
            yield from self.pieces(value, depth + 1)

    def _parameter(self, node: ast.AST, scope: ast.AST | None, argument: ast.arg, suffix: str) -> Iterator[str | Origin]:
        if argument.arg in ("self", "cls") and isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Origin("call" if "()" in suffix else "name", argument.arg + suffix, node)
        elif is_number(argument.annotation):
            yield Origin("checked", argument.arg, node)
        else:
            yield Origin("parameter", argument.arg + suffix, node)

    def _item(self, base: ast.expr, key: tuple[object, ...], suffix: str, depth: int) -> Iterator[str | Origin]:
        """What `base[key]` holds, as far as the literal keys of a local container tell; else all that it holds."""
        reading = self.reading
        name = dotted(base)
        scope = next((it for it in scopes(self.reading, base) if name in definitions(reading, it)), None)
        found, covered = reaching(reading, base, name, scope)
        element = listed(found, key) if covered else None
        if element is not None:
            yield from self._suffixed(element, suffix, depth)
            return
        kept = of_key(found, key)
        if kept is None or not covered:
            yield from keyed(self.chain(base, suffix, depth + 1), key[0] if key else None, suffix)
            return
        for it in kept:
            yield from self._suffixed(it, suffix, depth)
