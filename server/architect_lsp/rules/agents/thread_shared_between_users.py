"""The key of an agent's memory is written into the code: everybody who asks shares one conversation.

Why: a checkpointer, a session or a store of memories keeps what was said under its key. With the same key for every request, the
next user's question is answered with what the last one said, and their memories are mixed.
Instead: take the key from who asks, or from a conversation that belongs to them.

    config = {"configurable": {"thread_id": f"{user.id}:{conversation.id}"}}

Consequences: private words reach strangers, and two requests at once break each other's state.
Tests: ask as two users; assert that the second is told nothing of the first.
Security: an identifier from the request must be checked to belong to the caller, or anyone can read on in any conversation.
Source: https://docs.langchain.com/oss/python/langgraph/persistence; OWASP Agentic AI T1 Memory Poisoning; CWE-488
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import handlers
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.knowledge.request_handlers import is_handler
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["C3", "A2", "D4"],
    cwe=488,
    needs=["thread_id", "session_id", "user_id", "SQLiteSession"],
    bad=[
        Bad("""
from fastapi import FastAPI
from bot.graph import graph

app = FastAPI()

@app.get("/chat")
async def chat(q: str):
    return await graph.ainvoke({"messages": [("user", q)]}, config={"configurable": {"thread_id": [|"1"|]}})
"""),
        Bad("""
from agents import Agent, Runner, SQLiteSession
from fastapi import FastAPI
from mem0 import AsyncMemory

app = FastAPI()
memory = AsyncMemory()
CONFIG = {"configurable": {"thread_id": [|"main"|]}}

@app.post("/remember")
async def remember(text: str):
    await memory.add(text, user_id=[|"default"|])
    return await Runner.run(agent, text, session=SQLiteSession([|"conversation"|], "chat.db"))
"""),
    ],
    good=[
        """
from agents import Agent, Runner, SQLiteSession
from fastapi import Depends, FastAPI
from mem0 import AsyncMemory

app = FastAPI()
memory = AsyncMemory()

@app.post("/remember")
async def remember(text: str, user: User = Depends(current_user)):
    await memory.add(text, user_id=str(user.id))
    await audit(user_id="system")
    config = {"configurable": {"thread_id": str(user.id)}}
    return await Runner.run(agent, text, session=SQLiteSession(f"user-{user.id}", "chat.db"))
""",
        """
from bot.graph import graph

CONFIG = {"configurable": {"thread_id": "1"}}

def main():
    while True:
        print(graph.invoke({"messages": [("user", input())]}, CONFIG))
""",
    ],
)

_KEYS = ("thread_id", "session_id", "user_id")
_MEMORIES = regex(r"mem0\.(?:\w+\.)*(?:Async)?Memory(?:Client)?\.(?:add|search|get_all)")
_SESSIONS = regex(r"agents\.(?:\w+\.)*\w*Session")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Literal keys of conversations and memories, in the files that answer requests."""
    if is_script(view.path) or not _answers(view):
        return
    reading = view.reading
    for table in reading.each(ast.Dict):
        rows = {constant(key): value for key, value in zip(table.keys, table.values, strict=True) if key is not None}
        inner = rows.get("configurable")
        for key, it in zip(inner.keys, inner.values, strict=True) if isinstance(inner, ast.Dict) else ():
            if constant(key) in _KEYS and isinstance(it, ast.Constant) and it.value:
                yield _hit(it, str(constant(key)))
    for call in reading.each(ast.Call):
        last = dotted(call.func).rpartition(".")[2]
        if last.endswith("Session") and call.args and _is_literal(call.args[0]) and _SESSIONS.fullmatch(view.callee(call)):
            yield _hit(call.args[0], "session_id")
        user = keyword(call, "user_id")
        if user is not None and _is_literal(user) and _MEMORIES.fullmatch(view.callee(call)):
            yield _hit(user, "user_id")


def _answers(view: View) -> bool:
    """Whether the file answers requests: a function of the unit does, or the unit is the top of such a file."""
    answered = handlers(view.project)
    if view.reading.unit.kind == "module":
        return any(path == view.path for path, _ in answered)
    return any(
        (view.path, view.reading.qualname(it)) in answered or is_handler(view.reading, it) for it in view.reading.functions
    )


def _is_literal(node: ast.expr) -> bool:
    return isinstance(constant(node), str)


def _hit(node: ast.expr, key: str) -> Hit:
    return Hit(node, f"Everybody who asks shares this `{key}`: what one user said is remembered for the next.")
