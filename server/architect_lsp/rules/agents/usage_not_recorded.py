"""What one call of a model used is recorded by nobody, where the project records it of the others.

Why: tokens are money, and a limit that others share. A call that is left out of the count makes the bill differ from the books,
and the day it goes wrong nobody sees which it was.
Instead: read the usage of every answer, and keep it with the model and the task.

    answer = client.messages.create(model=MODEL, max_tokens=1024, messages=messages)
    record_usage("triage", answer.model, answer.usage)

Consequences: costs per customer, and budgets per run, are too low by what this call uses.
Trade-offs: a wrapper of the client, or a gateway, records all calls in one place and can't be forgotten.
Tests: script an answer with a usage and assert that it was recorded.
Observability: tokens by model and task; this call is missing from both.
Source: OWASP LLM10:2025 Unbounded Consumption
"""

from collections.abc import Iterator

from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.habits import odd_ones
from architect_lsp.knowledge.kinds import is_script, is_test
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.steps import USAGE
from architect_lsp.knowledge.summaries import effects
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

_CALL = """
def ask_{0}(text):
    answer = client.messages.create(model="m", max_tokens=9, messages=[{{"role": "user", "content": text}}])
    {1}
    return answer.content
"""
_OTHERS = "".join(_CALL.format(it, f'record("{it}", answer.usage)') for it in ("a", "b", "c", "d", "e", "f"))

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["C5", "E2"],
    bad=[
        Bad(
            "import anthropic\n\nclient = anthropic.Anthropic()\n"
            + _OTHERS
            + """
def ask_last(text):
    return [|client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": text}])|].content
"""
        ),
    ],
    good=[
        "import anthropic\n\nclient = anthropic.Anthropic()\n" + _OTHERS,
        """
import anthropic

client = anthropic.Anthropic()

def ask(text):
    return client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": text}]).content
""",
    ],
)


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Functions that ask a model and never speak of usage, in projects whose others do."""
    rows: list[tuple[str, str, int]] = []
    recorded: set[tuple[str, str]] = set()
    for path in project.paths:
        names = project.of_file(path, _recorded)
        recorded.update((path, it) for it in names)
    if not recorded:
        return
    for path in project.paths:
        if is_test(path) or is_script(path):
            continue
        for it in project.facts(path).defs:
            effect = effects(project, path, it).get("llm")
            if effect is not None and len(effect.path) == 1:
                rows.append((path, it.qualname, effect.path[0].index))
    for odd in odd_ones({"": rows}, lambda it: (it[0], it[1]) in recorded):
        path, qualname, index = odd.member
        other = odd.example
        yield ProjectHit(
            Ref(path, qualname, "call", index),
            f"What this call uses is recorded by nobody; {odd.counts} functions that ask a model record it.",
            ((Ref(other[0], other[1], "def"), f"`{other[1]}` does"),),
        )


def _recorded(facts: Facts) -> tuple[str, ...]:
    return tuple(it.removeprefix(USAGE) for it in facts.mentions if it.startswith(USAGE))
