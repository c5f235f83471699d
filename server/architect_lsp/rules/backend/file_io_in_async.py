"""A file is read or written on the event loop.

Why: the system call holds the thread that serves everyone. A small local file costs little; a large one, a network mount, a cold
disk or a tree of folders costs as much as a slow request.
Instead: hand it to a thread, or use a library that does.

    async def report(path: Path) -> str:
        try:
            return await asyncio.to_thread(path.read_text, encoding="utf-8")
        except FileNotFoundError as error:
            raise HTTPException(404) from error

Consequences: latency of all requests in flight follows that of the disk.
Trade-offs: a thread costs some 50 microseconds; for a small local file at start-up it is not worth it.
Tests: put a named pipe in the file's place and assert that another request is answered.
Observability: graph the loop's lag beside the disk's.
Source: https://docs.astral.sh/ruff/rules/blocking-open-call-in-async-function/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.waiting import given_to_thread
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["B3", "D3"],
    equivalents=["ASYNC230", "ASYNC240"],
    needs=["async def"],
    bad=[
        Bad("""
async def load(name):
    with [|open(name)|] as file:
        return file.read()
"""),
        Bad(
            """
from pathlib import Path

async def save(name, text):
    [|Path(name).write_text(text)|]
""",
            fixed="""
import asyncio
from pathlib import Path

async def save(name, text):
    await asyncio.to_thread(Path(name).write_text, text)
""",
        ),
        Bad("""
import shutil

async def keep(folder, copy):
    [|shutil.copytree(folder, copy)|]
"""),
        Bad("""
from pathlib import Path

async def load(folder, name):
    return [|(Path(folder) / name).read_text()|]
"""),
    ],
    good=[
        """
import json
import tempfile
from pathlib import Path

async def key(run):
    with tempfile.TemporaryDirectory() as folder:
        await run("make-key", folder)
        return json.loads((Path(folder) / "key.json").read_text())
""",
        """
import asyncio
import io
import aiofiles
import numpy
from pathlib import Path

async def load(name):
    async with aiofiles.open(name) as file:
        await file.read()
    await asyncio.to_thread(Path(name).read_text)
    with open(name, "wb") as copy:
        await asyncio.to_thread(copy.write, b"text")
    return await asyncio.to_thread(lambda: open(name).read())

async def kept(text):
    buffer = io.BytesIO(text)
    return numpy.load(buffer), numpy.load(io.BytesIO(text))

def plain(name):
    return open(name).read()
""",
        """
-- app/cli/load.py --
async def load(name):
    return open(name).read()
""",
    ],
)

_FILES = regex(
    r"(?:builtins|io|gzip|bz2|lzma|codecs|tarfile)\.open|io\.open_code"
    r"|pathlib\.Path\.(?:open|read_text|read_bytes|write_text|write_bytes)"
    r"|shutil\.(?:copy2?|copyfile|copytree|move|make_archive|unpack_archive)|os\.(?:walk|fsync)"
    r"|pandas\.read_(?:csv|excel|parquet|json|feather)|zipfile\.ZipFile\.(?:extractall|extract)|numpy\.(?:load|loadtxt|genfromtxt)"
)

_IN_MEMORY = regex(r"(?:io\.)?(?:BytesIO|StringIO)\(\)")
"""A file that no disk is asked for."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls in a coroutine that read or write files, the first of each function."""
    reading = view.reading
    if is_script(view.path):
        return
    for function in reading.each(ast.AsyncFunctionDef):
        for call in reading.within(function):
            if not isinstance(call, ast.Call) or reading.awaited(call) or not _FILES.fullmatch(name := view.callee(call)):
                continue
            if any(isinstance(it, ast.AsyncWith) and _opens(it, call) for it in reading.ancestors(call)):
                continue
            if _is_used_in_threads(reading, call) or _is_of_own_folder(reading, call):
                continue
            if call.args and _IN_MEMORY.fullmatch(reading.target(call.args[0])):
                continue
            does = f"`{name.removeprefix('builtins.')}` works on a file"
            yield Hit(call, f"{does} on the event loop; other requests wait for the disk.", tuple(_fix(reading, call)))
            break


def _is_of_own_folder(reading: Reading, call: ast.Call) -> bool:
    """Whether a small answer is read that another program left in a temporary folder of this function's."""
    return (
        isinstance(call.func, ast.Attribute)
        and call.func.attr == "read_text"
        and any(
            isinstance(it, ast.With) and any("TemporaryDirectory" in ast.unparse(item.context_expr) for item in it.items)
            for it in reading.ancestors(call)
        )
    )


def _is_used_in_threads(reading: Reading, call: ast.Call) -> bool:
    """Whether what is done with the file that the call opens is handed to threads: `to_thread(file.write, chunk)`."""
    item = reading.parent(call)
    if not isinstance(item, ast.withitem) or not isinstance(item.optional_vars, ast.Name):
        return False
    handed = (it for it in reading.each(ast.Call) if isinstance(given_to_thread(it), ast.Attribute))
    return any(dotted(given_to_thread(it)).startswith(f"{item.optional_vars.id}.") for it in handed)


def _opens(block: ast.AsyncWith, call: ast.Call) -> bool:
    return any(it.context_expr is call for it in block.items)


def _fix(reading: Reading, call: ast.Call) -> Iterator[Draft]:
    """The call in a thread, where all it gives is a value."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr in ("open", "walk") or call.lineno != call.end_lineno:
        return
    if isinstance(reading.parent(call), ast.Attribute | ast.Subscript):
        return
    arguments = [reading.source(it) for it in call.args] + [reading.source(it) for it in call.keywords]
    text = f"await asyncio.to_thread({', '.join([reading.source(call.func), *arguments])})"
    yield Draft("Do it in a thread", (Change(call, text),), imports=("asyncio",))
