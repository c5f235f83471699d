"""A module is imported that Python no longer has.

Why: `distutils`, `imp` and others were deprecated for years and taken out of the standard library in Python 3.12 and 3.13. On
these the import ends in a `ModuleNotFoundError`, and so does that of whatever imports this file.
Instead: what took its place.

    from packaging.version import Version        # for distutils.version
    import shutil                                # for distutils.spawn, distutils.dir_util
    import importlib.util                        # for imp
    from email.message import EmailMessage       # for cgi.parse_header

Consequences: the service can't move to a Python that still gets security fixes.
Trade-offs: `setuptools` brings a `distutils` of its own where it is installed, which production images often don't do.
Tests: run the tests on the newest Python that `requires-python` lets in.
Source: https://peps.python.org/pep-0594/; https://peps.python.org/pep-0632/;
https://docs.python.org/3/whatsnew/3.12.html#removed
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["E3", "D3"],
    equivalents=["W4901"],
    needs=["import"],
    bad=[
        Bad("""
[|import cgi|]
import os
[|from distutils.version import LooseVersion|]

def late():
    [|import imp|]
    return imp.load_source("plugin", "plugin.py")
"""),
    ],
    good=[
        """
import os, sys
from .imp import load
from packaging.version import Version

try:
    import crypt
except ImportError:
    crypt = None

if sys.version_info < (3, 12):
    from distutils.util import strtobool
else:
    from shop.text import strtobool

def late():
    try:
        import telnetlib
    except ModuleNotFoundError:
        return None
""",
        """
-- imp.py --
-- shop.py --
import imp
""",
    ],
)

_GONE = {
    **dict.fromkeys(("asynchat", "asyncore", "distutils", "imp", "smtpd"), "3.12"),
    **dict.fromkeys(("aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib"), "3.13"),
    **dict.fromkeys(("nis", "nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"), "3.13"),
}
"""Modules of the standard library, with the Python that has them no more."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Imports that nothing guards."""
    never = view.project.first_python_without
    nodes: list[ast.Import | ast.ImportFrom] = [*view.reading.each(ast.Import), *view.reading.each(ast.ImportFrom)]
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            names = [] if node.level else [node.module or ""]
        else:
            names = [it.name for it in node.names]
        for name in names:  # the project may not be installed on a Python from `never` on
            gone = _GONE.get(name.partition(".")[0])
            if gone is None or _guarded(view.reading, node) or (never is not None and never <= tuple(map(int, gone.split(".")))):
                continue
            if view.project.module(view.path, name)[0] is None:
                yield Hit(node, f"Python {gone} has no `{name.partition('.')[0]}` any more: this import fails there.")
                break


def _guarded(reading: Reading, node: ast.stmt) -> bool:
    """Whether the import may fail, or is only tried under some condition."""
    return any(isinstance(it, ast.Try | ast.If) for it in reading.ancestors(node))
