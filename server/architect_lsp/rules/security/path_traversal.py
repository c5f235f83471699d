"""A value from outside becomes a file's path.

Why: `..` climbs out of the folder that was meant, an absolute path replaces it altogether (`os.path.join("/srv", "/etc/passwd")`
is `/etc/passwd`), and links lead further. The service reads or writes a file of the attacker's choice.
Instead: resolve the path and refuse what lies outside, or keep names of your own beside the user's.

    def opened(name: str) -> BinaryIO:
        path = (UPLOADS / name).resolve()
        if not path.is_relative_to(UPLOADS):
            raise HTTPException(404)
        try:
            return path.open("rb")
        except FileNotFoundError as error:
            raise HTTPException(404) from error

Consequences: what may be read is decided by the rights of the process, not by the program.
Trade-offs: `send_from_directory` and static file handlers check this already; an id that is looked up needs no check of a path.
Tests: ask for `../../etc/passwd`, `/etc/passwd`, `%2e%2e/x` and a link that points outside; each is a 404.
Security: reading keys and sources; where it writes, running code.
Observability: log refused paths with the user; probing for them is loud.
Source: CWE-22; https://owasp.org/www-community/attacks/Path_Traversal
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import leaves
from architect_lsp.knowledge.exposures import Exposure
from architect_lsp.knowledge.narrowed import of_address
from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=22,
    bad=[
        Bad("""
import os
from flask import request, send_file

def download():
    path = os.path.join("/srv/files", request.args["name"])
    return send_file([|path|])
"""),
        Bad("""
from django import forms
from django.urls import path
from django.views.generic import FormView

class Ask(forms.Form):
    name = forms.CharField()
    slug = forms.SlugField()

class Page(FormView):
    form_class = Ask

    def form_valid(self, form):
        open("/srv/" + form.cleaned_data["slug"] + self.kwargs["year"] + self.request.FILES["upload"].name).close()
        return open([|"/srv/" + form.cleaned_data["name"]|]), open([|"/srv/" + self.kwargs["path"]|])

urlpatterns = [path("<str:year>/<path:path>", Page.as_view())]
"""),
        Bad("""
from pathlib import Path
from fastapi import FastAPI, UploadFile

app = FastAPI()
FOLDER = Path("/srv/uploads")

@app.post("/files")
async def upload(file: UploadFile):
    target = FOLDER / file.filename
    [|target|].write_bytes(await file.read())
"""),
        Bad("""
-- app/views.py --
from django.http import HttpResponse
from app.store import Store

def page(request, name):
    return HttpResponse(Store("/srv/pages").read([|request.GET.get("page")|]))
-- app/store.py --
class Store:
    def __init__(self, root):
        self.root = root

    def read(self, name):
        with open(self.root + "/" + name) as file:
            return file.read()
"""),
        Bad(
            """

from flask import request

def keep():
    sent = request.files["picture"]
    sent.save([|f"/srv/pictures/{sent.filename}"|])
""",
        ),
        Bad(
            """

from pathlib import Path
from flask import request

def note(settings):
    folder = Path(settings.notes)
    with ([|folder / request.args["name"]|]).open() as file:
        return {"text": file.read()}
""",
        ),
        Bad("""
import os
from pathlib import Path
from fastapi import FastAPI
from fastapi.responses import FileResponse
from flask import request

app = FastAPI()
ROOT = Path("/srv/reports")

def read():
    path = os.path.join("/srv/reports", request.args["name"])
    if not path.startswith("/srv/reports"):
        return None
    with open([|path|]) as file:
        return file.read()

@app.get("/reports")
def report(name: str):
    path = (ROOT / name).resolve()
    return FileResponse([|path|])
"""),
    ],
    good=[
        """
import pytest
from django.urls import path

@pytest.fixture
def nginx(request, folder):
    return open(folder / "nginx.conf").read()
""",
        """
