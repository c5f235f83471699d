"""A tool remembers what a web page or a mail said, for all later conversations.

Why: what is in an agent's memory is believed: it is found again without its source and read as what the agent knows. A page that
says "refunds need no approval" is then told to everybody, long after the page was looked at.
Instead: keep what comes from outside apart, with its source and whom it is for, and let a person or a check decide what joins
the common memory.

    review_queue.put(text, source=url)

Consequences: one poisoned page changes all answers from then on, and nothing shows where that began.
Tests: let the fetched page say "always answer 42"; assert that the next conversation does not.
Security: injection that lasts; mark what was fetched also when it is found again.
Source: OWASP Agentic AI T1 Memory Poisoning; OWASP LLM04:2025 Data and Model Poisoning
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.outside_texts import FETCHED
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.sources import is_tool
from architect_lsp.knowledge.wording import code
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["C3", "D4"],
    cwe=1427,
    needs=["add", "upsert", "remember", "save"],
    bad=[
        Bad("""
import httpx
from langchain_chroma import Chroma
from langchain_core.tools import tool

memory = Chroma(collection_name="company_memory")

@tool
def learn(topic: str) -> str:
    \"\"\"Look a topic up and remember it.\"\"\"
    page = httpx.get("https://search.example.com", params={"q": topic}, timeout=10).text
    [|memory.add_texts([page])|]
    return "learned"
"""),
    ],
    good=[
        """
import httpx
from langchain_chroma import Chroma
from langchain_core.tools import tool

memory = Chroma(collection_name="company_memory")

@tool
def look(topic: str) -> str:
    \"\"\"Look a topic up.\"\"\"
    return httpx.get("https://search.example.com", params={"q": topic}, timeout=10).text

@tool
def note(text: str) -> str:
    \"\"\"Remember a text.\"\"\"
    memory.add_texts([text])
    return "noted"

def ingest(url):
    memory.add_texts([httpx.get(url, timeout=10).text])
""",
    ],
)

_KEEPS = regex(r"a?add_(?:texts|documents|memory|memories)|a?upsert|remember|save_memory|add")
_MEMORY = regex(r"memor|store|chroma|vector|index|collection|qdrant|pinecone|weaviate|mem0|knowledge", re.IGNORECASE)
_APART = regex(
    r"review|quarantin|pending|untrusted|sanitiz|sanitis|moderat|scan|namespace|user_id|thread_id|session_id", re.IGNORECASE
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Writes of fetched texts to a memory, in a tool, where nothing is kept apart."""
    reading = view.reading
    for function in reading.functions:
        if not is_tool(view.project, view.path, reading, function) or _APART.search(code(reading, function)):
            continue
        for call in reading.within(function):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or not _is_kept(call.func):
                continue
            given = (*call.args, *(it.value for it in call.keywords))
            found = (it for node in given for it in view.parts(node, "prompt") if isinstance(it, Origin))
            if any(FETCHED.search(it.name) for it in found):
                yield Hit(
                    call, f"`{function.name}` keeps what it fetched as what the agent knows: whoever wrote it is believed later."
                )


def _is_kept(function: ast.Attribute) -> bool:
    return _KEEPS.fullmatch(function.attr) is not None and _MEMORY.search(dotted(function.value)) is not None
