"""The response carries a secret of the user's or of the service.

Why: the response model decides what leaves the service. A class that inherits from the stored record (`UserOut(UserInDB)`) hands
out everything the record holds, and the field nobody thought of is the password's hash.
Instead: a model of its own for what goes out, built from what may be seen instead of cut from what is stored.

    class UserOut(BaseModel):
        id: int
        email: str

    @router.get("/users/{user_id}", response_model=UserOut)
    async def read_user(user_id: int, session: SessionDep) -> User: ...

Consequences: the secret is in every client, cache, proxy and log the response passes through; taking it back means changing it.
Trade-offs: `Field(exclude=True)` is shorter, and a later subclass that declares the field anew undoes it.
Tests: assert on the exact set of keys in the answer, so that a new column can't slip in.
Security: hashes are guessed offline at billions a second; an API key needs no guessing.
Observability: scan sampled responses for the names of secret fields and alert on the first.
Source: OWASP API Security Top 10 2023, API3: Broken Object Property Level Authorization
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import arguments
from architect_lsp.knowledge.facts import Field
from architect_lsp.knowledge.frameworks.fastapi import is_route
from architect_lsp.knowledge.openapi import OpenApi, snake
from architect_lsp.knowledge.reading import Function, constant, dotted
from architect_lsp.knowledge.secret_names import ISSUED, KEYS, PASSWORDS, STORES, is_kept_secret
from architect_lsp.knowledge.symbols import ClassSymbol, Ref
from architect_lsp.knowledge.values import Value
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, FileHit, Hit, OpenApiView, Rule, SdlView, View
from architect_lsp.syntax.nodes import Node

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "A5", "D4"],
    cwe=200,
    needs=["response_model", "->"],
    bad=[
        Bad("""
-- app/routes.py --
from fastapi import APIRouter
from app.schemas import UserOut

router = APIRouter()

@router.get("/users", response_model=[|list[UserOut]|])
def list_users(): ...

@router.get("/me")
def read_me() -> [|UserOut | None|]: ...
-- app/schemas.py --
from pydantic import BaseModel

class UserInDB(BaseModel):
    id: int
    hashed_password: str

class UserOut(UserInDB):
    email: str
"""),
        Bad("""
from fastapi import APIRouter
from pydantic import BaseModel

router = APIRouter()

class Account(BaseModel):
    api_key: str | None = None

class Profile(BaseModel):
    name: str
    accounts: list[Account]

@router.get("/profile")
def read() -> [|Profile|]: ...
"""),
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
paths:
  /users:
    get:
      responses:
        "200":
          content:
            application/json:
              schema: {type: array, items: {$ref: "#/components/schemas/User"}}
components:
  schemas:
    User:
      type: object
      properties:
        name: {type: string}
        [|passwordHash|]: {type: string}
"""),
        Bad("""
-- schema.graphql --
type Query {
  user(id: ID!): User
}
type User {
  id: ID!
  name: String!
  [|passwordHash|]: String!
}
"""),
    ],
    good=[
        """
from typing import Annotated
from fastapi import APIRouter
from pydantic import BaseModel, Field, SecretStr

router = APIRouter()

class UserCreate(BaseModel):
    password: str

class UserOut(BaseModel):
    email: str
    has_password: bool
    password: SecretStr
    api_key: Annotated[str, Field(exclude=True)]
    hashed_password: str = Field(exclude=True)

class Tokens(BaseModel):
    access_token: str
    refresh_token: str
    token_type: str
    csrf_token: str

@router.post("/users", response_model=UserOut)
def create(user: UserCreate): ...

@router.post("/login")
def login() -> Tokens: ...
""",
        """
from fastapi import APIRouter
from pydantic import BaseModel, Field

router = APIRouter()

class User(BaseModel):
    hashed_password: str

class Shown(User):
    hashed_password: str = Field(exclude=True)

class KeyCreated(BaseModel):
    api_key: str

class RepoCreds(BaseModel):
    private_key: str
@router.get("/repo")
def repo() -> RepoCreds: ...


class Proposal(BaseModel):
    password: str
@router.get("/generate-password", response_model=Proposal)
def generate_password(): ...

@router.get("/me", response_model=Shown)
def read(): ...

@router.get("/you", response_model=User, response_model_exclude={"hashed_password"})
def read_you(): ...

class Account(BaseModel):
    api_key: str
@router.get("/usage")
def usage(api_keys: tuple[str, ...]) -> list[Account]: ...

@router.get("/account/me")
def my_account() -> Account: ...

@router.post("/keys")
def make_key() -> KeyCreated:
    \"\"\"The key is shown this once.\"\"\"
""",
        """
from sqlmodel import SQLModel

class User(SQLModel):
    hashed_password: str

def read() -> User: ...
""",
        """
-- openapi.yaml --
openapi: 3.0.3
paths:
  /users:
    get:
      responses: {"200": {content: {application/json: {schema: {$ref: "#/components/schemas/User"}}}}}
    post:
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/NewUser"}}}}
      responses: {"201": {content: {application/json: {schema: {$ref: "#/components/schemas/User"}}}}}
components:
  schemas:
    NewUser:
      type: object
      properties:
        password: {type: string}
    User:
      type: object
      properties:
        name: {type: string}
        password: {type: string, writeOnly: true}
        hasPassword: {type: boolean}
        passwd: {type: boolean}
""",
        """
-- schema.graphql --
type Mutation {
  createUser(input: NewUser!): User!
}
input NewUser {
  name: String!
  password: String!
}
type User {
  name: String!
  hasPassword: Boolean!
  password: PasswordRules
}
type PasswordRules {
  length: Int!
}
""",
        """
-- openapi.yaml --
openapi: 3.0.3
paths:
  /payments:
    get:
      responses:
        "200":
          content:
            application/json:
              schema:
                properties:
                  cardNumber: {type: string, description: The masked number of the card}
                  creditCard: {$ref: "#/components/schemas/Card"}
components:
  schemas:
    Card: {type: object, properties: {brand: {type: string}}}
""",
    ],
)