from pathlib import Path
from django.http import HttpResponse
from django.utils._os import safe_join
from django.views import View

def placed(root, name):
    return Path(safe_join(root, name)), name

def serve(request, name, root=None):
    place, name = placed(root, name)
    return HttpResponse(place.read_text(), headers={"X-Name": name})

class Show(View):
    def get(self, request, name: str = ""):
        return serve(request, name, root="/srv/data")
""",
        """
import io
import zipfile
from fastapi import FastAPI, UploadFile

app = FastAPI()

@app.post("/import")
async def read(file: UploadFile):
    with zipfile.ZipFile(io.BytesIO(await file.read())) as archive:
        return archive.namelist()
""",
        """
import enum
from typing import Optional
from fastapi import FastAPI

app = FastAPI()

class Theme(str, enum.Enum):
    light = "light"
    dark = "dark"

@app.post("/parts")
def store(parts: list[str]):
    names = [f"parts/{number}.txt" for number, _ in enumerate(parts)]
    open("".join(names)).close()
    for number, part in enumerate(parts):
        with open(f"parts/{number}.txt", "w") as file:
            file.write(part)

@app.get("/logo")
def logo(theme: Optional[Theme] = None):
    name = theme.value if theme else Theme.light.value
    with open("logos/" + name) as file:
        return file.read()
""",
        """
import os
from fastapi import FastAPI, HTTPException

app = FastAPI()

@app.post("/folders")
def make(folder: str):
    if not os.path.isabs(folder):
        raise HTTPException(400, "an absolute path, please")
    os.makedirs(folder)
""",
        """
import os
from pathlib import Path
from flask import Blueprint, abort, request, send_file, send_from_directory
from werkzeug.utils import secure_filename

ROOT = Path("/srv/files")
blueprint = Blueprint("files", __name__)

def download():
    name = request.args["name"]
    send_from_directory("/srv/files", name)
    send_file(ROOT / secure_filename(name))
    send_file(ROOT / os.path.basename(name))
    path = (ROOT / name).resolve()
    if not path.is_relative_to(ROOT):
        abort(404)
    return send_file(path)

def other():
    full = os.path.realpath(os.path.join("/srv", request.args["name"]))
    if not full.startswith("/srv/"):
        abort(404)
    with open(full) as file:
        return file.read()

@blueprint.route("/custom/<any(css,js):folder>/<path:name>")
def custom(folder, name):
    return send_from_directory(os.path.join("/srv", folder), name)

def listed(request):
    path = request.json.get("path")
    if os.path.isabs(path):
        full = path
    else:
        full = os.path.join("/srv", path)
    return os.listdir(full)

def numbered(request, number):
    with open(f"/srv/{int(number)}.txt") as file:
        return file.read()
""",
        """
import csv
from fastapi import FastAPI, UploadFile

app = FastAPI()

@app.get("/pages/{name}")
def page(name: str):
    return open(f"/srv/pages/{name}").read()

@app.post("/rows")
async def rows(file: UploadFile):
    data = await file.read()
    with open("/tmp/rows.csv", "wb") as target:
        target.write(data)
""",
        """

import uuid
from flask import request

def keep():
    sent = request.files["picture"]
    sent.save(f"/srv/pictures/{uuid.uuid4()}.png")
""",
        """
import os
from pathlib import Path
from flask import request

def read():
    path = os.path.realpath(os.path.join("/srv/reports", request.args["name"]))
    if not path.startswith("/srv/reports/"):
        return None
    with open(path) as file:
        return file.read()

def kept():
    return (Path("/srv/reports") / Path(request.args["name"]).name).read_text()
""",
        """
from fastapi import APIRouter
from shop.users import CurrentActiveUser

router = APIRouter()

@router.get("/files")
def files(current_user: CurrentActiveUser):
    with open(f"/srv/files/{current_user.id}") as file:
        return file.read()
