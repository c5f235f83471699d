"""Where a value comes from, within one unit: through assignments, string building, containers and calls that hand input on.

A pure function of a reading, so that facts may keep what it finds; what the project's own functions do with their arguments is
joined in `sources`. Order counts: an assignment that surely ran last hides the earlier ones, a branch that can't run is left out.
"""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from architect_lsp.knowledge.choices import dead, decided, known
from architect_lsp.knowledge.reading import Function, Reading, dotted

_DEPTH = 24
"""How many expressions a value is followed through; longer chains end as unknown."""
_PIECES = 400
"""How many pieces one value may have."""

_NUMBERS = ("int", "float", "bool", "len", "ord", "hash", "abs", "round", "sum", "range", "isinstance", "id", "complex")
_CLEAN = re.compile(
    r"(?:^|_)(?:quote\w*|escape\w*|sanit\w+|slugify|secure_filename|whitelist\w*|allowlist\w*|identifier|mogrify|uuid\d?|UUID"
    r"|hexdigest|md5|sha\d+|Identifier|Literal|literal_column|validate\w*|normalize_identifier)$"
)
_STRING_METHODS = frozenset(
    [
        "strip",
        "lstrip",
        "rstrip",
        "lower",
        "upper",
        "title",
        "capitalize",
        "casefold",
        "swapcase",
        "encode",
        "decode",
        "split",
        "rsplit",
        "splitlines",
        "partition",
        "rpartition",
        "removeprefix",
        "removesuffix",
        "expandtabs",
        "zfill",
        "center",
        "ljust",
        "rjust",
        "format_map",
        "translate",
        "copy",
        "items",
        "values",
        "keys",
        "getvalue",
        "read_text",
        "tolist",
    ]
)
_HANDED_ON = frozenset(
    [
        "str",
        "repr",
        "bytes",
        "bytearray",
        "list",
        "tuple",
        "set",
        "frozenset",
        "dict",
        "sorted",
        "reversed",
        "iter",
        "next",
        "zip",
        "enumerate",
        "cast",
        "loads",
        "load_json",
        "dumps",
        "dedent",
        "unquote",
        "unquote_plus",
        "b64decode",
        "b64encode",
        "urlsafe_b64decode",
        "deepcopy",
        "copy",
        "text",
        "Path",
        "fspath",
        "fsdecode",
        "normpath",
        "abspath",
        "realpath",
        "expanduser",
        "Markup",
        "chain",
        "first",
        "TextClause",
        "min",
        "max",
    ]
)
_ACCESS = re.compile(r"\.(?:get|pop|items|values|keys|getlist|get_json|json|read|body|dict|model_dump|decode|strip|first)\(\)")
"""Calls that give a part of what they are called on."""
_MUTATORS = frozenset(["append", "extend", "add", "insert", "update", "appendleft", "write", "writelines", "put", "setdefault"])
_CHECKS = re.compile(r"^(?:isdigit|isdecimal|isnumeric|isalnum|isalpha|isidentifier|match|fullmatch|is_relative_to)$")
_CHECKERS = re.compile(
    r"(?:^|_)(?:valid\w*|check\w*|ensure\w*|verif\w+|assert\w*|allowed|is_safe\w*|safe|permitted|authori[sz]e\w*|guard)"
)
_EXITS = ("abort", "exit", "_exit", "fail", "error", "bad_request", "skip")
_ANNOTATED_NUMBERS = ("int", "float", "bool", "Decimal", "UUID", "date", "datetime", "timedelta", "Literal", "Enum", "IntEnum")
_LISTS = ("List", "list", "Sequence", "Iterable", "Collection", "set", "Set", "tuple", "Tuple")
_OF_NUMBERS = re.compile(r"\[(?:int|float|bool|UUID)\b")
_PERCENT = re.compile(r"%(?:\((?P<key>\w+)\))?[-+ #0-9.*]*(?P<kind>[diouxXeEfFgGcrsa%])")
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True)
class Origin:
    """One source of a value; `node` is the expression where it enters.

    `kind` is "parameter", "call" (the result of one), "name" (of the module, or an attribute of `self`), "checked" (a number, or
    a value that a sanitiser or a guard vouches for) or "unknown". `name` is the dotted way from the source to the value with
    `()` after what is called: `response.content.text` of a local `response = client.send(x)` is `client.send().content.text`.
    """

    kind: str
    name: str
    node: ast.AST


