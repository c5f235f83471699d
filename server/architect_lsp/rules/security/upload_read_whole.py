"""An upload is read into memory, however large it is.

Why: the sender decides how large a file is. `await file.read()` waits for all of it and holds it in memory, for each request
at once.
Instead: read at most what you take, and refuse the rest.

    content = await file.read(LIMIT + 1)
    if len(content) > LIMIT:
        raise HTTPException(status_code=413)

Consequences: a handful of requests with gigabytes end the process, and with it the requests of all others.
Trade-offs: a proxy in front may have a limit; then say so in a comment, or set the same here.
Tests: send one byte more than is allowed, and expect 413.
Security: CWE-770.
Source: OWASP API Security Top 10 2023, API4
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["D4"],
    cwe=770,
    needs=["UploadFile"],
    bad=[
        Bad(
            """
from fastapi import APIRouter, File, UploadFile
from shop.store import keep

router = APIRouter()

@router.post("/pictures")
async def picture(title: str, sent: UploadFile = File(...)):
    return await keep(title, [|await sent.read()|])
"""
        ),
        Bad("""
from fastapi import FastAPI, UploadFile

app = FastAPI()

@app.post("/avatar")
async def avatar(file: UploadFile):
    data = [|await file.read()|]
    return {"size": len(data)}
"""),
    ],
    good=[
        """
from fastapi import APIRouter, HTTPException, UploadFile
from shop.store import keep, Limited

router = APIRouter()

@router.post("/pictures")
async def picture(sent: UploadFile):
    if sent.size is None or sent.size > 1_000_000:
        raise HTTPException(status_code=413)
    return await keep(await sent.read())

@router.post("/films")
async def film(sent: UploadFile):
    while part := await sent.read(65536):
        await keep(part)
""",
    ],
)

_LIMITS = regex(
    r"\.size\b|\bsize\s*[<>]|[<>]=?\s*size\b|_size|max_|_max|limit|content.length|413|TOO_LARGE"
    r"|\blen\([\w.]+\)\s*(?:[<>]|not in)|[<>]=?\s*len\(",
    re.IGNORECASE,
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers that read an `UploadFile` at once, in functions and applications without a word of a limit."""
    for function in view.reading.functions:
        names = _uploads(function)
        if not names or not routes_of(view.project, view.path, view.reading.qualname(function)):
            continue
        if _LIMITS.search(view.reading.source(function)):
            continue
        for node in view.reading.within(function):
            call = node.value if isinstance(node, ast.Await) else node
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "read" and not call.args:
                owner = dotted(call.func.value).removesuffix(".file")
                if owner in names and (isinstance(node, ast.Await) or dotted(call.func.value).endswith(".file")):
                    yield Hit(
                        node, f"`{function.name}` holds all of `{owner}` in memory, however large it is: read up to a limit."
                    )
                    break


def _uploads(function: Function) -> set[str]:
    """The parameters that are uploads."""
    arguments = (*function.args.args, *function.args.kwonlyargs)
    return {it.arg for it in arguments if it.annotation is not None and re.search(r"\bUploadFile\b", ast.unparse(it.annotation))}