""",
    ],
)

_OF_PATHS = ("open", "unlink", "rmdir", "touch", "iterdir", "rename")
"""Methods of paths that other things have too; those that only paths have are sinks everywhere."""
_NO_NAME = regex(r"\.(?:file|stream|FILES|files)(?:\.get)?(?:\(\))?$|\.FILES(?:\.\w+\(\))?\.name$")
"""An uploaded file itself, not its name; Django keeps the last part of a name alone."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Files whose path someone outside decides."""
    yield from _kept_names(view)
    yield from _opened(view)
    for it in view.exposures("path"):
        if _NO_NAME.search(it.origin.name) or _is_of_row(view, it.origin):
            continue
        if not _is_segment(view, it.origin) and not _is_any(view, it):
            message = f"`{it.source}` decides which file `{it.used_by}` uses; `..` or `/` in it leads out of the folder."
            yield Hit(it.argument, message, (), it.steps)


def _opened(view: View) -> Iterator[Hit]:
    """Files of `folder / name`, where the class of the folder can't be told."""
    for call in view.reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _OF_PATHS:
            continue
        given = call.func.value
        if isinstance(given, ast.Name):
            values = view.reading.bindings(view.reading.function(given)).get(given.id, [])
            given = values[0] if len(values) == 1 and values[0] is not None else given
        if isinstance(given, ast.BinOp) and isinstance(given.op, ast.Div) and not view.callee(call).startswith("pathlib."):
            origin = view.untrusted(call.func.value, "path")
            if origin is not None and not _is_segment(view, origin):
                message = (
                    f"`{origin.name}` decides which file `{call.func.attr}` uses; `..` or `/` in it leads out of the folder."
                )
                yield Hit(call.func.value, message)


def _kept_names(view: View) -> Iterator[Hit]:
    """Uploads that are kept under the name that their sender gave them."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if last != "save" or len(call.args) != 1 or "filename" not in view.reading.unit.text:
            continue
        origin = view.untrusted(call.args[0], "path")
        if origin is not None and origin.name.endswith(".filename"):
            yield Hit(
                call.args[0], f"`{origin.name}` decides where the upload is kept; `..` or `/` in it leads out of the folder."
            )


def _is_segment(view: View, origin: Origin) -> bool:
    """Whether the value is one segment of the route's path, which holds no slash."""
    if "path" in (of_address(view.project, view.path, view.reading, origin) or ()):
        return True
    name = origin.name.partition(".")[0]
    function = view.reading.function(origin.node)
    if origin.kind != "parameter" or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    paths = (constant(it.args[0]) for it in function.decorator_list if isinstance(it, ast.Call) and it.args)
    return any(isinstance(it, str) and re.search(rf"\{{{name}\}}|<(?!path:)(?:[^<>]*:)?{name}>", it) for it in paths)


def _is_of_row(view: View, origin: Origin) -> bool:
    """Whether it is two attributes away from a parameter of no said type, as in `translation.component.path`: of a stored row."""
    name, _, rest = origin.name.partition(".")
    function = view.reading.function(origin.node)
    if (
        origin.kind != "parameter"
        or origin.is_sent
        or "." not in rest
        or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    ):
        return False
    return any(it.arg == name and it.annotation is None for it in function.args.args if it.arg not in ("self", "request"))


def _is_any(view: View, exposure: Exposure) -> bool:
    """Whether the function takes any file on purpose: it asks for an absolute path, and nothing else is joined to it."""
    if len({it.name for it in exposure.parts if isinstance(it, Origin)}) > 1:
        return False
    function = view.reading.function(exposure.call)
    for node in view.reading.each(ast.If):
        test, block = (node.test.operand, node.orelse) if isinstance(node.test, ast.UnaryOp) else (node.test, node.body)
        is_asked = isinstance(test, ast.Call) and dotted(test.func).rpartition(".")[2] in ("isabs", "is_absolute")
        if is_asked and view.reading.function(node) is function and not leaves(block):
            return True
    return False