@dataclass(frozen=True, slots=True)
class Definition:
    """One statement that gives a name its value. `how` is "set", "each" (a loop's turn), "add", "item" or "pop"."""

    how: str
    value: ast.expr | None
    node: ast.AST
    key: tuple[object, ...] | None = None


def pieces(reading: Reading, node: ast.expr) -> tuple[str | Origin, ...]:
    """A value taken apart, in order: literal text as str, everything else as its origins."""
    return tuple(_Walk(reading).pieces(node, 0))


def origins(reading: Reading, node: ast.expr) -> tuple[Origin, ...]:
    """Where a value comes from, each source once."""
    found = {(it.kind, it.name): it for it in pieces(reading, node) if isinstance(it, Origin)}
    return tuple(found.values())


def parameters(reading: Reading, node: ast.expr) -> tuple[str, ...]:
    """The parameters of the function around `node` whose own value (or part of it) reaches `node` unchecked."""
    return tuple(dict.fromkeys(it.name.partition(".")[0] for it in origins(reading, node) if is_own(it)))


def is_own(origin: Origin) -> bool:
    """Whether the value is a parameter's own, or part of it, rather than what some call on it gave."""
    return origin.kind == "parameter" and "()" not in _ACCESS.sub("", origin.name)


def definitions(reading: Reading, function: ast.AST | None) -> dict[str, list[Definition]]:
    """What gives each name of `function` (None: the unit's top) its value, in source order."""
    memo: dict[object, dict[str, list[Definition]]] = reading.memo.setdefault("definitions", {})
    if function not in memo:
        memo[function] = _collected(reading, function)
    return memo[function]


