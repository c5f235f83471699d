"""Two agents can hand a conversation to each other for ever.

Why: each of them decides alone, and neither remembers that it was asked before. A question that fits none of them goes back
and forth until a limit that nobody chose ends the run with an error.
Instead: let hand-offs go one way, or bound the run with a number you chose and say what happens then.

    try:
        result = await Runner.run(triage, question, max_turns=8)
    except MaxTurnsExceeded:
        result = await hand_to_person(question)

Consequences: a user waits for ten turns of two models and gets an error; each turn sends the whole conversation.
Trade-offs: a way back is right where the conversation goes on; count the hand-offs in the context and close the way after
two.
Tests: script both agents to hand over at once; assert that the run ends with the answer you meant for that case.
Observability: count hand-offs in each run, and alert on more than three.
Source: https://openai.github.io/openai-agents-python/running_agents/
"""

from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.nouns import Handoff
from architect_lsp.knowledge.project import Project
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["C1", "C5"],
    cwe=835,
    bad=[
        Bad("""
from agents import Agent, Runner

billing = Agent(name="Billing", instructions="Bills. Everything else goes to triage.")
triage = Agent(name="Triage", instructions="Route.", handoffs=[billing])
[|billing.handoffs.append(triage)|]

def main(question):
    return Runner.run_sync(triage, question)
"""),
    ],
    good=[
        """
from agents import Agent, Runner

billing = Agent(name="Billing", instructions="Bills.")
triage = Agent(name="Triage", instructions="Route.", handoffs=[billing])

def main(question):
    return Runner.run_sync(triage, question)
""",
        """
from agents import Agent, Runner

billing = Agent(name="Billing", instructions="Bills.")
triage = Agent(name="Triage", instructions="Route.", handoffs=[billing])
billing.handoffs.append(triage)

def main(question):
    return Runner.run_sync(triage, question, max_turns=6)
""",
    ],
)

_FEW = 50
"""Turns from which a limit is none."""


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Pairs of agents that hand over to each other, in programs where no run says how many turns it may take."""
    known = catalogue(project)
    if not known.handoffs or any(_is_chosen(dict(it.limits).get("max_turns", "")) for it in known.agents):
        return
    ways: dict[tuple[str, str], Handoff] = {}
    for it in known.handoffs:
        ways.setdefault((it.source, it.target), it)
    order = list(ways)
    for (source, target), way in ways.items():
        back = ways.get((target, source))
        if back is not None and order.index((source, target)) < order.index((target, source)):
            last, first = (way, back) if way.at.kind == "registration" else (back, way)  # the one that closes the circle
            yield ProjectHit(
                last.at,
                f"`{source}` and `{target}` can hand over to each other, and no run is held to a few turns.",
                ((first.at, f"`{first.source}` hands over to `{first.target}`"),),
            )


def _is_chosen(turns: str) -> bool:
    """Whether a limit is one that somebody chose: a name, or a number that a run may reach."""
    return bool(turns) and turns != "None" and not (turns.isdigit() and int(turns) > _FEW)
