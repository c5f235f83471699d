"""What an annotation says of the object it stands by, as the target of such an object: pure functions of its syntax.

`Order` and `Order | None` give `Order()`, `list[Order]` gives `Order()[*]` (several of them), `dict[str, Order]` gives
`Order()[:]` (found by key), `type[Order]` gives `Order`. What says nothing (`Any`, `object`, `None`) gives "".
"""

from __future__ import annotations

import ast

from architect_lsp.patterns import regex
from architect_lsp.syntax import python

OPENED = frozenset(
    (
        *("Optional", "Union", "Annotated", "Final", "ClassVar", "Required", "NotRequired", "ReadOnly", "InitVar", "Awaitable"),
        *("Generator", "AsyncGenerator", "Iterator", "AsyncIterator", "Iterable", "AsyncIterable", "Type", "type"),
    )
)
"""Generics that speak of the first thing in their brackets."""
SEVERAL = frozenset(
    (
        *("list", "List", "set", "Set", "frozenset", "FrozenSet", "Sequence", "MutableSequence", "Collection", "AbstractSet"),
        *("MutableSet", "deque", "Deque", "tuple", "Tuple", "Queue", "SimpleQueue", "LifoQueue", "PriorityQueue"),
    )
)
BY_KEY = frozenset(
    ("dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "DefaultDict", "OrderedDict", "WeakValueDictionary")
)
_SAYS_LITTLE = frozenset(
    (
        *("Any", "object", "None", "Callable", "Literal", "LiteralString", "Never", "NoReturn", "TypeVar", "Hashable"),
        *("str", "int", "float", "bool", "bytes", "complex"),
    )
)
"""Names that tell nothing of the items of a container."""
_NOTHING = frozenset(("Any", "object", "None", "Never", "NoReturn"))
_NUMBERS = ("int", "float", "bool", "Decimal", "UUID", "date", "datetime", "timedelta", "Literal", "Enum", "IntEnum")
_LISTS = ("List", "list", "Sequence", "Iterable", "Collection", "set", "Set", "tuple", "Tuple")
_OF_NUMBERS = regex(r"\[(?:int|float|bool|UUID)\b")


def annotation(node: ast.expr | None) -> str:
    """The class an annotation speaks of, as a dotted name; wrappers such as Optional and Annotated are opened."""
    while node is not None:
        node = _read(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            node = _some(node)
        elif isinstance(node, ast.Subscript):
            head = dotted(node.value)
            if head.rpartition(".")[2] not in OPENED:
                return head
            node = _some(node)
        else:
            return dotted(node)
    return ""


def kind(node: ast.expr | None) -> str:
    """The target of an object that is annotated so, "" when that says nothing."""
    marks: list[str] = []  # those of the outermost container last
    heads: list[str] = []
    while node is not None:
        node = _read(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            node = _only(_united(node))
            continue
        if not isinstance(node, ast.Subscript):
            break
        head = dotted(node.value)
        last = head.rpartition(".")[2]
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if last in ("type", "Type"):
            said = annotation(inner[0]) if inner else ""
            return said + "".join(marks[::-1]) if said.rpartition(".")[2] not in _NOTHING else ""
        if last in OPENED:
            node = _only(inner) if last == "Union" else _some(node)
            continue
        heads.append(head if last not in _SAYS_LITTLE else "")
        marks.append("[:]" if last in BY_KEY else "[*]")
        node = _item(last, inner)
    name = dotted(node)
    last = name.rpartition(".")[2]
    if heads and (not name or last in _SAYS_LITTLE):  # the container says more than what it holds
        name, marks = heads[-1], marks[:-1]
    elif last in _NOTHING:
        return ""
    every = "".join(marks[::-1])
    return f"self{every}" if last == "Self" else f"{name}(){every}" if name else ""


def _read(node: ast.expr | None) -> ast.expr | None:
    """The annotation itself, where it is written in quotes; None where they hold none."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return node
    try:
        return python.expression(node.value.strip())
    except (SyntaxError, ValueError):
        return None


def united(node: ast.expr) -> list[ast.expr]:
    """The members of a union beside None: `A | B`, `Union[A, B]`, `Optional[A]`; [] for what is no union."""
    said = _read(node)
    if isinstance(said, ast.BinOp) and isinstance(said.op, ast.BitOr):
        members = _united(said)
    elif isinstance(said, ast.Subscript) and dotted(said.value).rpartition(".")[2] in ("Union", "Optional"):
        members = said.slice.elts if isinstance(said.slice, ast.Tuple) else [said.slice]
    else:
        return []
    return [it for it in members if not (isinstance(it, ast.Constant) and it.value is None)]


def _some(node: ast.BinOp | ast.Subscript) -> ast.expr | None:
    """The first thing that a union or a wrapper speaks of and that is not None."""
    if isinstance(node, ast.BinOp):
        some = [node.left, node.right]
    else:
        some = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return next((it for it in some if not (isinstance(it, ast.Constant) and it.value is None)), None)


def _united(node: ast.expr) -> list[ast.expr]:
    """The members of `A | B | C`."""
    members: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        members.append(node.right)
        node = node.left
    return [node, *members[::-1]]


def _only(members: list[ast.expr]) -> ast.expr | None:
    """The one class that a union speaks of beside None and what says little; None where there are several."""
    read = [it for it in map(_read, members) if it is not None and not (isinstance(it, ast.Constant) and it.value is None)]
    telling = [it for it in read if annotation(it).rpartition(".")[2] not in _SAYS_LITTLE]
    return telling[0] if len(telling) == 1 else read[0] if len(read) == 1 else None


def _item(head: str, inner: list[ast.expr]) -> ast.expr | None:
    """What a container of this name holds; None when that can't be told."""
    if head in BY_KEY:
        return inner[1] if len(inner) == 2 else None
    if head in ("tuple", "Tuple"):
        return inner[0] if len(inner) == 2 and isinstance(inner[1], ast.Constant) and inner[1].value is ... else None
    return inner[0] if head in SEVERAL and len(inner) == 1 else None


def cast_of(call: ast.Call) -> ast.expr | None:
    """What `typing.cast` says of a value; None for every other call, SQL's `cast` among them."""
    if len(call.args) != 2 or dotted(call.func).rpartition(".")[2] != "cast":
        return None
    said = call.args[0]
    name = said.value if isinstance(said, ast.Constant) else dotted(said.value if isinstance(said, ast.Subscript) else said)
    return said if isinstance(name, str) and name.rpartition(".")[2][:1].isupper() else None


def dotted(node: ast.AST | None) -> str:
    """`a.b.c` for names and attributes as written, "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if not isinstance(node, ast.Attribute):
        return ""
    name = node.attr
    node = node.value
    while isinstance(node, ast.Attribute):
        name = f"{node.attr}.{name}"
        node = node.value
    return f"{node.id}.{name}" if isinstance(node, ast.Name) else ""


def is_number(node: ast.expr | None) -> bool:
    """Whether an annotation admits numbers, dates and the like alone, or lists of them."""
    said = annotation(node).rpartition(".")[2]
    return said in _NUMBERS or (node is not None and said in _LISTS and bool(_OF_NUMBERS.search(ast.unparse(node))))