class _Walk:
    """One search; `active` are the names being followed, so that loops end."""

    __slots__ = ("active", "left", "reading")

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.active: set[tuple[str, int]] = set()
        self.left = _PIECES

    def pieces(self, node: ast.expr | None, depth: int) -> Iterator[str | Origin]:
        self.left -= 1
        if node is None:
            return
        if depth > _DEPTH or self.left < 0:
            yield Origin("unknown", "", node)
        elif isinstance(node, ast.Constant):
            yield node.value if isinstance(node.value, str) else str(node.value)
        elif isinstance(node, ast.JoinedStr):
            for part in node.values:
                yield from self.pieces(part, depth + 1)
        elif isinstance(node, ast.FormattedValue):
            yield from _clean(node.value, "format") if _is_numeric(node.format_spec) else self.pieces(node.value, depth + 1)
        elif isinstance(node, ast.BinOp):
            yield from self._operation(node, depth)
        elif isinstance(node, ast.BoolOp):
            for value in node.values:
                yield from self.pieces(value, depth + 1)
        elif isinstance(node, ast.Compare | ast.UnaryOp):
            yield from _clean(node, "comparison")
        elif isinstance(node, ast.IfExp):
            truth = decided(self.reading, node.test)
            for value, kept in ((node.body, truth is not False), (node.orelse, truth is not True)):
                if kept:
                    yield from self.pieces(value, depth + 1)
        elif isinstance(node, ast.List | ast.Tuple | ast.Set):
            for value in node.elts:
                yield from self.pieces(value, depth + 1)
        elif isinstance(node, ast.Dict):
            for value in node.values:
                yield from self.pieces(value, depth + 1)
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            yield from self.pieces(node.elt, depth + 1)
        elif isinstance(node, ast.DictComp | ast.Starred | ast.Await | ast.NamedExpr):
            yield from self.pieces(node.value, depth + 1)
        elif isinstance(node, ast.Call):
            yield from self._call(node, depth)
        elif isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            yield from self._chain(node, "", depth)
        else:
            yield Origin("unknown", "", node)

    def _operation(self, node: ast.BinOp, depth: int) -> Iterator[str | Origin]:
        if isinstance(node.op, ast.Add):
            yield from self.pieces(node.left, depth + 1)
            yield from self.pieces(node.right, depth + 1)
        elif isinstance(node.op, ast.Mod):
            yield from self._percent(node, depth)
        elif isinstance(node.op, ast.Mult):
            side = node.right if isinstance(node.left, ast.Constant) and isinstance(node.left.value, int) else node.left
            yield from self.pieces(side, depth + 1)
        elif isinstance(node.op, ast.BitOr | ast.Div):  # dict | dict, Path / str
            yield from self.pieces(node.left, depth + 1)
            yield from self.pieces(node.right, depth + 1)
        else:
            yield from _clean(node, "arithmetic")

    def _percent(self, node: ast.BinOp, depth: int) -> Iterator[str | Origin]:
        left = tuple(self.pieces(node.left, depth + 1))
        text = "".join(it for it in left if isinstance(it, str))
        values = list(node.right.elts) if isinstance(node.right, ast.Tuple) else [node.right]
        if any(isinstance(it, Origin) for it in left) or not _PERCENT.search(text):
            yield from left
            yield from self.pieces(node.right, depth + 1)
            return
        named = {}
        if isinstance(node.right, ast.Dict):
            named = {
                it.value: value
                for it, value in zip(node.right.keys, node.right.values, strict=True)
                if isinstance(it, ast.Constant)
            }
        at = 0
        for hole in _PERCENT.finditer(text):
            yield text[at : hole.start()]
            at = hole.end()
            if hole["kind"] == "%":
                yield "%"
                continue
            value = named.get(hole["key"], node.right) if hole["key"] else (values.pop(0) if values else None)
            if value is not None:
                yield from _clean(value, "format") if hole["kind"] in "diouxXeEfFgG" else self.pieces(value, depth + 1)
        yield text[at:]

    def _call(self, node: ast.Call, depth: int) -> Iterator[str | Origin]:
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
        first = node.args[0] if node.args else None
        if name == "map" and len(node.args) > 1 and isinstance(function, ast.Name):
            mapped = dotted(first).rpartition(".")[2]
            yield from (
                _clean(node, mapped) if mapped in _NUMBERS or _CLEAN.search(mapped) else self.pieces(node.args[1], depth + 1)
            )
        elif (name in _NUMBERS and isinstance(function, ast.Name)) or _CLEAN.search(name):
            yield from _clean(node, name)
        elif isinstance(function, ast.Attribute) and name == "format":
            yield from self._format(node, function.value, depth)
        elif isinstance(function, ast.Attribute) and name == "join" and first is not None:
            yield from self._join(node, function.value, depth)
        elif isinstance(function, ast.Attribute) and name == "replace" and not node.keywords:
            yield from self.pieces(function.value, depth + 1)
            if len(node.args) > 1:
                yield from (it for it in self.pieces(node.args[1], depth + 1) if isinstance(it, Origin))
        elif isinstance(function, ast.Attribute) and name in _STRING_METHODS:
            yield from self.pieces(function.value, depth + 1)
        elif isinstance(function, ast.Attribute) and name in ("get", "pop", "getlist") and self._is_local(function.value):
            yield from self._item(function.value, tuple(_literal(it) for it in node.args), "", depth)
        elif name in _HANDED_ON and (node.args or node.keywords):
            for value in (*node.args, *(it.value for it in node.keywords)):
                yield from self.pieces(value, depth + 1)
        else:
            yield from self._chain(node, "", depth)

    def _format(self, node: ast.Call, receiver: ast.expr, depth: int) -> Iterator[str | Origin]:
        before = tuple(self.pieces(receiver, depth + 1))
        text = "".join(it for it in before if isinstance(it, str))
        arguments: dict[str, ast.expr] = {it.arg: it.value for it in node.keywords if it.arg}
        arguments.update({str(index): it for index, it in enumerate(node.args)})
        try:
            fields = list(string.Formatter().parse(text))
        except ValueError:
            fields = []
        if not fields or any(isinstance(it, Origin) for it in before):
            yield from before
            for value in (*node.args, *(it.value for it in node.keywords)):
                yield from self.pieces(value, depth + 1)
            return
        number = 0
        for literal, field, spec, _ in fields:
            yield literal
            if field is None:
                continue
            key = re.split(r"[.\[]", field)[0]
            if not key:
                key, number = str(number), number + 1
            given = arguments.get(key)
            if given is None:
                for it in node.keywords:
                    if it.arg is None:
                        yield from self.pieces(it.value, depth + 1)
            else:
                yield from _clean(given, "format") if spec and spec[-1] in "dfxXeg" else self.pieces(given, depth + 1)

    def _join(self, node: ast.Call, receiver: ast.expr, depth: int) -> Iterator[str | Origin]:
        if dotted(receiver).rpartition(".")[2] == "path":  # os.path.join
            for value in node.args:
                yield from self.pieces(value, depth + 1)
            return
        between = "".join(it for it in self.pieces(receiver, depth + 1) if isinstance(it, str))
        elements = node.args[0].elts if isinstance(node.args[0], ast.List | ast.Tuple) else [node.args[0]]
        for index, it in enumerate(elements):
            if index:
                yield between
            yield from self.pieces(it, depth + 1)

    def _chain(self, node: ast.expr, suffix: str, depth: int) -> Iterator[str | Origin]:
        """A name, attribute, subscript or call; `suffix` is the way already gone from it to the value."""
        if depth > _DEPTH:
            yield Origin("unknown", "", node)
        elif isinstance(node, ast.Attribute):
            written = dotted(node)
            if written and any(written in definitions(self.reading, it) for it in self._scopes(node)):
                yield from self._named(node, written, suffix, depth)
            else:
                yield from self._chain(node.value, f".{node.attr}{suffix}", depth + 1)
        elif isinstance(node, ast.Call):
            yield from self._chain(node.func, f"(){suffix}", depth + 1)
        elif isinstance(node, ast.Subscript):
            if self._is_local(node.value):
                yield from self._item(node.value, (_literal(node.slice),), suffix, depth)
            else:
                yield from self._chain(node.value, suffix, depth + 1)
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
        if _is_guarded(reading, node, name):
            yield Origin("checked", name, node)
            return
        loop = _comprehension(reading, node, name)
        if loop is not None:
            yield from self._suffixed(loop.iter, suffix, depth)
            return
        for scope in self._scopes(node):
            if name in definitions(reading, scope):
                yield from self._defined(node, name, scope, suffix, depth)
                return
            argument = _argument(scope, name)
            if argument is not None:
                yield from self._parameter(node, scope, argument, suffix)
                return
        yield Origin("call" if "()" in suffix else "name", name + suffix, node)

    def _defined(
        self, node: ast.Name | ast.Attribute, name: str, scope: ast.AST | None, suffix: str, depth: int
    ) -> Iterator[str | Origin]:
        found, covered = reaching(self.reading, node, name, scope)
        argument = _argument(scope, name)
        if argument is not None and not covered:
            yield from self._parameter(node, scope, argument, suffix)
        elif not found and argument is None:
            yield Origin("call" if "()" in suffix else "name", name + suffix, node)
        separate = sum(it.how in ("set", "each") for it in found) > 1
        for it in found:
            key = (name, id(it))
            if key in self.active or it.how == "pop":
                continue
            self.active.add(key)
            if separate and it.how == "set":
                yield "\n;\n"
            yield from self._suffixed(it.value, suffix, depth, node)
            self.active.discard(key)

    def _suffixed(self, value: ast.expr | None, suffix: str, depth: int, node: ast.AST | None = None) -> Iterator[str | Origin]:
        if value is None:
            yield Origin("unknown", "", node or ast.Pass())
        elif suffix:
            yield from self._chain(value, suffix, depth + 1)
        else:
            yield from self.pieces(value, depth + 1)

    def _parameter(self, node: ast.AST, scope: ast.AST | None, argument: ast.arg, suffix: str) -> Iterator[str | Origin]:
        said = self.reading.annotation(argument.annotation).rpartition(".")[2]
        if argument.arg in ("self", "cls") and isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Origin("call" if "()" in suffix else "name", argument.arg + suffix, node)
        elif said in _ANNOTATED_NUMBERS or (said in _LISTS and _OF_NUMBERS.search(ast.unparse(argument.annotation or node))):
            yield Origin("checked", argument.arg, node)
        else:
            yield Origin("parameter", argument.arg + suffix, node)

    def _item(self, base: ast.expr, key: tuple[object, ...], suffix: str, depth: int) -> Iterator[str | Origin]:
        """What `base[key]` holds, as far as the literal keys of a local container tell; else all that it holds."""
        reading = self.reading
        name = dotted(base)
        scope = next((it for it in self._scopes(base) if name in definitions(reading, it)), None)
        found, covered = reaching(reading, base, name, scope)
        element = _listed(found, key) if covered else None
        if element is not None:
            yield from self._suffixed(element, suffix, depth)
            return
        kept = _of_key(found, key)
        if kept is None or not covered:
            yield from self._chain(base, suffix, depth + 1)
            return
        for it in kept:
            yield from self._suffixed(it, suffix, depth)

    def _is_local(self, node: ast.expr) -> bool:
        name = dotted(node)
        return bool(name) and any(name in definitions(self.reading, it) for it in self._scopes(node))

    def _scopes(self, node: ast.AST) -> Iterator[ast.AST | None]:
        function = self.reading.function(node)
        while function is not None:
            yield function
            function = self.reading.function(function)
        yield None


