"""An archive decides where its files are written.

Why: a name such as `../../etc/cron.d/x`, or a link to a folder outside, leads out of the folder that it is unpacked into.
Instead: the `data` filter, which refuses such members.

    def unpacked(archive: Path, folder: Path) -> None:
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
        except tarfile.FilterError as error:
            raise BadArchive(archive) from error

Trade-offs: archives of your own that hold devices or absolute links need `filter="fully_trusted"`, which says so.
Tests: an archive with `../canary` raises, and the file is not there.
Security: writing any file the service may write; from there to running code.
Performance: bound the number and size of members; a small archive may unpack to terabytes.
Source: CWE-22; PEP 706
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import last_name
from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=22,
    equivalents=["S202", "B202"],
    needs=["extract", "unpack_archive", "namelist", "infolist", "getmembers", "getnames"],
    bad=[
        Bad(
            """
import tarfile

def unpack(path, folder):
    with tarfile.open(path) as archive:
        [|archive.extractall(folder)|]
""",
            fixed="""
import tarfile

def unpack(path, folder):
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
""",
        ),
        Bad("""
import os
import zipfile

def unpack(path, folder):
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            target = os.path.join(folder, name)
            with open([|target|], "wb") as file:
                file.write(archive.read(name))
"""),
        Bad(
            """

import shutil

def restore(path, folder):
    [|shutil.unpack_archive(path, folder, "gztar")|]
""",
        ),
    ],
    good=[
        """
import os
import tarfile
import zipfile

def unpack(path, folder, is_safe):
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
        archive.extractall(folder, members=[it for it in archive if is_safe(it)])
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
        for name in archive.namelist():
            if ".." in name or name.startswith("/"):
                continue
            with open(os.path.join(folder, name), "wb") as file:
                file.write(archive.read(name))
""",
        """
import os
import shutil
import tarfile
import zipfile

def unpack(path, folder):
    with tarfile.open(path) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(folder, filter="data")
        else:
            archive.extractall(folder)

def looked_through(path, folder):
    with tarfile.open(path) as archive:
        for member in archive.getmembers():
            validate_member(member.name, folder)
        archive.extractall(folder)

def flat(path, folder):
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            directory, name = os.path.split(info.filename)
            with open(os.path.join(folder, name), "wb") as file:
                file.write(archive.read(info))

def restore(path, folder):
    shutil.unpack_archive(path, folder, "gztar", filter="data")
    shutil.unpack_archive(path, folder, "zip")
""",
    ],
)

_CHECKED = regex(
    r"is_relative_to|commonpath|commonprefix|realpath|startswith|resolve\(|\.issym|safe_members|data_filter|version_info|\"\.\.\""
)
"""What a function says that looks at the members before it unpacks them."""
_LOOKS = regex(r"valid|check|safe|ensure|verify|guard|assert|confine|within")
_TAR = regex(r"\btar\b|tgz|\.gz|gztar|bztar|xztar")
_MEMBERS = regex(r"\b(?:namelist|infolist|getmembers|getnames)\(\)")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Archives that are unpacked without a look at the names in them."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        given = {it.arg for it in call.keywords}
        if last in ("extractall", "extract") and not given & {"filter", "members", None} and _is_tar(view, call):
            if _CHECKED.search(view.reading.unit.text) or _is_looked_through(view, call):
                continue
            source = view.reading.source(call)
            text = (
                f'{source[:-1].rstrip().rstrip(",")}, filter="data")'
                if call.args or call.keywords
                else f'{source[:-1]}filter="data")'
            )
            fixes = (Draft("Refuse members that lead out", (Change(call, text),)),) if source.endswith(")") else ()
            yield Hit(call, 'The archive\'s own names decide where its files go; pass `filter="data"`.', fixes)
        elif last == "unpack_archive" and "filter" not in given and view.callee(call) == "shutil.unpack_archive":
            if _TAR.search(view.reading.source(call)) and not _CHECKED.search(view.reading.unit.text):
                yield Hit(call, 'The archive\'s own names decide where its files go; pass `filter="data"`.')
        elif last == "open" and call.args and isinstance(call.func, ast.Name) and _MEMBERS.search(view.reading.unit.text):
            found = view.parts(call.args[0], "path")
            if any(isinstance(it, Origin) and it.kind != "checked" and _MEMBERS.search(it.name) for it in found):
                yield Hit(call.args[0], "A name from the archive decides which file is used; `..` in it leads out of the folder.")


def _is_looked_through(view: View, call: ast.Call) -> bool:
    """Whether a loop before hands each member to a check: `for member in tar.getmembers(): validate(member.name)`."""
    for loop in view.reading.within(view.reading.function(call)):
        if isinstance(loop, ast.For) and loop.lineno < call.lineno and _MEMBERS.search(ast.unparse(loop.iter)):
            calls = (it for row in loop.body for it in ast.walk(row) if isinstance(it, ast.Call))
            if any(_LOOKS.search(last_name(it.func)) for it in calls):
                return True
    return False


def _is_tar(view: View, call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or (call.func.attr == "extractall" and len(call.args) > 1):
        return False
    name = view.callee(call)
    return name.startswith("tarfile.") or (not name and "tar" in dotted(call.func.value).lower())
