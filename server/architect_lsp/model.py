"""The nouns every other room speaks in: plain frozen values that import nothing of ours.

Positions: a `Span` counts code points from 0 in the text of one file and is half open. A `Place` names a line from 0 and
a column in code points from 0, for files whose text is not at hand. UTF-16 exists only in `text.Lines`, bytes only in `syntax`.

Paths: a `path` is relative to the project's root with `/` between its parts; a file outside the root keeps its absolute path.
"""

from __future__ import annotations

import hashlib
import re
from enum import Enum

from msgspec import Struct, field


class Severity(str, Enum):
    """How much a finding matters; the order of definition is the order of weight, heaviest first."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def weight(self) -> int:
        """2 for an error, 1 for a warning, 0 for a note."""
        return {"error": 2, "warning": 1, "note": 0}[self.value]


class Confidence(str, Enum):
    """How sure the reviewer is that the finding is about real code and a real effect."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Domain(str, Enum):
    """The six folders of the rule book."""

    API = "api"
    BACKEND = "backend"
    AGENTS = "agents"
    SECURITY = "security"
    RELIABILITY = "reliability"
    QUALITY = "quality"


class Span(Struct, frozen=True, order=True):
    """Code points `start` (inclusive) to `end` (exclusive), from 0, of one file's text."""

    start: int
    end: int

    def touches(self, other: Span) -> bool:
        """Whether the two share a code point or meet at an edge."""
        return self.start <= other.end and other.start <= self.end

    def covers(self, other: Span) -> bool:
        """Whether `other` lies inside this span, edges included."""
        return self.start <= other.start and other.end <= self.end


class Place(Struct, frozen=True, array_like=True, gc=False):
    """Lines and columns from 0, columns in code points; the end is exclusive."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int


class Related(Struct, frozen=True):
    """One step of the evidence, mostly a call on the path to the effect, mostly in another file."""

    place: Place
    message: str


class Edit(Struct, frozen=True):
    """Replace `span` by `text`; `path` None means the file the finding is in."""

    span: Span
    text: str
    path: str | None = None


class Fix(Struct, frozen=True):
    """A proposed change. `safe` keeps behaviour and may run unattended; `by_model` text was written by a model.

    `counts_on` names each other file that is edited, with the digest (`text.digest`) of the text its edits were made for.
    """

    title: str
    edits: tuple[Edit, ...]
    safe: bool = False
    by_model: bool = False
    counts_on: tuple[tuple[str, str], ...] = ()


class Parts(Struct, frozen=True):
    """What an answer contains besides its message (S1-S7 of the reviewer's duties); "" means it does not apply."""

    why: str = ""
    instead: str = ""
    consequences: str = ""
    trade_offs: str = ""
    tests: str = ""
    security: str = ""
    observability: str = ""
    performance: str = ""
    source: str = ""


class Provenance(Struct, frozen=True):
    """Who says so: a rule with the product's version, or an agent with prompt, model and where the answer came from."""

    kind: str  # "rule" or "model"
    version: str
    model: str = ""
    agent: str = ""
    origin: str = ""  # "live" or "ledger" for a model's remark
    proof: str = ""  # the fact of the project that bears a model's remark out


class Finding(Struct, frozen=True):
    """One thing worth a reviewer's word. `rule` is its id in every editor, in the command line and in SARIF."""

    rule: str
    domain: Domain
    severity: Severity
    confidence: Confidence
    path: str
    span: Span
    message: str
    symbol: str = ""  # qualified name of the enclosing definition; "" is the module itself
    quote: str = ""  # the text under the span when the finding was made
    parts: Parts = field(default_factory=Parts)
    evidence: tuple[Related, ...] = ()
    fixes: tuple[Fix, ...] = ()
    provenance: Provenance = Provenance("rule", "")
    cwe: int | None = None

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that survive moved lines and reformatting: id, path, enclosing symbol, normalised quote."""
        quote = re.sub(r"\s+|[\"']|,(?=\s*[)\]}])", "", self.quote)
        return hashlib.sha256("\0".join((self.rule, self.path, self.symbol, quote)).encode()).hexdigest()[:16]


class Snapshot(Struct, frozen=True):
    """One version of one file's text, never changed; `version` None means it was read from disk."""

    path: str
    text: str
    version: int | None = None
    language: str = "python"