def reaching(reading: Reading, use: ast.AST, name: str, scope: ast.AST | None) -> tuple[list[Definition], bool]:
    """The definitions of `name` that may hold at `use`, in order, and whether one of them surely ran."""
    found: list[Definition] = []
    later: list[Definition] = []
    covered = False
    nested = reading.function(use) is not scope
    loops = [it for it in reading.ancestors(use) if isinstance(it, ast.For | ast.AsyncFor | ast.While)]
    at = _position(use)
    for it in definitions(reading, scope).get(name, ()):
        if dead(reading, it.node):
            continue
        if nested or _end(it) <= at:
            if not nested and _are_exclusive(reading, it.node, use):
                continue
            if it.how in ("set", "each") and (nested or _dominates(reading, it.node, use)):
                covered = True
                found = [] if not nested else found
            found.append(it)
        elif any(loop in reading.ancestors(it.node) for loop in loops) and use not in reading_nodes(it):
            later.append(it)
    if covered and later and any(it.how == "set" for it in found):
        inner = [it for it in found if any(loop in reading.ancestors(it.node) for loop in loops)]
        later = [] if any(it.how == "set" and _dominates(reading, it.node, use) for it in inner) else later
    return found + later, covered


def reading_nodes(definition: Definition) -> set[ast.AST]:
    """Every node of what a definition is set to."""
    return set(ast.walk(definition.value)) if definition.value is not None else set()


