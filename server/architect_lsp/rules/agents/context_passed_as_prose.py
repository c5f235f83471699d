"""One agent is given what another wrote as free text, with no shape that either of them has to keep.

Why: what the second agent needs stands somewhere in the first one's sentences. A figure that was left out, or a plan that became
a question, is passed on without anybody noticing, and each step blurs it further.
Instead: let the first agent answer in a shape, check it, and hand on its fields.

    plan = (await Runner.run(planner, goal, max_turns=4)).final_output_as(Plan)
    report = await Runner.run(writer, plan.model_dump_json(), max_turns=8)

Consequences: mistakes surface two agents later, where nothing tells which of them made them.
Trade-offs: prose that is to be rewritten, translated or summed up is the matter itself; it needs no shape.
Off by default: whether the text is the matter or the message can't be told from the code.
Tests: script the first agent to leave a field out, and assert that the second is never asked.
Source: https://openai.github.io/openai-agents-python/agents/#output-types
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.reading import dotted, keyword
from architect_lsp.knowledge.wording import says
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.LOW,
    rows=["C1"],
    preview=True,
    needs=["Runner"],
    bad=[
        Bad("""
from agents import Agent, Runner

planner = Agent(name="planner", instructions="Plan the trip.")
booker = Agent(name="booker", instructions="Book what was planned.")

async def trip(goal):
    plan = await Runner.run(planner, goal, max_turns=4)
    return await Runner.run(booker, [|f"Book this: {plan.final_output}"|], max_turns=8)
"""),
    ],
    good=[
        """
from agents import Agent, Runner
from app.shapes import Plan

planner = Agent(name="planner", instructions="Plan the trip.", output_type=Plan)
booker = Agent(name="booker", instructions="Book what was planned.")

async def trip(goal):
    plan = (await Runner.run(planner, goal, max_turns=4)).final_output_as(Plan)
    return await Runner.run(booker, plan.model_dump_json(), max_turns=8)

async def shown(goal):
    plan = await Runner.run(planner, goal, max_turns=4)
    return await Runner.run(booker, f"Book this: {plan.final_output}", max_turns=8)

async def alone(goal):
    return (await Runner.run(planner, goal, max_turns=4)).final_output
""",
    ],
)

_RUN = regex(r"agents\.(?:run\.)?Runner\.run(?:_sync|_streamed)?")
_PROSE = regex(r"Runner\.run(?:_sync|_streamed)?\(\)\.final_output$")
_SHAPED = regex(r"output_type|final_output_as|model_dump|isinstance|to_input_list")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Runs of an agent that are given another run's output as it came."""
    if says(view.reading, _SHAPED) or view.project.of_file(view.path, _is_typed):
        return
    for call in view.reading.each(ast.Call):
        if not dotted(call.func).startswith("Runner.") or not _RUN.fullmatch(view.callee(call)):
            continue
        given = call.args[1] if len(call.args) > 1 else keyword(call, "input")
        found = view.parts(given, "prompt") if given is not None else ()
        if given is not None and any(isinstance(it, Origin) and _PROSE.search(it.name) for it in found):
            yield Hit(given, "This agent is given what another wrote as free text: no shape says what it has to hold.")


def _is_typed(facts: Facts) -> bool:
    """Whether an agent of the file answers in a shape."""
    values = [it.value for it in facts.variables if it.value is not None] + [it.value for it in facts.registrations]
    return any(key == "output_type" for value in values for key, _ in value.keywords)
