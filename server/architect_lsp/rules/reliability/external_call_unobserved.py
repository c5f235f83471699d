"""One function of a module talks to another service and leaves no trace, where the others log or measure it.

Why: when the other side is slow or wrong, the first question is who asked it what, and how long it took. Nine of ten calls
answer that; the one that doesn't is the one nobody thinks of.
Instead: what the neighbours do, or once for all of them: a hook of the client, or its instrumentation.

    def refund(self, charge: str) -> Refund:
        with self._latency.labels("refund").time():
            try:
                answer = self._client.post("/refunds", json={"charge": charge}, timeout=10)
                answer.raise_for_status()
            except httpx.HTTPError as error:
                logger.warning("refund of %s failed: %s", charge, error)
                raise RefundFailed(charge) from error
        return Refund.model_validate(answer.json())

Consequences: an outage of the other side shows in this function's callers only, under another name.
Trade-offs: a line a call is too much where a call is made a thousand times a second; a counter and a histogram are not.
Off by default: the caller may well be the one who logs.
Tests: let the other side fail, and assert on the log record or on the counter.
Security: log whom you asked and how it ended, never the token or the body.
Observability: count, errors and duration by service and operation, with the id of the request.
Source: https://opentelemetry.io/docs/specs/semconv/http/http-spans/ and
https://sre.google/sre-book/monitoring-distributed-systems/
"""

from collections.abc import Iterator

from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.habits import odd_ones
from architect_lsp.knowledge.kinds import is_script, is_test
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.summaries import effects
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

_CALL = """
def {0}(number):
    answer = requests.post("https://pay.example/{0}", json={{"order": number}}, timeout=5)
    logger.info("{0} of %s: %s", number, answer.status_code)
    return answer.json()
"""
_CALLS = "import logging\nimport requests\n\nlogger = logging.getLogger(__name__)\n" + "".join(
    map(_CALL.format, ("charge", "capture", "void", "quote", "settle"))
)

rule = Rule(
    __name__,
    preview=True,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["E2", "C4"],
    bad=[
        Bad(
            _CALLS
            + """
def refund(number):
    return [|requests.post("https://pay.example/refund", json={"order": number}, timeout=5)|].json()
"""
        ),
    ],
    good=[
        _CALLS
        + """
@traced
def refund(number):
    return requests.post("https://pay.example/refund", json={"order": number}, timeout=5).json()

def refund_all(numbers):
    return [refund(it) for it in numbers]
""",
        _CALLS.replace("logger.info", "print", 3)
        + """
def refund(number):
    return requests.post("https://pay.example/refund", json={"order": number}, timeout=5).json()
""",
    ],
)

_TELLS = regex(
    r"(?:^|[._(])(?:log|logs|logger|logging|logfire|structlog|_?log(?:ger)?|sentry_sdk|capture_exception|metrics?|statsd|tracer|span|counter"
    r"|histogram|start_(?:as_current_)?span|labels|observe|timed|timer|trace|traced|instrument\w*|monitor\w*|record_\w+|log_\w+|emit\w*)"
    r"(?:$|[._(])",
)


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Requests of functions that tell nobody, in files of which nine tenths of the functions with requests do."""
    files: dict[str, list[tuple[str, Def, int]]] = {}
    for path in project.paths:
        if is_test(path) or is_script(path):
            continue
        for it in project.facts(path).defs:
            effect = effects(project, path, it).get("http") if it.calls else None
            if effect is not None and len(effect.path) == 1:
                files.setdefault(path, []).append((path, it, effect.path[0].index))
    for odd in odd_ones(files, lambda row: _tells(row[1])):
        path, definition, index = odd.member
        other = odd.example[1].qualname
        yield ProjectHit(
            Ref(path, definition.qualname, "call", index),
            f"`{definition.qualname}` tells nobody of this request; {odd.counts} functions of this file that make one do.",
            ((Ref(path, other, "def"), f"`{other}` does"),),
        )


def _tells(definition: Def) -> bool:
    """Whether a function logs, measures or traces, in its body or by a decorator."""
    names = (*(it.target for it in definition.decorators), *(it.target for it in definition.calls))
    return any(_TELLS.search(name) for name in names)