def _collected(reading: Reading, function: ast.AST | None) -> dict[str, list[Definition]]:
    found: dict[str, list[Definition]] = {}
    if isinstance(function, ast.Lambda):
        return found
    if function is None and reading.unit.kind != "module":
        return found
    for node in reading.within(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                _define(target, node.value, "set", node, found)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            _define(node.target, node.value, "set", node, found)
        elif isinstance(node, ast.AugAssign):
            _define(node.target, node.value, "add", node, found)
        elif isinstance(node, ast.NamedExpr):
            _define(node.target, node.value, "set", node, found)
        elif isinstance(node, ast.For | ast.AsyncFor):
            _define(node.target, node.iter, "each", node, found)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            _define(node.optional_vars, node.context_expr, "set", reading.parent(node) or node, found)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.setdefault(node.name, []).append(Definition("set", None, node))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            _mutated(node, node.func, found)
    changed = ("add", "item", "pop")
    return {name: rows for name, rows in found.items() if any(it.how not in changed for it in rows) or _argument(function, name)}


def _define(target: ast.expr, value: ast.expr, how: str, node: ast.AST, found: dict[str, list[Definition]]) -> None:
    if isinstance(target, ast.Tuple | ast.List):
        together = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts) and how == "set"
        for index, it in enumerate(target.elts):
            inner = it.value if isinstance(it, ast.Starred) else it
            _define(inner, value.elts[index] if together else value, how, node, found)  # type: ignore[attr-defined]
    elif isinstance(target, ast.Subscript):
        name = dotted(target.value)
        if name:
            found.setdefault(name, []).append(Definition("item", value, node, (_literal(target.slice),)))
    else:
        name = dotted(target)
        if name:
            found.setdefault(name, []).append(Definition(how, value, node))


