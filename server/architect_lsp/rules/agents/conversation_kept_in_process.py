"""A service keeps the state of its agent in the memory of one process.

Why: `InMemorySaver` holds each conversation, each approval that is waited for, in a dictionary. A deployment forgets all of
them, a second worker has never heard of them, and nothing ever takes an old one out.
Instead: a checkpointer that outlives the process, opened with the application.

    async with AsyncPostgresSaver.from_conn_string(DATABASE_URL) as saver:
        app.state.agent = create_agent(MODEL, tools=TOOLS, checkpointer=saver)

Consequences: users who must begin anew, answers to questions that nobody asked any more, memory that grows until it is killed.
Trade-offs: in a test, a notebook or a demo it is what you want.
Tests: start two workers; go on in one with what was begun in the other.
Source: https://docs.langchain.com/oss/python/langgraph/persistence ("for debugging and testing purposes")
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["C3", "E2"],
    needs=["MemorySaver("],
    bad=[
        Bad("""
from fastapi import FastAPI
from langchain.agents import create_agent
from langgraph.checkpoint.memory import MemorySaver

app = FastAPI()
agent = create_agent("m", tools=[], checkpointer=[|MemorySaver()|])

@app.post("/chat")
async def chat(q: str):
    return await agent.ainvoke({"messages": [("user", q)]})
"""),
    ],
    good=[
        """
from langchain.agents import create_agent
from langgraph.checkpoint.memory import InMemorySaver

agent = create_agent("m", tools=[], checkpointer=InMemorySaver())

def main():
    print(agent.invoke({"messages": [("user", input())]}))
""",
        """
from fastapi import FastAPI
from langchain.agents import create_agent
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver

app = FastAPI()

def saver(settings):
    return InMemorySaver() if settings.debug else PostgresSaver(settings.pool)

@app.post("/chat")
async def chat(q: str):
    return q
""",
    ],
)

_SAVER = regex(r"langgraph\.checkpoint\.memory\.(?:InMemorySaver|MemorySaver)")
_LASTING = regex(r"\.checkpoint\.(?!memory|base|serde)\w+|[A-Z]\w*Saver$|checkpoint_(?:aws|redis|mongodb|postgres)")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Checkpointers in memory, in projects that answer requests and have no other."""
    if is_script(view.path):
        return
    for call in view.reading.each(ast.Call):
        if not dotted(call.func).endswith("MemorySaver") or not _SAVER.fullmatch(view.callee(call)):
            continue
        if catalogue(view.project).routes and not view.project.of_all("lasting checkpointers", _has_lasting):
            yield Hit(call, "All conversations end with this process, and a second worker knows none of them.")


def _has_lasting(project: Project) -> bool:
    return any(project.of_file(path, _lasts) for path in project.paths)


def _lasts(facts: Facts) -> bool:
    return any(_LASTING.search(it) and "MemorySaver" not in it for _, it in facts.imports)
