"""The folder of the program itself is served.

Why: beside the pages lie the source, settings, databases and keys, and all of them are sent to whoever guesses a name.
Instead: a folder that holds nothing but what is public.

    app.mount("/static", StaticFiles(directory=HERE / "public"))

Tests: ask for the name of a source file, and expect 404.
Security: CWE-538, CWE-552.
Source: https://cwe.mitre.org/data/definitions/538.html
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
    cwe=538,
    needs=["send_from_directory", "StaticFiles", "static_folder", "SimpleHTTPRequestHandler", "add_static"],
    bad=[
        Bad("""
import http.server
import os
from fastapi.staticfiles import StaticFiles
from flask import Flask, send_from_directory

app = Flask(__name__, static_folder=[|"."|])
files = StaticFiles(directory=[|"."|])

@app.route("/files/<path:name>")
def files(name):
    return send_from_directory([|os.path.dirname(__file__)|], name)

def share():
    server = [|http.server.HTTPServer(("0.0.0.0", 8000), http.server.SimpleHTTPRequestHandler)|]
    server.serve_forever()
"""),
    ],
    good=[
        """
import functools
import http.server
import os
from flask import Flask, send_from_directory

app = Flask(__name__, static_folder="static")

@app.route("/favicon.ico")
def icon():
    return send_from_directory(app.root_path, "favicon.ico")

@app.route("/files/<path:name>")
def files(name):
    return send_from_directory(os.path.join(os.path.dirname(__file__), "public"), name)

def share():
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="/srv/public")
    http.server.HTTPServer(("0.0.0.0", 8000), handler).serve_forever()
    http.server.HTTPServer(("127.0.0.1", 8000), http.server.SimpleHTTPRequestHandler).serve_forever()
""",
    ],
)

_HERE = regex(
    r"(?:['\"](?:\.|\./|/)['\"]|os\.getcwd\(\)|os\.curdir|Path\.cwd\(\)|(?:\w+\.)?root_path"
    r"|(?:str\()?os\.path\.dirname\((?:os\.path\.(?:abspath|realpath)\()?__file__\)?\)\)?"
    r"|(?:str\()?(?:pathlib\.)?Path\(__file__\)(?:\.resolve\(\))?\.parent\)?)"
)
_EVERYWHERE = ("0.0.0.0", "", "::")  # noqa: S104  (words that are looked for)
_SERVERS = ("HTTPServer", "ThreadingHTTPServer", "TCPServer", "ThreadingTCPServer")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Folders that are served, where they are the program's own."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        given = _folder(call, last)
        if given is not None and _HERE.fullmatch(ast.unparse(given)):
            yield Hit(given, "The program's own folder is served, with its source, settings and databases: name a public one.")
        elif last in _SERVERS and len(call.args) > 1 and dotted(call.args[1]).endswith("SimpleHTTPRequestHandler"):
            address = call.args[0].elts[0] if isinstance(call.args[0], ast.Tuple) else None
            if constant(address) in _EVERYWHERE and "chdir" not in view.reading.unit.text:
                yield Hit(call, "Every network the machine is in may read the folder that the program was started in.")


def _folder(call: ast.Call, last: str) -> ast.expr | None:
    """The folder that a call serves files of, whatever their names."""
    if last == "send_from_directory" and len(call.args) > 1 and not isinstance(call.args[1], ast.Constant):
        return call.args[0]
    if last == "StaticFiles":
        return keyword(call, "directory") or (call.args[0] if call.args else None)
    if last == "add_static" and len(call.args) > 1:
        return call.args[1]
    return keyword(call, "static_folder") if last in ("Flask", "Quart") else None