def _mutated(call: ast.Call, function: ast.Attribute, found: dict[str, list[Definition]]) -> None:
    name = dotted(function.value)
    if not name or not call.args:
        return
    if function.attr in _MUTATORS:
        found.setdefault(name, []).append(Definition("add", call.args[-1], call))
    elif function.attr == "set" and len(call.args) > 1:
        key = tuple(_literal(it) for it in call.args[:-1])
        found.setdefault(name, []).append(Definition("item", call.args[-1], call, key))
    elif function.attr == "pop":
        found.setdefault(name, []).append(Definition("pop", None, call, (_literal(call.args[0]),)))


def _listed(found: Sequence[Definition], key: tuple[object, ...]) -> ast.expr | None:
    """The element of a list that was written out, appended to and popped from before; None when that can't be told."""
    at = key[0] if len(key) == 1 else None
    if not found or not isinstance(at, int) or isinstance(at, bool) or not isinstance(found[0].value, ast.List):
        return None
    held = list(found[0].value.elts)
    for it in found[1:]:
        if it.how == "add" and isinstance(it.node, ast.Call) and it.value is not None and it.node.func.attr == "append":  # type: ignore[attr-defined]
            held.append(it.value)
        elif it.how == "pop" and it.key and isinstance(it.key[0], int) and -len(held) <= it.key[0] < len(held):
            held.pop(it.key[0])
        else:
            return None
    return held[at] if -len(held) <= at < len(held) else None


def _of_key(found: Sequence[Definition], key: tuple[object, ...]) -> list[ast.expr] | None:
    """The values set under a literal key, the last of each; None when the container was not made of literal keys here."""
    if not key or any(it is None for it in key):
        return None
    kept: dict[tuple[object, ...], list[ast.expr]] = {}
    for it in found:
        if it.how == "set" and isinstance(it.value, ast.Dict):
            for name, value in zip(it.value.keys, it.value.values, strict=True):
                if not isinstance(name, ast.Constant):
                    return None
                kept[(name.value,)] = [value]
        elif it.how == "set" and isinstance(it.value, ast.Call) and dotted(it.value.func).endswith(("dict", "ConfigParser")):
            if it.value.args:
                return None
            for word in it.value.keywords:
                if word.arg is None:
                    return None
                kept[(word.arg,)] = [word.value]
        elif it.how == "item" and it.key is not None and None not in it.key and it.value is not None:
            kept[it.key] = [it.value]
        else:
            return None
    return kept.get(key) or kept.get(key[:1]) or []


def _is_guarded(reading: Reading, use: ast.AST, name: str) -> bool:
    """Whether a check of `name` stands between its value and `use`: `if name in ALLOWED` around it, or one that left before."""
    below = use
    for up in reading.ancestors(use):
        if isinstance(up, ast.If | ast.IfExp | ast.While) and below is not up.test:
            inside = below is up.body if isinstance(up, ast.IfExp) else any(below is it for it in up.body)
            if _vouches(up.test, name, positive=inside) and not _is_set_between(reading, name, up.test, use):
                return True
        if isinstance(up, _COMPREHENSIONS) and any(_vouches(it, name, positive=True) for gen in up.generators for it in gen.ifs):
            return True
        if isinstance(below, ast.stmt | ast.ExceptHandler | ast.match_case):
            for it in _before(up, below):
                if _is_check(it, name) and not _is_set_between(reading, name, it, use):
                    return True
        if isinstance(up, _SCOPES):
            return False
        below = up
    if reading.unit.kind != "module":
        return False
    return any(_is_check(it, name) and not _is_set_between(reading, name, it, use) for it in _earlier(reading.parsed.body, below))


