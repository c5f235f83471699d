"""A row with a password is answered as it was loaded.

Why: without a response model or a return annotation FastAPI writes out all that an object holds. What a table stores is not what
a client may see, and each column that is added later is answered too.
Instead: say what is answered.

    @app.get("/users/{key}", response_model=UserOut)

Consequences: the hashes of passwords leave with the rows.
Tests: assert that the answer's keys are exactly those that are meant.
Security: CWE-200.
Source: https://fastapi.tiangolo.com/tutorial/response-model/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import model_classes
from architect_lsp.knowledge.operations import routes_of
from architect_lsp.knowledge.reading import Function, dotted
from architect_lsp.knowledge.secret_names import PASSWORDS
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "A5", "D4"],
    cwe=200,
    needs=[".get("],
    bad=[
        Bad("""
from fastapi import Depends, FastAPI
from sqlalchemy import Column, Integer, String
from sqlalchemy.orm import declarative_base

Base = declarative_base()
app = FastAPI()

class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    hashed_password = Column(String)

@app.get("/users/{key}")
def read(key: int, db=Depends(session)):
    user = db.get(User, key)
    return [|user|]
"""),
    ],
    good=[
        """
from fastapi import Depends, FastAPI
from sqlalchemy import Column, Integer, String
from sqlalchemy.orm import declarative_base

Base = declarative_base()
app = FastAPI()

class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    hashed_password = Column(String)

class Tag(Base):
    __tablename__ = "tags"
    id = Column(Integer, primary_key=True)

@app.get("/users/{key}", response_model=UserOut)
def read(key: int, db=Depends(session)):
    user = db.get(User, key)
    return user

@app.get("/tags/{key}")
def tag(key: int, db=Depends(session)):
    tag = db.get(Tag, key)
    return tag

def load(db, key):
    user = db.get(User, key)
    return user
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Handlers of FastAPI that return a row of a class with a password, where nothing says what of it is answered."""
    for function in view.reading.functions:
        routes = routes_of(view.project, view.path, view.reading.qualname(function)) if function.decorator_list else ()
        if routes and all(it.framework == "fastapi" for it in routes):
            yield from _row(view, function)


def _row(view: View, function: Function) -> Iterator[Hit]:
    """A row that a handler returns as it was loaded, of a class with a password, where nothing says what of it is answered."""
    said = [it.arg or "" for call in function.decorator_list if isinstance(call, ast.Call) for it in call.keywords]
    if function.returns is not None or any(it.startswith("response_") for it in said):
        return
    for node in view.reading.within(function):
        if not isinstance(node, ast.Return) or not isinstance(node.value, ast.Name):
            continue
        values = view.reading.bindings(function).get(node.value.id, [])
        made = values[0] if len(values) == 1 else None
        made = made.value if isinstance(made, ast.Await) else made
        if not isinstance(made, ast.Call) or len(made.args) != 2 or not dotted(made.func).endswith(".get"):
            continue
        symbol = view.symbol(made.args[0]) if isinstance(made.args[0], ast.Name | ast.Attribute) else None
        if not isinstance(symbol, ClassSymbol) or (symbol.path, symbol.facts.qualname) not in model_classes(view.project):
            continue
        found = next((it.name for it in symbol.facts.fields if PASSWORDS.fullmatch(it.name)), "")
        if found:
            yield Hit(node.value, f"The response carries `{found}` of `{symbol.facts.qualname}`.")
            return
