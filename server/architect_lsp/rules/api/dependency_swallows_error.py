"""A dependency with `yield` catches what the handler raised, and does not raise it again.

Why: FastAPI throws the handler's error into the dependency at its `yield`. One that keeps it leaves FastAPI without an error and
without an answer: since 0.110 that is a 500 that says nothing of its cause, and an `HTTPException(404)` of the handler becomes
the same 500.
Instead: raise it again.

    try:
        yield db
    except Exception:
        db.rollback()
        raise

Consequences: clients get 500 for what was their own mistake; the cause is in no log.
Tests: raise `HTTPException(404)` behind the dependency, and assert 404.
Source: https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/#always-raise-in-dependencies-with-yield-and-except
"""

import ast
from collections.abc import Iterable, Iterator

from architect_lsp.knowledge.endings import leaves
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.knowledge.values import Value
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["B3", "A3"],
    cwe=390,
    needs=["yield"],
    bad=[
        Bad("""
from typing import Annotated
from fastapi import Depends
from app.db import Session

async def unit():
    session = Session()
    try:
        yield session
        await session.commit()
    [|except Exception:|]
        await session.rollback()

Unit = Annotated[Session, Depends(unit)]
"""),
        Bad("""
from fastapi import Depends, FastAPI
from app.db import SessionLocal

app = FastAPI()

def get_db():
    db = SessionLocal()
    try:
        yield db
    [|except Exception:|]
        db.rollback()
    finally:
        db.close()

@app.get("/health")
def health(db=Depends(get_db)):
    return {}
"""),
    ],
    good=[
        """
from fastapi import Depends, FastAPI, HTTPException
from app.db import SessionLocal

app = FastAPI()

def get_db():
    db = SessionLocal()
    try:
        yield db
    except Exception:
        db.rollback()
        raise
    finally:
        db.close()

def narrow():
    try:
        yield 1
    except KeyError:
        pass
    try:
        print("closing")
    except Exception:
        pass

def changed():
    try:
        yield 1
    except Exception as error:
        raise HTTPException(503) from error

def elsewhere():
    try:
        yield 1
    except Exception:
        pass

@app.get("/health")
def health(db=Depends(get_db), a=Depends(narrow), b=Depends(changed)):
    return {}
"""
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers of everything around the `yield` of a dependency, that end as if all went well."""
    for node in view.reading.each(ast.Yield):
        function = view.reading.function(node)
        around = next(
            (it for it in view.reading.ancestors(node) if isinstance(it, ast.Try | ast.FunctionDef | ast.AsyncFunctionDef)), None
        )
        if not isinstance(around, ast.Try) or not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for handler in around.handlers:
            types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type] if handler.type else []
            every = not types or any(dotted(it) in ("Exception", "BaseException") for it in types)
            if not every or leaves(handler.body) or any(isinstance(it, ast.Raise) for it in ast.walk(handler)):
                continue
            key = view.path, view.reading.qualname(function)
            if key in view.project.of_all("functions depended on", _depended_on):
                yield Hit(handler, f"The handler's error ends here, in `{function.name}`: raise it again.")
            break


def _depended_on(project: Project) -> frozenset[tuple[str, str]]:
    """The functions that `Depends` is given in signatures."""
    found: set[tuple[str, str]] = set()
    for path in project.paths:
        for it in project.facts(path).defs:
            found.update(_given(project, path, it.owner, [value for _, value in it.injected]))
        aliases = [each for it in project.facts(path).variables if it.value is not None for each in it.value.each()]
        found.update(_given(project, path, "", [it for it in aliases if it.kind == "call"]))  # `Annotated[Session, Depends(uow)]`
    return frozenset(found)


def _given(project: Project, path: str, owner: str, values: Iterable[Value]) -> Iterator[tuple[str, str]]:
    for value in values:
        given = value.argument(0, "dependency") if value.last in ("Depends", "Security") else None
        symbol = project.resolve(path, given.text, owner) if given is not None and given.text else None
        if isinstance(symbol, FunctionSymbol):
            yield symbol.path, symbol.facts.qualname
