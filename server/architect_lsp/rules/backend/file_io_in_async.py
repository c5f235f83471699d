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
from architect_lsp.knowledge.starts import runs_once
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

EXPORTS = Path("/srv/exports")

async def load(folder, name):
    return [|(Path(folder) / name).read_text()|]

async def export(number):
    path = EXPORTS / f"{number}.csv"
    return [|path.read_bytes()|], (EXPORTS / "sums").exists()
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
    source = open(name, "rb") if name else None
    await asyncio.create_subprocess_exec("wc", stdin=source)
    source.close()
    return await asyncio.to_thread(lambda: open(name).read())

async def kept(text):
    buffer = io.BytesIO(text)
    return numpy.load(buffer), numpy.load(io.BytesIO(text))

def plain(name):
    return open(name).read()
""",
        """
from pathlib import Path
import pytest

SCHEMA = Path(__file__).parent / "schema.sql"

async def prepare(pool):
    with SCHEMA.open() as file:
        await pool.execute(file.read())
    with open(SCHEMA) as file:
        await pool.execute(file.read())

@pytest.fixture
async def rows(tmp_path):
    return (tmp_path / "rows").open().read()
""",
        """
-- app/cli/load.py --
async def load(name):
    return open(name).read()
""",
        """
-- app/main.py --
from contextlib import asynccontextmanager
from app.prices import load_prices

@asynccontextmanager
async def lifespan(app):
    app.state.prices = await load_prices("prices.json")
    yield
-- app/prices.py --
async def load_prices(name):
    with open(name) as file:
        return file.read()
-- app/tools.py --
import asyncio
import click
from app.prices import load_prices

@click.command()
def show():
    print(asyncio.run(load_prices("prices.json")))
""",
    ],
)

_FILES = regex(
    r"(?:builtins|io|gzip|bz2|lzma|codecs|tarfile)\.open|io\.open_code"
    r"|pathlib\.Path\.(?:\w+\.)*(?:open|read_text|read_bytes|write_text|write_bytes)"
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
            if runs_once(view.project, view.path, reading.qualname(function)):
                break
            if _is_fixed(call) or any(
                "fixture" in dotted(it.func if isinstance(it, ast.Call) else it) for it in function.decorator_list
            ):
                continue
            if call.args and _IN_MEMORY.fullmatch(reading.target(call.args[0])):
                continue
            does = f"`{name.removeprefix('builtins.')}` works on a file"
            yield Hit(call, f"{does} on the event loop; other requests wait for the disk.", tuple(_fix(reading, call)))
            break


def _is_fixed(call: ast.Call) -> bool:
    """Whether a file of the program's own is read, under a name that never changes: `open(SCHEMA)`, `SCHEMA.read_text()`."""
    opens = isinstance(call.func, ast.Attribute) and call.func.attr in ("open", "read_text", "read_bytes")
    path = call.func.value if isinstance(call.func, ast.Attribute) and opens else call.args[0] if call.args else None
    writes = any(isinstance(it, ast.Constant) and str(it.value)[:1] in "wax" for it in call.args[:2])
    return isinstance(path, ast.Name) and path.id.isupper() and not writes


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
    if isinstance(item, ast.IfExp):
        item = reading.parent(item)
    name = item.optional_vars if isinstance(item, ast.withitem) else item.targets[0] if isinstance(item, ast.Assign) else None
    if not isinstance(name, ast.Name):
        return False
    if isinstance(item, ast.Assign) and not _is_used(reading, name.id):
        return True
    handed = (it for it in reading.each(ast.Call) if isinstance(given_to_thread(it), ast.Attribute))
    return any(dotted(given_to_thread(it)).startswith(f"{name.id}.") for it in handed)


def _is_used(reading: Reading, name: str) -> bool:
    """Whether something is read or written through a file of this name here; to open it alone takes no time worth a thread."""
    return any(dotted(it.func).startswith(f"{name}.") and not dotted(it.func).endswith(".close") for it in reading.each(ast.Call))


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
