"""A model is configured by a name that pydantic 2 no longer knows.

Why: version 2 renamed most of what a `Config` holds and some of what `Field` takes. An old name in the configuration is passed
over with a warning, so that the setting is off; `Field(regex=...)` fails as soon as the file is imported.
Instead: the new name.

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)
    code: str = Field(pattern=r"^[A-Z]{3}$")

Consequences: rows of the database are refused where `orm_mode` was to read them, and names are not taken where they were.
Tests: run the tests with `-W error::UserWarning`.
Source: https://docs.pydantic.dev/latest/migration/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.schemas import is_pydantic_2, pydantic_model
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A4", "A5"],
    needs=["Config", "regex=", "_items=", "const="],
    bad=[
        Bad("""
from pydantic import BaseModel, ConfigDict, Field

class Tag(BaseModel):
    name: str = Field([|regex="^[a-z]+$"|])
    kinds: list[str] = Field([|min_items=1|])

    class Config:
        [|orm_mode|] = True

class Label(BaseModel):
    model_config = ConfigDict([|allow_population_by_field_name=True|])
"""),
    ],
    good=[
        """
from pydantic import BaseModel, ConfigDict, Field

class Tag(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    name: str = Field(pattern="^[a-z]+$")
    kinds: list[str] = Field(min_length=1)

class Other:
    class Config:
        orm_mode = True
""",
        """
from pydantic import BaseModel, Field

class Tag(BaseModel):
    name: str = Field(regex="^[a-z]+$")

    class Config:
        orm_mode = True
""",
        """
import pydantic
from pydantic import BaseModel, ConfigDict

if pydantic.VERSION.startswith("2"):
    ...
else:
    class Tag(BaseModel):
        class Config:
            orm_mode = True
""",
    ],
)

_SETTINGS = {
    "orm_mode": "from_attributes",
    "allow_population_by_field_name": "populate_by_name",
    "anystr_lower": "str_to_lower",
    "anystr_strip_whitespace": "str_strip_whitespace",
    "anystr_upper": "str_to_upper",
    "max_anystr_length": "str_max_length",
    "min_anystr_length": "str_min_length",
    "schema_extra": "json_schema_extra",
    "validate_all": "validate_default",
    "allow_mutation": "frozen",
    "copy_on_model_validation": "revalidate_instances",
    "keep_untouched": "ignored_types",
    "smart_union": "",
    "getter_dict": "",
    "underscore_attrs_are_private": "",
    "error_msg_templates": "",
}
_OF_FIELDS = {"regex": "pattern", "min_items": "min_length", "max_items": "max_length", "const": "Literal", "unique_items": "set"}


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Old names in the configuration of models, and in their fields."""
    if not is_pydantic_2(view.project):
        return
    for node in view.reading.each(ast.ClassDef):
        if node.name == "Config":
            owner = view.reading.qualname(node).rpartition(".")[0]
            rows = [(at, at.id) for it in node.body if isinstance(it, ast.Assign) and isinstance(at := it.targets[0], ast.Name)]
            rows = [(at, name) for at, name in rows if name in _SETTINGS]
            if rows and pydantic_model(view.project, view.path, owner) and not _is_choice(view, node):
                yield from (Hit(at, _told(name, _SETTINGS[name])) for at, name in rows)
    for call in view.reading.each(ast.Call):
        last = dotted(call.func).rpartition(".")[2]
        known = _SETTINGS if last == "ConfigDict" else _OF_FIELDS if last == "Field" else {}
        given = [it for it in call.keywords if it.arg in known]
        if not given or not view.callee(call).startswith("pydantic.") or view.callee(call).startswith("pydantic.v1"):
            continue
        if not _is_choice(view, call):
            yield from (Hit(it, _told(it.arg, known[it.arg])) for it in given if it.arg)


def _told(old: str, new: str) -> str:
    if old.endswith("_items") and old != "unique_items":
        return f"Pydantic 2 will drop `{old}`: it is `{new}` now."
    return f"Pydantic 2 knows no `{old}`" + (f": it is `{new}` now." if new else ".")


def _is_choice(view: View, node: ast.AST) -> bool:
    """Whether it stands in a branch, as for another version."""
    return any(isinstance(it, ast.If | ast.Try | ast.IfExp) for it in view.reading.ancestors(node))
