"""What a client sends is unpacked in one piece, however large it becomes.

Why: ten kilobytes of gzip hold ten megabytes of zeros; the limit on a request's size is one of what was packed.
Instead: unpack with a bound, and refuse what is over it.

    def unpacked(body: bytes) -> bytes:
        unpacking = zlib.decompressobj(wbits=31)
        text = unpacking.decompress(body, LARGEST_BYTES)
        if unpacking.unconsumed_tail:
            raise HTTPException(413, "that unpacks to too much")
        return text

Trade-offs: a bound that is too low refuses honest clients; take a few times the largest that was seen.
Tests: send a packed text of zeros that is one byte over the bound, and expect 413.
Security: CWE-409. One small request fills the memory of a worker, and with it the machine.
Observability: count what is refused, with the sender.
Performance: chunks that are read one by one never stand in memory together.
Source: https://docs.python.org/3/library/zlib.html#zlib.Decompress.decompress
"""

from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=409,
    bad=[
        Bad("""
import gzip
from flask import Flask, request

app = Flask(__name__)

@app.post("/events")
def events():
    return {"bytes": len(gzip.decompress([|request.data|]))}
"""),
        Bad("""
import zlib
from fastapi import FastAPI, Request

app = FastAPI()

def opened(body):
    return zlib.decompress(body)

@app.post("/events")
async def events(request: Request):
    return {"bytes": len(opened([|await request.body()|]))}
"""),
    ],
    good=[
        """
import gzip
import zlib
from flask import Flask, abort, request

app = Flask(__name__)

@app.post("/events")
def events():
    unpacking = zlib.decompressobj(wbits=31)
    text = unpacking.decompress(request.data, 10_000_000)
    if unpacking.unconsumed_tail:
        abort(413)
    return {"bytes": len(text)}

def stored(path):
    with open(path, "rb") as file:
        return gzip.decompress(file.read())
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Bodies and uploads that are given to a function without a bound."""
    for it in view.exposures("unpacking"):
        message = f"`{it.source}` is unpacked by `{it.used_by}` whatever it grows to; unpack it with a bound."
        yield Hit(it.argument, message, (), it.steps)