def _is_set_between(reading: Reading, name: str, check: ast.AST, use: ast.AST) -> bool:
    after = (getattr(check, "end_lineno", 0), getattr(check, "end_col_offset", 0))
    rows = definitions(reading, reading.function(use)).get(name, ())
    return any(after <= _position(it.node) and _end(it) <= _position(use) for it in rows if it.how in ("set", "each"))


def _before(up: ast.AST, below: ast.AST) -> Sequence[ast.stmt]:
    for field in _BLOCKS:
        block = getattr(up, field, None)
        if isinstance(block, list) and any(it is below for it in block):
            return _earlier(block, below)
    return ()


def _earlier(block: Sequence[ast.AST], below: ast.AST) -> Sequence[ast.stmt]:
    index = next((number for number, it in enumerate(block) if it is below), 0)
    return [it for it in block[:index] if isinstance(it, ast.stmt)]


def _is_check(statement: ast.stmt, name: str) -> bool:
    if isinstance(statement, ast.If):
        if not _vouches(statement.test, name, positive=False):
            return False
        return leaves(statement.body) or any(
            isinstance(it, ast.Assign) and any(dotted(target) == name for target in it.targets) for it in statement.body
        )
    if isinstance(statement, ast.Assert):
        return _vouches(statement.test, name, positive=True)
    if isinstance(statement, ast.Expr):
        value = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
        if isinstance(value, ast.Call) and any(dotted(it) == name for it in value.args):
            return bool(_CHECKERS.search(_last(value.func)))
    if isinstance(statement, ast.Try):
        return leaves([*statement.body[:0], *(it.body[-1] for it in statement.handlers if it.body)]) and any(
            _is_check(it, name) for it in statement.body
        )
    return False


