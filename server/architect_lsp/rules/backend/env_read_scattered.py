"""The same environment variable is read in several files, and they disagree on what holds where it is not set.

Why: each place that reads `os.getenv("QUEUE_URL", "...")` brings a default of its own. As long as the variable is set nobody
notices; where it is not, one half of the program works with one value and the other half with another.
Instead: read it once, in the settings, and hand the value on.

    class Settings(BaseSettings):
        queue_url: RedisDsn = RedisDsn("redis://localhost:6379/0")

    try:
        settings = Settings()
    except ValidationError as error:
        raise SystemExit(f"settings: {error}") from error

Consequences: a worker that listens where nobody sends, a limit that holds in one of two paths; found on the machine of whoever
did not set the variable.
Trade-offs: two programs in one repository may well have defaults of their own; then let them read two variables.
Tests: empty the environment, and assert that both parts see the same value.
Observability: log the settings, without secrets, when the program starts.
Source: https://12factor.net/config; https://docs.pydantic.dev/latest/concepts/pydantic_settings/
"""

import re
from collections.abc import Iterator

from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.kinds import is_sample, is_script
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.steps import ENVIRONMENT, environment_reads
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.HIGH,
    rows=["B4", "E4", "D3"],
    needs=["getenv", "environ"],
    bad=[
        Bad("""
-- shop/api.py --
import os

def limit():
    return int(os.getenv("ORDER_LIMIT", "50"))
-- shop/worker.py --
import os

LIMIT = int([|os.environ.get("ORDER_LIMIT", 500)|])
"""),
    ],
    good=[
        """
-- shop/api.py --
import os

LIMIT = int(os.getenv("ORDER_LIMIT", "50"))
DEBUG = os.getenv("SHOP_DEBUG", "false") == "true"
HAS_BROWSER = bool(os.getenv("BROWSER_URL", False))
HOST = os.getenv("SHOP_HOST", "")
PORT = os.getenv("PORT", "8000")
-- shop/worker.py --
import os

LIMIT = int(os.environ.get("ORDER_LIMIT", 50))
DEBUG = os.getenv("SHOP_DEBUG", "0") == "1"
BROWSER = os.getenv("BROWSER_URL", "ws://browser:3000")
HOST = os.getenv("SHOP_HOST", "localhost")
PORT = os.getenv("PORT", "9000")
-- scripts/fill.py --
import os

LIMIT = int(os.environ.get("ORDER_LIMIT", 5))
-- tests/test_api.py --
import os

LIMIT = int(os.environ.get("ORDER_LIMIT", 1))
""",
    ],
)

_OWN = ("PORT", "HOST", "BIND", "LOG_LEVEL", "LOGLEVEL", "WORKERS")
"""Variables that each program of a project may read for itself."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Reads of a variable whose default is another than that of the file which comes first."""
    told: set[str] = set()
    for call, name, default in environment_reads(view.reading):
        if name in told or not _counts(view.path):
            continue
        rows = view.project.of_all("defaults of the environment", _defaults).get(name, {})
        first = next(iter(rows), view.path)
        if first != view.path and default not in rows[first] and not _asks_whether_set(rows[first], default):
            told.add(name)
            yield Hit(call, f"`{name}` has another default here than in `{first}`, which takes {_shown(rows[first])}.")


def _asks_whether_set(first: tuple[str, ...], second: str) -> bool:
    """Whether one of two reads only asks whether the variable is set: its default is nothing, the other's a text."""
    nothing = ("", "0", "none", "false")
    return any((one.lower() in nothing) != (second.lower() in nothing) and _is_word(one + second) for one in first)


def _is_word(text: str) -> bool:
    """Whether a text holds more than a number or a truth."""
    return not re.fullmatch(r"[\d.]*|(?:0|none|false|true|1)*", text.lower())


def _shown(defaults: tuple[str, ...]) -> str:
    return " or ".join(f"`{it}`" for it in defaults)


def _counts(path: str) -> bool:
    return not is_script(path) and not is_sample(path)


def _defaults(project: Project) -> dict[str, dict[str, tuple[str, ...]]]:
    """Variable -> file -> its defaults, in the order of the files' names."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for path in sorted(project.paths):
        for name, default in project.of_file(path, _told) if _counts(path) else ():
            if name not in _OWN:
                rows = found.setdefault(name, {})
                rows[path] = (*rows.get(path, ()), default)
    return found


def _told(facts: Facts) -> tuple[tuple[str, str], ...]:
    rows = (it.removeprefix(ENVIRONMENT).partition("=") for it in dict.fromkeys(facts.mentions) if it.startswith(ENVIRONMENT))
    return tuple((name, default) for name, _, default in rows)
