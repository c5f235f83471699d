"""What an SQL statement says of the value that comes next: whether it is one, or a name, or a part of the statement."""

import ast
import re

from architect_lsp.knowledge.definitions import argument_of
from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.reading import Reading
from architect_lsp.patterns import regex

SQL = regex(
    r"(?:^|[\s(])(?:select\b.*\bfrom|insert\s+into|update\b.*\bset|delete\s+from|with\b.*\bas|replace\s+into|merge\s+into|call\s|exec\s|where\b|select\s)",
    re.IGNORECASE | re.DOTALL,
)
_DEFINES = regex(
    r"^\W*(?:create|alter|drop|grant|revoke|comment|set|pragma|copy|attach|detach|install|load|show|describe|explain|use|vacuum|analyze|truncate|declare|lock|unload|export|import|kill|begin|do)\b",
    re.IGNORECASE,
)
_VALUE = regex(r"(?:=|<|>|\blike|\bilike|\bbetween|\bvalues\s*\([^)]*|\bin\s*\([^)]*|\bregexp|\brlike)\s*$", re.IGNORECASE)
_IDENTIFIERS = regex(
    r"(?:^|_)(?:pk|table|tbl|schema|column|columns|col|cols|database|db|view|index|relation|catalog|sequence|constraint|dialect|owner|keyspace|graph|role|partition|field|fields|placeholder\w*|where|predicate\w*|clause|filter\w*|condition\w*|sql|query|stmt|ddl|expr\w*)(?:_?names?|s)?$"
)
COMPARES = regex(r"^[\w.]+\s*(?:[=<>]|like)\s*'?$", re.IGNORECASE)
_LISTED = regex(r"\bin\s*\(\s*$", re.IGNORECASE)
_MANY = regex(r"(?:ids|values|list|marks|numbers|keys)$")


def takes_value(reading: Reading, before: str, origin: Origin) -> bool:
    """Whether what is written behind `before` is a value that a quote in it would end."""
    if origin.name.endswith(".value") or _DEFINES.match(before):  # of an Enum; of what can't be bound
        return False
    return _is_value(before) and not _IDENTIFIERS.search(_word(origin)) and not _is_joined(reading, before, origin)


def _is_value(before: str) -> bool:
    quoted = before.count("'") % 2 == 1
    return bool(SQL.search(before)) and (quoted or bool(_VALUE.search(before)))


def _word(origin: Origin) -> str:
    return re.sub(r"(?:\.\w*\(\))+$", "", origin.name).rpartition(".")[2].lower()


def _is_joined(reading: Reading, before: str, origin: Origin) -> bool:
    """Whether a text of many values stands in `IN (...)`: who joined them knows what they are."""
    if not _LISTED.search(before) or not _MANY.search(origin.name):
        return False
    given = argument_of(reading.function(origin.node), origin.name)
    return given is not None and given.annotation is not None and ast.unparse(given.annotation) == "str"
