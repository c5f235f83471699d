"""A temporary file has a name that others know beforehand.

Why: between choosing the name and opening it, another user of the machine puts a link there: the program then writes to a file of
their choice, or reads what they wrote.
Instead: let `tempfile` choose the name and open the file in one step.

    def exported(rows: Iterable[Row]) -> Path:
        with tempfile.NamedTemporaryFile("w", suffix=".csv", delete=False) as file:
            try:
                csv.writer(file).writerows(rows)
            except OSError as error:
                raise ExportFailed from error
        return Path(file.name)

Trade-offs: a fixed name that must be shared belongs in a folder of your own, such as `/run/shop`.
Security: overwriting files of the service's account; reading what it wrote.
Source: CWE-377; https://docs.python.org/3/library/tempfile.html#tempfile.mktemp
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=377,
    equivalents=["S108", "S306", "B108", "B306"],
    needs=["mktemp", "tempnam", "tmpnam", "/tmp", "/var/tmp", "/dev/shm", "gettempdir"],  # noqa: S108  (words that are looked for)
    bad=[
        Bad("""
import tempfile

def export(rows):
    path = [|tempfile.mktemp(suffix=".csv")|]
    with open([|"/tmp/export.csv"|], "w") as file:
        file.writelines(rows)
    return path
"""),
        Bad(
            """

def keep(rows):
    path = "/tmp/rows.csv"
    with open([|path|], "w") as file:
        file.writelines(rows)
""",
        ),
        Bad(
            """

import os
import tempfile

def keep(rows):
    with open([|os.path.join(tempfile.gettempdir(), "rows.txt")|], "w") as file:
        file.writelines(rows)
""",
        ),
    ],
    good=[
        """
import tempfile

def export(rows):
    descriptor, path = tempfile.mkstemp()
    with tempfile.NamedTemporaryFile("w") as file:
        file.writelines(rows)
    with open("/tmp/settings.ini") as file:
        return file.read(), path
""",
    ],
)

_MAKERS = ("tempfile.mktemp", "os.tempnam", "os.tmpnam")
_SHARED = regex(r"^(?:/tmp|/var/tmp|/dev/shm)/\w")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Names that are chosen before the file is made."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
        if last in ("mktemp", "tempnam", "tmpnam"):
            if view.callee(call) in _MAKERS:
                yield Hit(
                    call,
                    f"`{last}` gives a name that others may take before it is opened; use `mkstemp` or `NamedTemporaryFile`.",
                )
        elif last == "open" and isinstance(call.func, ast.Name) and call.args:
            mode = constant(keyword(call, "mode") or (call.args[1] if len(call.args) > 1 else None))
            given = _set_to(view, call.args[0])
            path = constant(given) or _in_temp(given)
            if isinstance(path, str) and _SHARED.match(path) and isinstance(mode, str) and mode[:1] in ("w", "a"):
                yield Hit(
                    call.args[0],
                    f"`{path}` is a name that others know: a link put there sends the write elsewhere; use `tempfile`.",
                )


def _in_temp(node: ast.expr) -> str | None:
    """The path of `os.path.join(tempfile.gettempdir(), "name")`."""
    if isinstance(node, ast.Call) and dotted(node.func).endswith("path.join") and len(node.args) == 2:
        folder, name = node.args
        if isinstance(folder, ast.Call) and dotted(folder.func).rpartition(".")[2] == "gettempdir":
            return f"/tmp/{name.value}" if isinstance(name, ast.Constant) and isinstance(name.value, str) else None  # noqa: S108  (words that are looked for)
    return None


def _set_to(view: View, node: ast.expr) -> ast.expr:
    """What a name was set to in its function, where that was once."""
    if isinstance(node, ast.Name):
        values = view.reading.bindings(view.reading.function(node)).get(node.id, [])
        return values[0] if len(values) == 1 and values[0] is not None else node
    return node