_HIDDEN = regex(
    r"mask|last (?:four|4)|first (?:six|6)|truncat|redact|encrypt|hidden|obfuscat|\*\*|never returned|write[- ]only",
    re.IGNORECASE,
)
"""What a description says of a secret that is not shown as it is."""


def _is_excluded(field: Field) -> bool:
    """Whether pydantic leaves the field out: `Field(exclude=True)`, as its value or in its `Annotated`."""
    said = (each for it in (field.value, field.shape) if it is not None for each in it.each())
    return any(it.last == "Field" and it.keyword("exclude") == Value("constant", "True") for it in said)


_MASKED = ("SecretStr", "SecretBytes", "bool", "Literal", "SkipValidation", "ClassVar")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Routes whose response model has a field for a secret."""
    for function in view.reading.functions:
        definition = view.project.definition(view.path, view.reading.qualname(function))
        if definition is None or not definition.decorators or not is_route(view.project, view.path, definition):
            continue
        node, hidden = _response(function)
        if node is None:
            continue
        known = {each for it in arguments(function) for each in (it.arg, it.arg.removesuffix("s"))}
        for symbol in _classes(view, node):
            secrets = (it for it in _secrets(view, symbol, function.name) if it[0] not in hidden)
            found = next((it for it in secrets if not _is_askers(function, it[0], known)), None)
            if found is not None:
                name, owner, ref = found
                message = f"The response carries `{name}` of `{owner}`."
                yield Hit(node, message, evidence=((ref, f"`{owner}.{name}` is part of `{symbol.facts.qualname}`"),))
                break


def _is_askers(function: Function, name: str, known: set[str]) -> bool:
    """Whether who asks has the secret already, gave it with the request, or asks for what is theirs: `/me`."""
    if name in known:
        return True
    paths = (str(constant(it.args[0])) for it in function.decorator_list if isinstance(it, ast.Call) and it.args)
    return bool(KEYS.fullmatch(name)) and any(re.search(r"/(?:me|self|whoami)/?$", it) for it in paths)


def _response(function: Function) -> tuple[ast.expr | None, set[str]]:
    """(the expression that names the model, fields left out); None when the route says something else of its answer."""
    for call in function.decorator_list:
        if not isinstance(call, ast.Call):
            continue
        said = {it.arg: it.value for it in call.keywords}
        if "response_model_include" in said or "response_class" in said:
            return None, set()
        excluded = said.get("response_model_exclude")
        hidden = {str(constant(it)) for it in ast.walk(excluded) if isinstance(it, ast.Constant)} if excluded else set()
        if "response_model" in said:
            model = said["response_model"]
            return (None if constant(model) is None and isinstance(model, ast.Constant) else model), hidden
        if hidden:
            return function.returns, hidden
    return function.returns, set()


def _classes(view: View, node: ast.expr) -> Iterator[ClassSymbol]:
    """The project's classes that an annotation names, wherever in it."""
    for it in ast.walk(node):
        text = constant(it)
        name = dotted(it) if isinstance(it, ast.Name | ast.Attribute) else text if isinstance(text, str) else ""
        symbol = view.project.resolve(view.path, name) if re.fullmatch(r"[\w.]+", name) else None
        if isinstance(symbol, ClassSymbol):
            yield symbol


