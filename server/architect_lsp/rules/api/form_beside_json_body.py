"""A handler takes a file or a form and a body of JSON at once, which no request can send.

Why: a request has one content type. With `File` or `Form` among the parameters FastAPI reads the body as a form, and a model
beside them is looked for in a field of that form, where a text stands, and is refused.
Instead: its fields as a form, or as one field of text that is parsed.

    async def upload(title: Annotated[str, Form()], file: UploadFile): ...

Consequences: every request is answered 422.
Tests: send what a client sends, and assert 201.
Source: https://fastapi.tiangolo.com/tutorial/request-forms-and-files/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import parameters as given
from architect_lsp.knowledge.operations import parameters, routes_of
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.schemas import pydantic_model
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    rows=["A4"],
    needs=["UploadFile", "Form", "File("],
    bad=[
        Bad("""
from fastapi import FastAPI, UploadFile
from pydantic import BaseModel

app = FastAPI()

class Meta(BaseModel):
    title: str

@app.post("/files")
async def upload([|meta: Meta|], file: UploadFile): ...
"""),
    ],
    good=[
        """
from typing import Annotated
from fastapi import Depends, FastAPI, Form, UploadFile
from pydantic import BaseModel, model_validator

app = FastAPI()

class Meta(BaseModel):
    title: str

class Parsed(BaseModel):
    title: str

    @model_validator(mode="before")
    @classmethod
    def parsed(cls, value):
        return value

@app.post("/files")
async def upload(title: Annotated[str, Form()], file: UploadFile): ...

@app.post("/forms")
async def form(meta: Annotated[Meta, Form()], file: UploadFile): ...

@app.post("/asked")
async def asked(file: UploadFile, meta: Meta = Depends()): ...

@app.post("/parsed")
async def parse(meta: Parsed, file: UploadFile): ...

@app.post("/json")
async def plain(meta: Meta): ...
"""
    ],
)

_FORMS = frozenset(("Form", "File"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Models among the parameters of handlers that take a file or a form."""
    for function in view.reading.functions:
        rows = [(it, it.annotation, default) for it, default in given(function)] if function.decorator_list else []
        if not any(_is_form(kind, default) for _, kind, default in rows):
            continue
        routes = routes_of(view.project, view.path, view.reading.qualname(function))
        if not routes or any(it.framework != "fastapi" for it in routes):
            continue
        named = {name for it in routes for name in parameters(it.path)}
        for argument, kind, default in rows:
            if argument.arg in named or default is not None or not isinstance(kind, ast.Name | ast.Attribute):
                continue
            symbol = view.symbol(kind)
            if not isinstance(symbol, ClassSymbol) or _parses(view, symbol):
                continue
            if pydantic_model(view.project, symbol.path, symbol.facts.qualname):
                yield Hit(argument, f"`{argument.arg}` is read as JSON, and this request is a form: it is always refused.")


def _parses(view: View, symbol: ClassSymbol) -> bool:
    """Whether the model makes something of a text itself."""
    inside = view.project.methods(symbol.path, symbol.facts.qualname)
    return any("valid" in d.target or "classmethod" in d.target for it in inside for d in it.decorators)


def _is_form(kind: ast.expr | None, default: ast.expr | None) -> bool:
    marks = [it for it in ast.walk(kind) if isinstance(it, ast.Call)] if isinstance(kind, ast.Subscript) else []
    calls = [*marks, *([default] if isinstance(default, ast.Call) else [])]
    if any(dotted(it.func).rpartition(".")[2] in _FORMS for it in calls):
        return True
    return kind is not None and any(isinstance(it, ast.Name) and it.id == "UploadFile" for it in ast.walk(kind))
