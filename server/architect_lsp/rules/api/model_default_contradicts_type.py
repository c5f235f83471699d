"""A pydantic field is said to be never None, and None is its default.

Why: the annotation is the contract. The published schema says "string", so clients made from it fail at the `null` that they
are sent; and pydantic, which does not check defaults, hands that `null` out but refuses it when it comes back. Before version
2 such a default made the field optional by itself; it does no longer.
Instead: say what is true.

    class Order(BaseModel):
        number: int
        note: str | None = None

Consequences: every reader, type checker and generated client believes the annotation, and meets None in production.
Trade-offs: from then on clients may send `null` too. Where they must not, give a default of the type (`""`), or none.
Tests: send the model's own answer back to it (`Order.model_validate(Order(number=1).model_dump())`), and assert that it is
accepted.
Source: https://docs.pydantic.dev/latest/migration/#required-optional-and-nullable-fields;
https://peps.python.org/pep-0484/#union-types
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.knowledge.schemas import is_pydantic_2, pydantic_model
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.knowledge.values import Value
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A5", "A4", "E4", "E3"],
    needs=["None"],
    bad=[
        Bad(
            """
from typing import List
from pydantic import BaseModel, ConfigDict, Field

class Address(BaseModel):
    street: str

class Order(BaseModel):
    model_config = ConfigDict(frozen=True)
    number: int
    note: [|str|] = None  # 😀
    lines: [|List[str]|] = Field(None, description="what was bought")
    address: [|Address|] = Field(default=None)
""",
            fixed="""
from typing import List
from pydantic import BaseModel, ConfigDict, Field

class Address(BaseModel):
    street: str

class Order(BaseModel):
    model_config = ConfigDict(frozen=True)
    number: int
    note: str | None = None  # 😀
    lines: List[str] = Field(None, description="what was bought")
    address: Address = Field(default=None)
""",
        ),
        Bad("""
-- app/models.py --
from pydantic import BaseModel, model_validator

class Base(BaseModel): ...
-- app/orders.py --
from app.models import Base

class Order(Base):
    weight: [|float|] = None
"""),
    ],
    good=[
        """
from typing import Annotated, Any, ClassVar, Optional
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_settings import BaseSettings
from other import Maybe

class Order(BaseModel):
    model_config = ConfigDict(frozen=True)
    cache: ClassVar[dict] = None
    anything: Any = None
    maybe: Maybe = None
    note: Optional[str] = None
    weight: float | None = Field(None)
    size: "int | None" = None
    tagged: Annotated[str | None, Field()] = None
    number: int = 0
    lines: list[str] = Field(default_factory=list)
    _private: str = None
    total: int = Field(default=None, validate_default=True)

class Redis(BaseSettings):
    port: int = 6379
    read_only_port: int = None

    @field_validator("read_only_port", mode="before")
    @classmethod
    def same_port(cls, value, info):
        return info.data["port"] if value is None else value

class Key(BaseModel):
    secret: str

KeyInput = Annotated[Key | None, Field()]

class Signed(BaseModel):
    key: KeyInput = None

class Row:
    note: str = None
""",
        """
from pydantic import BaseModel, validator

class Order(BaseModel):
    note: str = None  # version 1 takes this for Optional[str]
""",
    ],
)

_PLAIN = frozenset(("str", "int", "float", "bool", "bytes", "list", "dict", "set", "tuple", "List", "Dict", "Set", "Tuple"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Fields of models of pydantic 2 whose default is None, by annotations that leave no room for it."""
    reading = view.reading
    for node in reading.each(ast.ClassDef):
        rows = [it for it in node.body if isinstance(it, ast.AnnAssign) and _is_none(it.value)]
        rows = [it for it in rows if isinstance(it.target, ast.Name) and not it.target.id.startswith("_")]
        if not rows or not is_pydantic_2(view.project):
            continue
        if pydantic_model(view.project, view.path, reading.qualname(node)) is None:
            continue
        filled = _filled(view, reading.qualname(node))
        for it in rows:
            if _never_none(view, it.annotation) and isinstance(it.target, ast.Name) and it.target.id not in filled:
                said = ast.unparse(it.annotation)
                told = (
                    f"`{it.target.id}` is said to be `{said}` and is None by default: its schema and its readers are told wrong."
                )
                changes = (Change(it.annotation, " | None", insert="after"),)
                yield Hit(it.annotation, told, (Draft("Say that it may be None", changes),))


def _filled(view: View, owner: str) -> set[str]:
    """The fields that a validator puts something else into before they are looked at, as settings validate their defaults too."""
    found: set[str] = set()
    for it in view.project.methods(view.path, owner):
        for said in (each.value for each in it.decorators):
            is_early = said.keyword("mode") == Value("text", "before") or said.keyword("always") == Value("constant", "True")
            if said.last in ("field_validator", "validator") and is_early:
                found.update(each.text for each in said.items if each.kind == "text")
    return found


def _is_none(value: ast.expr | None) -> bool:
    """Whether it is None, or a `Field` that says so and does not check it."""
    if isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2] == "Field":
        if keyword(value, "validate_default") is not None:
            return False
        value = value.args[0] if value.args else keyword(value, "default")
    return isinstance(value, ast.Constant) and constant(value) is None


def _never_none(view: View, annotation: ast.expr) -> bool:
    if isinstance(annotation, ast.Subscript):
        return dotted(annotation.value).rpartition(".")[2] in _PLAIN
    if isinstance(annotation, ast.Name) and annotation.id in _PLAIN:
        return True
    symbol = view.symbol(annotation) if isinstance(annotation, ast.Name | ast.Attribute) else None
    last = dotted(annotation).rpartition(".")[2]  # a name for `Annotated[Key | None, ...]` means the class, and more
    return isinstance(symbol, ClassSymbol) and symbol.facts.qualname.rpartition(".")[2] == last
