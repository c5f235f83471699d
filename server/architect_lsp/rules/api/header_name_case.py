"""Names of headers are compared with their capitals.

Why: names of headers have no case. A server over HTTP/2, and many over HTTP/1.1, writes `content-length`; `httpx` gives
all names in small letters. `name in {"Content-Length"}` is false for them.
Instead: compare small letters.

    kept = {name: value for name, value in answer.headers.items() if name.lower() not in {"content-length"}}

Consequences: a proxy hands on the length and the encoding of a body that it has unpacked, and the client can't read it.
Tests: an upstream that writes its headers in small letters.
Security: what was to be taken out of a request or an answer passes.
Source: RFC 9110 section 5.1
"""

import ast
from collections.abc import Iterator, Sequence

from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.knowledge.values import Value
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A5"],
    cwe=178,
    preview=True,  # few real places have been read yet
    needs=["eaders.items()"],
    bad=[
        Bad(
            """
STRIPPED = frozenset({"Content-Encoding", "Content-Length", "Transfer-Encoding"})

def clean(raw_headers):
    return {name: value for name, value in raw_headers.items() if [|name not in STRIPPED|]}
""",
            fixed="""
STRIPPED = frozenset({"Content-Encoding", "Content-Length", "Transfer-Encoding"})

def clean(raw_headers):
    return {name: value for name, value in raw_headers.items() if name.lower() not in {it.lower() for it in STRIPPED}}
""",
        ),
        Bad("""
def proxied(answer, response):
    for name, value in answer.headers.items():
        if [|name in ("Content-Length", "Connection")|] or [|name == "Host"|]:
            continue
        response[name] = value
"""),
    ],
    good=[
        """
STRIPPED = {"content-encoding", "content-length"}
DEFAULTS = {"Content-Type": "text/plain"}

def clean(raw_headers, own):
    kept = {name: value for name, value in raw_headers.items() if name.lower() not in STRIPPED}
    kept |= {name: value for name, value in raw_headers.items() if name not in own and name not in STRIPPED}
    for name, value in raw_headers.items():
        name = name.title()
        if name == "Content-Length":
            kept.pop(name)
    return kept

def extra(self, headers):
    headers = {"Accept": "a", "Host": "b"}
    return {name: value for name, value in headers.items() if name != "Host"}
""",
    ],
)

_HEADER = regex(
    r"^(?:[A-Z][A-Za-z0-9]*-[A-Z][A-Za-z0-9-]*|Host|Connection|Cookie|Authorization|Date|Server|Accept|Origin|Upgrade|Expect)$"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Comparisons of a header's name, as it came, with a name that is written with capitals."""
    reading = view.reading
    loops: tuple[ast.For | ast.comprehension, ...] = (*reading.each(ast.For), *reading.each(ast.comprehension))
    for node in loops:
        held = _headers(node.iter)
        if held is None or not isinstance(node.target, ast.Tuple) or not isinstance(node.target.elts[0], ast.Name):
            continue
        if isinstance(held, ast.Name) and (held.id == "headers" or not held.id.endswith("_headers")):
            continue  # often a dict of the program's own
        name = node.target.elts[0].id
        rows: Sequence[ast.AST] = node.body if isinstance(node, ast.For) else node.ifs
        each = [it for row in rows for it in ast.walk(row)]
        if any(isinstance(it, ast.Name) and it.id == name and isinstance(it.ctx, ast.Store) for it in each):
            continue
        for it in each:
            if isinstance(it, ast.Compare) and len(it.ops) == 1 and isinstance(it.left, ast.Name) and it.left.id == name:
                other = it.comparators[0]
                if any(_HEADER.match(text) for text in _texts(view, other)):
                    yield Hit(it, "A header's name may come in any case; this compares its capitals.", tuple(_fix(it, other)))


def _headers(node: ast.expr) -> ast.expr | None:
    """The headers whose names and values are gone over."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "items" and not node.args:
        name = dotted(node.func.value)
        if name.rpartition(".")[2].lower().endswith("headers"):
            return node.func.value
    return None


def _texts(view: View, node: ast.expr) -> list[str]:
    """The texts that are compared with: one, those of a collection, or of one the module names."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return [text for it in node.elts if isinstance(text := constant(it), str)]
    if isinstance(node, ast.Name):
        return list(dict(view.project.of_file(view.path, _collections)).get(node.id, ()))
    text = constant(node)
    return [text] if isinstance(text, str) else []


def _collections(facts: Facts) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The names of a module's collections of texts, with these."""
    return tuple((it.name, tuple(_listed(it.value))) for it in facts.variables if it.value is not None)


def _listed(value: Value) -> Iterator[str]:
    if value.kind == "list":
        yield from (it.text for it in value.items if it.kind == "text")
    elif value.kind == "call" and value.text in ("frozenset", "set", "tuple") and len(value.items) == 1:
        yield from _listed(value.items[0])


def _fix(node: ast.Compare, other: ast.expr) -> Iterator[Draft]:
    if isinstance(other, ast.Name) and isinstance(node.ops[0], ast.In | ast.NotIn):
        changes = (Change(node.left, f"{ast.unparse(node.left)}.lower()"), Change(other, f"{{it.lower() for it in {other.id}}}"))
        yield Draft("Compare small letters", changes)
