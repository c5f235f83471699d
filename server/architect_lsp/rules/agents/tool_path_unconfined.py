"""A tool joins a path that a model wrote to its folder, and does not look where that leads.

Why: `ROOT / "../../etc/passwd"` leaves the folder, and `ROOT / "/etc/passwd"` is `/etc/passwd`. What the model writes is decided
by whoever wrote the text it reads.
Instead: resolve the path, and ask whether it is inside.

    path = (ROOT / name).resolve()
    if not path.is_relative_to(ROOT):
        return "error: that name leads out of the folder"
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        return f"error: {error}"

Consequences: a page that the agent reads can make it read keys or overwrite code.
Trade-offs: an agent that may use the whole disk on purpose belongs into a container, and takes whole paths.
Tests: call the tool with `../secret`, `/etc/passwd` and a symbolic link.
Security: CWE-22; prompt injection decides the name.
Source: https://docs.python.org/3/library/pathlib.html#pathlib.PurePath.is_relative_to; OWASP LLM05:2025
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import definitions
from architect_lsp.knowledge.reading import Function, Reading, constant, dotted
from architect_lsp.knowledge.sources import is_tool
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "C3", "D4"],
    cwe=22,
    needs=["open(", "read_text", "read_bytes", "write_text", "write_bytes", "unlink"],
    bad=[
        Bad("""
from pathlib import Path
from langchain_core.tools import tool

NOTES = Path("notes").resolve()

@tool
def note(title: str) -> str:
    \"\"\"Read a note.\"\"\"
    return ([|NOTES / f"{title}.md"|]).read_text()
"""),
        Bad("""
import os
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("files")

@mcp.tool()
def keep(name: str, text: str) -> str:
    \"\"\"Keep a text.\"\"\"
    path = os.path.join("/srv/kept", name)
    with open([|path|], "w") as file:
        file.write(text)
    return "kept"
"""),
        Bad("""
from pathlib import Path
from mcp.server.fastmcp import FastMCP
from smolagents import Tool

mcp = FastMCP("files")

@mcp.tool()
def read_file(path: str) -> str:
    with open([|path|]) as file:
        return file.read()

@mcp.resource("docs://{name}")
def document(name: str) -> str:
    return ([|DOCS / name|]).read_text()

class Reader(Tool):
    name = "reader"

    def forward(self, name: str) -> str:
        return [|Path(name)|].read_text()
"""),
        Bad("""
from mcp.server import Server
from claude_agent_sdk import tool

server = Server("reports")

@server.call_tool()
async def call_tool(name: str, arguments: dict) -> list:
    with open([|"/var/reports/" + arguments["file"]|]) as report:
        return [report.read()]

@tool("note", "Read a note", {"title": str})
async def note(args: dict) -> dict:
    title = args.get("title", "")
    return {"content": [{"type": "text", "text": ([|NOTES / f"{title}.md"|]).read_text()}]}
"""),
    ],
    good=[
        """
import os
from pathlib import Path
from langchain_core.tools import tool

NOTES = Path("notes").resolve()
KNOWN = {"a": "a.md"}

@tool
def note(title: str) -> str:
    \"\"\"Read a note.\"\"\"
    path = (NOTES / title).resolve()
    if not path.is_relative_to(NOTES):
        return "error: not a note"
    return path.read_text()

@tool
def named(title: str) -> str:
    \"\"\"Read a note.\"\"\"
    return (NOTES / os.path.basename(title)).read_text()

@tool
def listed(title: str) -> str:
    \"\"\"Read a note.\"\"\"
    return (NOTES / KNOWN[title]).read_text()

@tool
def numbered(number: int) -> str:
    \"\"\"Read a note.\"\"\"
    return (NOTES / f"{number}.md").read_text()

@tool
def anywhere(path: str) -> str:
    \"\"\"Read any file.\"\"\"
    return Path(path).read_text()

@server.call_tool()
async def call_tool(name: str, arguments: dict) -> list:
    return [REPORTS[arguments["file"]].read_text(), (NOTES / KNOWN[arguments["title"]]).read_text()]

def plain(title):
    return (NOTES / title).read_text()
""",
    ],
)

_METHODS = ("read_text", "read_bytes", "write_text", "write_bytes", "unlink", "open")
_CHECKS = regex(
    r"relative_to|commonpath|commonprefix|startswith|basename|\.name\b|secure_filename|safe|\.\.|valid|allow|isalnum|isidentifier"
    r"|fullmatch|re\.match|re\.sub|\bnot in\b|\bin \w*(?:list|names|files)|sandbox|confine|inside|within|escape|slug|check"
    r"|parents\b",
    re.IGNORECASE,
)
"""What a tool says that looks at the path, or takes a name out of it."""
_ANYWHERE = regex(r"\bany (?:\w+ )?(?:file|path)|\babsolute\b|\bfull path|\banywhere|\bexact path", re.IGNORECASE)
"""What a tool says that is meant to reach any file."""
_TABLES = ("arguments", "args", "params", "tool_input", "tool_args", "input")
"""What tools call all that a model gave them, together."""
_TEXTS = ("", "str", "Path", "pathlib.Path")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Files of tools whose path is the tool's folder joined with an argument, in tools that check nothing."""
    reading = view.reading
    for function in reading.functions:
        if not is_tool(view.project, view.path, reading, function) or _CHECKS.search(
            "\n".join(map(ast.unparse, _body(function)))
        ):
            continue
        given = _given(reading, function)
        for call in reading.within(function):
            path = _path(call) if isinstance(call, ast.Call) else None
            name = _joined(reading, function, path, given) if path is not None else ""
            if path is not None and name:
                yield Hit(path, f"`{name}`, which a model wrote, is joined to a folder unchecked: `..` or `/` in it leads out.")
                break
            name = _whole(path, given) if path is not None and not _ANYWHERE.search(ast.get_docstring(function) or "") else ""
            if path is not None and name:
                yield Hit(path, f"`{name}`, which a model wrote, may be any file of this machine: no folder bounds it.")
                break