def _vouches(test: ast.expr, name: str, *, positive: bool) -> bool:
    """Whether `test` being true (positive) or false says that `name` is one of a known set or of a plain shape."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _vouches(test.operand, name, positive=not positive)
    if isinstance(test, ast.BoolOp):
        if isinstance(test.op, ast.And) == positive:
            return any(_vouches(it, name, positive=positive) for it in test.values)
        return all(_vouches(it, name, positive=positive) for it in test.values)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        op, left, right = test.ops[0], test.left, test.comparators[0]
        if isinstance(op, ast.In if positive else ast.NotIn):
            return _speaks_of(left, name) and not isinstance(right, ast.Constant)
        if isinstance(op, ast.Eq if positive else ast.NotEq):
            return _speaks_of(left, name) and isinstance(right, ast.Constant) and right.value is not None
        if isinstance(op, ast.Is if not positive else ast.IsNot) and isinstance(left, ast.Call):
            return _vouches(left, name, positive=True)
        return False
    if isinstance(test, ast.Call) and positive:
        last = _last(test.func)
        receiver = test.func.value if isinstance(test.func, ast.Attribute) else None
        if (
            _CHECKS.match(last)
            and receiver is not None
            and (_speaks_of(receiver, name) or any(_speaks_of(it, name) for it in test.args))
        ):
            return True
        if last == "all" and test.args and isinstance(test.args[0], ast.GeneratorExp):
            return any(_speaks_of(it.iter, name) for it in test.args[0].generators)
        return bool(_CHECKERS.search(last)) and any(_speaks_of(it, name) for it in test.args)
    return False


def _speaks_of(node: ast.expr, name: str) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _STRING_METHODS:
        return _speaks_of(node.func.value, name)
    return dotted(node) == name


def leaves(block: Sequence[ast.stmt]) -> bool:
    """Whether a block ends by leaving: return, raise, continue, break or a call such as `abort(400)`."""
    last = block[-1] if block else None
    if isinstance(last, ast.Return | ast.Raise | ast.Continue | ast.Break):
        return True
    return isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) and _last(last.value.func) in _EXITS


def _dominates(reading: Reading, definition: ast.AST, use: ast.AST) -> bool:
    """Whether `definition` surely ran when `use` is reached."""
    statement: ast.AST | None = definition
    while statement is not None and not isinstance(statement, ast.stmt):
        up = reading.parent(statement)
        if isinstance(up, ast.BoolOp | ast.IfExp | ast.comprehension):
            return False
        statement = up
    above = {id(it) for it in reading.ancestors(use)} | {id(use)}
    while statement is not None:
        if id(statement) in above:
            return True
        parent = reading.parent(statement)
        block = _block(reading, parent, statement)
        if any(id(it) in above for it in block):
            return True
        if (
            isinstance(parent, ast.With | ast.AsyncWith)
            or (
                isinstance(parent, ast.Try)
                and (block is parent.finalbody or (block is parent.body and all(leaves(it.body) for it in parent.handlers)))
            )
            or (isinstance(parent, ast.If) and decided(reading, parent.test) is not None)
        ):
            statement = parent
        elif isinstance(parent, ast.match_case):
            statement = reading.parent(parent) if known(reading, reading.parent(parent)) else None
        else:
            return False
    return False


def _block(reading: Reading, parent: ast.AST | None, statement: ast.AST) -> Sequence[ast.AST]:
    if parent is None:
        return reading.parsed.body
    for field in _BLOCKS:
        block = getattr(parent, field, None)
        if isinstance(block, list) and any(it is statement for it in block):
            return block
    return ()


def _are_exclusive(reading: Reading, definition: ast.AST, use: ast.AST) -> bool:
    """Whether one `if` keeps the two in different branches."""
    mine = [definition, *reading.ancestors(definition)]
    theirs = [use, *reading.ancestors(use)]
    common = next((it for it in mine if any(it is other for other in theirs)), None)
    if isinstance(common, ast.If):
        below = [path[[it is common for it in path].index(True) - 1] for path in (mine, theirs)]
        return (
            any(it is below[0] for it in common.body) != any(it is below[1] for it in common.body) and below[0] is not common.test
        )
    if isinstance(common, ast.Match):
        return True
    if isinstance(common, ast.Try):
        below = [path[[it is common for it in path].index(True) - 1] for path in (mine, theirs)]
        return all(isinstance(it, ast.ExceptHandler) for it in below)
    return False


def _comprehension(reading: Reading, node: ast.AST, name: str) -> ast.comprehension | None:
    below = node
    for up in reading.ancestors(node):
        if isinstance(up, _COMPREHENSIONS):
            for index, it in enumerate(up.generators):
                if (index or below is not it) and any(
                    dotted(leaf) == name for leaf in ast.walk(it.target) if isinstance(leaf, ast.Name)
                ):
                    return it
        if isinstance(up, ast.stmt):
            return None
        below = up
    return None


def _argument(scope: ast.AST | None, name: str) -> ast.arg | None:
    if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return None
    return next((it for it in arguments(scope) if it.arg == name), None)


def arguments(function: Function | ast.Lambda) -> Iterator[ast.arg]:
    """Every parameter, the variadic ones last."""
    yield from (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    yield from (it for it in (function.args.vararg, function.args.kwarg) if it is not None)


def _clean(node: ast.expr, by: str) -> Iterator[Origin]:
    yield Origin("checked", by, node)


def _is_numeric(spec: ast.expr | None) -> bool:
    return (
        isinstance(spec, ast.JoinedStr)
        and bool(spec.values)
        and isinstance(spec.values[-1], ast.Constant)
        and str(spec.values[-1].value)[-1:] in "dfxXegn%"
    )


def _literal(node: ast.expr) -> object:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return -node.operand.value if isinstance(node.operand.value, int) else None
    return node.value if isinstance(node, ast.Constant) else None


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _position(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _end(definition: Definition) -> tuple[int, int]:
    node: ast.AST = definition.node
    if isinstance(node, ast.For | ast.AsyncFor | ast.With | ast.AsyncWith) and definition.value is not None:
        node = definition.value
    elif isinstance(node, ast.ExceptHandler):
        return _position(node)
    return getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0)
