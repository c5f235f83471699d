"""An upload is kept under the user's own name, whatever it is.

Why: a page, a script or a program that is uploaded is served, run or opened by someone else later; the name chooses its type.
Instead: a name of your own, and a type that you looked at.

    def keep(file: UploadFile) -> Path:
        suffix = {"image/png": ".png", "image/jpeg": ".jpg"}.get(sniffed(file))
        if suffix is None:
            raise HTTPException(415, "PNG or JPEG, please")
        path = FOLDER / f"{uuid4()}{suffix}"
        try:
            path.write_bytes(bounded(file, 5_000_000))
        except TooLarge as error:
            raise HTTPException(413) from error
        return path

Trade-offs: the declared type and the suffix are the sender's words; look at the first bytes.
Tests: upload `page.html` and a program named `.png`; both are refused.
Security: scripts in the users' browsers; code on the server where the folder is served by an interpreter.
Performance: bound the size before it is read.
Source: CWE-434; https://cheatsheetseries.owasp.org/cheatsheets/File_Upload_Cheat_Sheet.html
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A2", "D4"],
    yields_to=["path-traversal"],
    cwe=434,
    needs=["filename"],
    bad=[
        Bad("""
import os
from flask import request
from werkzeug.utils import secure_filename

def upload():
    file = request.files["file"]
    [|file.save(os.path.join("/srv/uploads", secure_filename(file.filename)))|]
"""),
    ],
    good=[
        """
import os
import uuid
from flask import abort, request
from werkzeug.utils import secure_filename

ALLOWED = {"png"}

def upload():
    file = request.files["file"]
    if file.filename.rsplit(".", 1)[-1] not in ALLOWED:
        abort(415)
    file.save(os.path.join("/srv/uploads", secure_filename(file.filename)))

def other():
    file = request.files["file"]
    file.save(os.path.join("/srv/uploads", str(uuid.uuid4())))

def third(form):
    if form.validate_on_submit():
        form.file.data.save(form.file.data.filename)
""",
    ],
)

_CHECKS = regex(
    r"allowed|extension|\bext\b|splitext|suffix|endswith|content_type|mimetype|magic|validat|filetype|imghdr|Image\.open|FileAllowed|accept",
    re.I,
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Uploads that are saved by the name they came with, in functions that look at no type."""
    for call in view.reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "save" or not call.args:
            continue
        function = view.reading.function(call)
        if not any(isinstance(it, ast.Attribute) and it.attr == "filename" for it in _followed(view, call.args[0])):
            continue
        if _is_made_here(view, call, function):
            continue
        text = ast.unparse(function) if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else view.reading.unit.text
        if not _CHECKS.search(text):
            yield Hit(call, "This upload keeps the name and the type its sender chose; allow some types, and name it yourself.")


def _is_made_here(view: View, call: ast.Call, function: ast.AST | None) -> bool:
    """Whether the program wrote what is saved, or gave it its name."""
    if len(call.args) > 1 and any(
        isinstance(it, ast.Name | ast.Attribute) and dotted(it).rpartition(".")[2] in ("ContentFile", "BytesIO", "StringIO")
        for it in _followed(view, call.args[1])
    ):
        return True
    return function is not None and any(
        isinstance(it, ast.Attribute) and it.attr == "filename" and isinstance(it.ctx, ast.Store) for it in ast.walk(function)
    )


def _followed(view: View, node: ast.expr) -> Iterator[ast.AST]:
    """The expression and what the names in it were set to."""
    bindings = view.reading.bindings(view.reading.function(node))
    for it in ast.walk(node):
        yield it
        if isinstance(it, ast.Name):
            for value in bindings.get(it.id, ()):
                if value is not None:
                    yield from ast.walk(value)