def _given(reading: Reading, function: Function) -> set[str]:
    """The arguments that are texts, the entries of a table of arguments, and the names they are given, as written."""
    rows = (*function.args.args, *function.args.kwonlyargs)
    given = {it.arg for it in rows if _annotation(it) in _TEXTS} - {"self", "cls", "ctx", "context"}
    tables = {it.arg for it in rows if it.arg in _TABLES}
    if not tables:
        return given
    entries = {ast.unparse(it) for it in reading.within(function) if _is_entry(it, tables)}
    named = {
        name
        for name, found in definitions(reading, function).items()
        if len(found) == 1 and found[0].value is not None and ast.unparse(found[0].value) in entries
    }
    return (given - tables) | entries | named


def _is_entry(node: ast.AST, tables: set[str]) -> bool:
    """`arguments["file"]`, `arguments.get("file", "")`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        return dotted(node.func.value) in tables
    return isinstance(node, ast.Subscript) and dotted(node.value) in tables


def _whole(node: ast.expr, given: set[str]) -> str:
    """The argument that is the path by itself, "" where it is none."""
    if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "Path" and len(node.args) == 1:
        node = node.args[0]
    return _argument(node, given) if isinstance(node, ast.Name | ast.Subscript | ast.Call) else ""


def _body(function: Function) -> list[ast.stmt]:
    """The statements of a function without its docstring, which speaks to the model."""
    first = function.body[0]
    return function.body[1:] if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) else function.body


def _annotation(argument: ast.arg) -> str:
    said = argument.annotation
    if isinstance(said, ast.Subscript) and dotted(said.value).endswith("Annotated") and isinstance(said.slice, ast.Tuple):
        said = said.slice.elts[0]
    if isinstance(said, ast.Constant):
        return str(said.value)
    if isinstance(said, ast.BinOp):
        said = said.left
    return "" if said is None else dotted(said) or "?"


def _path(call: ast.Call) -> ast.expr | None:
    """The path of the file that a call uses."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS:
        if dotted(call.func) in ("os.open", "io.open", "aiofiles.open", "codecs.open"):
            return call.args[0] if call.args else None
        return call.func.value
    return call.args[0] if isinstance(call.func, ast.Name) and call.func.id == "open" and call.args else None


def _joined(reading: Reading, function: Function, node: ast.expr, given: set[str]) -> str:
    """The argument that is joined to a folder of the program's, "" where none is."""
    if isinstance(node, ast.Name):
        rows = [it.value for it in definitions(reading, function).get(node.id, ()) if it.value is not None]
        return _joined(reading, function, rows[0], given) if len(rows) == 1 and rows[0] is not node else ""
    if isinstance(node, ast.Call):
        last = dotted(node.func).rpartition(".")[2]
        if last in ("resolve", "absolute", "expanduser") and isinstance(node.func, ast.Attribute):
            return _joined(reading, function, node.func.value, given)
        if last == "Path" and len(node.args) == 1:
            return _joined(reading, function, node.args[0], given)
        if last in ("join", "joinpath", "Path") and dotted(node.func) != "str.join":
            parts = node.args if last != "joinpath" else [node.func, *node.args]
            return next((name for it in parts[1:] if (name := _argument(it, given))), "") if len(parts) > 1 else ""
        return ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Add):
        own = isinstance(node.left, ast.Name) and node.left.id in given
        return "" if own or not _is_folder(node.left) else _argument(node.right, given)
    if isinstance(node, ast.JoinedStr) and len(node.values) > 1 and "/" in str(constant(node.values[0]) or ""):
        return next((name for it in node.values if (name := _argument(it, given))), "")
    return ""


def _is_folder(node: ast.expr) -> bool:
    """Whether it looks like a folder: a name, or a text that ends so."""
    said = constant(node)
    return said.endswith("/") if isinstance(said, str) else True


def _argument(node: ast.expr, given: set[str]) -> str:
    if isinstance(node, ast.FormattedValue):
        node = node.value
    if isinstance(node, ast.JoinedStr):
        return next((name for it in node.values if (name := _argument(it, given))), "")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _argument(node.left, given) or _argument(node.right, given)
    written = ast.unparse(node) if isinstance(node, ast.Name | ast.Subscript | ast.Call) else ""
    return written if written in given else ""