def _secrets(view: View, symbol: ClassSymbol, handler: str, depth: int = 1) -> Iterator[tuple[str, str, Ref]]:
    """(field, its class, where) of the class and its bases, then of the models it holds."""
    project = view.project
    seen: set[str] = set()
    held: list[ClassSymbol] = []
    for base in project.bases(symbol):
        if not isinstance(base, ClassSymbol) or _rewritten(view, base):
            continue
        for index, it in enumerate(base.facts.fields):
            if it.name in seen or it.name.startswith("_") or not it.annotation:
                continue
            seen.add(it.name)
            kind = it.annotation.rpartition(".")[2]
            if kind in _MASKED or _is_excluded(it) or (it.value is not None and it.value.last == "Relationship"):
                continue  # SQLModel answers with no relation
            inner = project.resolve(base.path, it.annotation)
            if isinstance(inner, ClassSymbol):
                held.append(inner)  # a class of the project's own is no text, whatever its name
            elif is_kept_secret(it.name, f"{symbol.facts.qualname} {base.facts.qualname} {handler}"):
                yield it.name, base.facts.qualname, Ref(base.path, base.facts.qualname, "field", index)
    for inner in held if depth else ():
        yield from _secrets(view, inner, handler, depth - 1)


def _rewritten(view: View, symbol: ClassSymbol) -> bool:
    """Whether the class has a say in how it is written out, and so may mask a field."""
    rows = view.project.methods(symbol.path, symbol.facts.qualname)
    writers = ("field_serializer", "model_serializer")
    return any(d.target.rpartition(".")[2] in writers for it in rows for d in it.decorators)


@rule.check_openapi
def find_described(view: OpenApiView) -> Iterator[FileHit]:
    """Fields of what a document's operations answer with that are secrets by their names."""
    told: set[int] = set()
    for operation in view.api.operations:
        if ISSUED.search(f"{operation.path} {operation.node['operationId'].text}") or STORES.search(operation.path):
            continue
        for response in operation.responses:
            for field in _fields(view.api, response.body) if response.status.startswith("2") else ():
                said = view.api.meant(field)
                is_text = said["type"].text in ("", "string") and not view.api.properties(said)
                is_kept = is_text and not field["writeOnly"].is_true and not _HIDDEN.search(said["description"].text)
                if is_kept and PASSWORDS.fullmatch(snake(field.name)) and field.key.start not in told:
                    told.add(field.key.start)
                    words = f"`{operation.spoken}` answers with `{field.name}`."
                    yield FileHit(field.key, words, symbol=f"{operation.spoken} {field.name}")


def _fields(api: OpenApi, schema: Node, depth: int = 3) -> Iterator[Node]:
    """The fields of an answer, those of what is in it too."""
    for part in api.parts(schema):
        yield from part["properties"].entries
        inner = [part["items"], *part["properties"].entries, *part["oneOf"].items, *part["anyOf"].items]
        for it in inner if depth else ():
            yield from _fields(api, it, depth - 1)


@rule.check_sdl
def find_in_schema(view: SdlView) -> Iterator[FileHit]:
    """Fields of a GraphQL schema's types that are secrets by their names."""
    for it in view.schema.fields:
        is_shown = view.schema.kinds.get(it.owner) in ("object", "interface") and it.owner not in view.schema.roots
        if is_shown and it.target == "String" and not it.arguments and PASSWORDS.fullmatch(snake(it.name)):
            yield FileHit(it.at, f"Whoever may ask for a `{it.owner}` reads its `{it.name}`.", symbol=it.spoken)
