"""A module reads the environment while it is imported, and without the variable the import fails.

Why: `os.environ["DATABASE_URL"]` at the top of a module that is not about settings makes everything that imports it need a
production-like environment: the tests, the migration tool, the documentation build, an editor's test runner. What is missing
is found one `KeyError` at a time, by whichever module came first, and a value is fixed before anything could set another.
Instead: read it in one place that says what is needed, when the program starts, and hand it on.

    class Settings(BaseSettings):
        database_url: PostgresDsn

    def main() -> None:
        settings = Settings()      # names all that is missing, once
        serve(make_app(settings))

Consequences: no function of the module can be imported, tested or reused without its environment.
Trade-offs: a script of one file may well do so.
Off by default: to fail at the start, where a setting is missing, is what many want.
Tests: import the module with an empty environment.
Source: https://12factor.net/config; https://docs.pydantic.dev/latest/concepts/pydantic_settings/
"""

import ast
import posixpath
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import Reading, constant
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["E4", "E1", "B4"],
    needs=["environ"],
    bad=[
        Bad("""
-- shop/mail.py --
import os
from os import environ

HOST = [|os.environ["MAIL_HOST"]|]

class Mailer:
    port = int([|environ["MAIL_PORT"]|])

    def send(self, mail):
        return HOST
"""),
    ],
    good=[
        """
-- shop/settings.py --
import os

HOST = os.environ["MAIL_HOST"]
-- shop/config/mail.py --
import os

HOST = os.environ["MAIL_HOST"]
-- shop/mail.py --
import os

HOST = os.environ.get("MAIL_HOST", "localhost")
os.environ["TOKENIZERS_PARALLELISM"] = "false"

if "MAIL_PORT" in os.environ:
    PORT = os.environ["MAIL_PORT"]

try:
    KEY = os.environ["MAIL_KEY"]
except KeyError:
    KEY = ""

def user():
    return os.environ["MAIL_USER"]

if __name__ == "__main__":
    print(os.environ["MAIL_USER"])
-- scripts/send.py --
import os

HOST = os.environ["MAIL_HOST"]
""",
    ],
)

_SETTINGS = regex(
    r"\w*(?:settings?|conf(?:ig)?s?|configuration|constants?|env(?:ironment)?|globals?|secrets?|wsgi|asgi|main|app)\w*"
)
"""Folders and files whose business the environment is, and where programs begin."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Variables that must be there when the file is imported."""
    reading = view.reading
    words = [*view.path.removesuffix(".py").split("/")[:-1], posixpath.basename(view.path).removesuffix(".py")]
    if reading.unit.kind == "function" or is_script(view.path) or any(_SETTINGS.fullmatch(it) for it in words):
        return
    for node in reading.each(ast.Subscript):
        name = constant(node.slice)
        if not isinstance(node.ctx, ast.Load) or not isinstance(name, str) or _is_late(reading, node):
            continue
        if view.name(node.value) == "os.environ":
            yield Hit(node, f"Importing this module fails where `{name}` is not set in the environment.")


def _is_late(reading: Reading, node: ast.AST) -> bool:
    """Whether it runs later than the import, or may be missing."""
    return any(
        isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Try | ast.If | ast.IfExp | ast.BoolOp)
        for it in reading.ancestors(node)
    )
