"""Agents that run side by side each set the same part of a state they share.

Why: the last one to finish wins. What the others found is gone, and which of them that is differs from run to run.
Instead: let each give its result back, and join the results when all are there; or keep them apart by who found them.

    found = await asyncio.gather(*(critique(draft, aspect) for aspect in ASPECTS))
    review = dict(zip(ASPECTS, found))

Consequences: work of a model is paid for and thrown away; the answer changes though nothing else did.
Trade-offs: a list that all append to keeps everything, in no order.
Tests: script the agents to finish in another order, and assert the same result.
Observability: count the results that a step joins; it must be the number of agents that were started.
Source: https://docs.langchain.com/oss/python/langgraph/graph-api#reducers, which asks for a reducer in the same case
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import parallel_functions
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.reading import Function, Reading
from architect_lsp.knowledge.summaries import effects
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["C2", "C3"],
    cwe=362,
    needs=["] =", "self."],
    bad=[
        Bad("""
import asyncio
from anthropic import AsyncAnthropic

client = AsyncAnthropic()

async def critique(draft, aspect, shared):
    answer = await client.messages.create(model="m", max_tokens=500, messages=[{"role": "user", "content": f"{aspect} {draft}"}])
    [|shared["critique"] = answer.content[0].text|]

async def review(draft, aspects):
    shared = {}
    await asyncio.gather(*(critique(draft, aspect, shared) for aspect in aspects[:3]))
    return shared["critique"]
"""),
        Bad("""
import asyncio
from agents import Runner

BOARD = {"summary": ""}

async def work(agent, text):
    result = await Runner.run(agent, text, max_turns=4)
    [|BOARD["summary"] = result.final_output|]

async def read(agents, text):
    await asyncio.gather(*[work(agent, text) for agent in agents])
"""),
    ],
    good=[
        """
import asyncio
from agents import Runner

BOARD = {"summary": "", "by_agent": {}, "log": []}
LOCK = asyncio.Lock()

async def work(agent, text):
    result = await Runner.run(agent, text, max_turns=4)
    BOARD["by_agent"][agent.name] = result.final_output
    BOARD["log"].append(result.final_output)
    BOARD["state"] = "running"
    async with LOCK:
        BOARD["summary"] = BOARD["summary"] + result.final_output
    own = {}
    own["text"] = result.final_output
    return own

async def read(agents, text):
    return await asyncio.gather(*[work(agent, text) for agent in agents])

async def alone(agent, text):
    BOARD["summary"] = (await Runner.run(agent, text, max_turns=4)).final_output
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Keys and attributes that all runs of a function share, set by each of them to what its own model said."""
    reading = view.reading
    for function in reading.functions:
        shared = parallel_functions(view.project).get((view.path, reading.qualname(function)))
        definition = view.project.definition(view.path, reading.qualname(function)) if shared is not None else None
        if shared is None or definition is None or "llm" not in effects(view.project, view.path, definition):
            continue
        held = shared | (view.project.of_file(view.path, _containers) - reading.bindings(function).keys())
        for node in reading.within(function):
            if not isinstance(node, ast.Assign) or isinstance(node.value, ast.Constant) or len(node.targets) != 1:
                continue
            if _is_shared(node.targets[0], held) and not _is_alone(reading, node, function):
                name = ast.unparse(node.targets[0])
                yield Hit(node, f"Each run of `{function.name}` beside the others sets `{name}`: only the last one's is kept.")


def _containers(facts: Facts) -> frozenset[str]:
    """The names of a module that hold a dictionary."""
    return frozenset(it.name for it in facts.variables if "." not in it.name and it.value is not None and it.value.kind == "dict")


def _is_shared(node: ast.expr, held: frozenset[str]) -> bool:
    """Whether a target is one fixed place in something that all runs have: `shared["x"]`, `self.x`."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name) and node.value.id in held - {"self"} and isinstance(node.slice, ast.Constant)
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in held


def _is_alone(reading: Reading, node: ast.AST, function: Function) -> bool:
    """Whether a lock or a condition stands around."""
    for up in reading.ancestors(node):
        if up is function:
            return False
        if isinstance(up, ast.With | ast.AsyncWith | ast.If):
            return True
    return False
