"""Documents of all tenants are searched for one of them.

Why: the store keeps whose each document is, and this search does not ask for it: the nearest text wins, whoever it belongs to.
It is then read to the user by the model, in words that no filter of rows recognises.
Instead: give the filter with every search, from who is signed in and never from the question.

    store.similarity_search(question, k=4, filter={"tenant_id": user.tenant_id})

Consequences: one customer is answered from another's contracts.
Trade-offs: a store, a collection or a namespace for each tenant needs no filter.
Tests: store a text for one tenant, ask for it as another; assert that nothing is found.
Security: a model can't keep apart what it is shown; the search must.
Source: OWASP LLM08:2025 Vector and Embedding Weaknesses; CWE-639
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import arguments
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.kinds import is_script, is_test
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Function, constant, dotted, keyword
from architect_lsp.knowledge.steps import METADATA
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A2", "C4", "D4"],
    cwe=639,
    needs=["similarity_search", "max_marginal_relevance_search", "as_retriever", "as_query_engine", "as_chat_engine", ".query("],
    bad=[
        Bad("""
-- app/ingest.py --
from langchain_core.documents import Document
from app.store import store

def ingest(text, tenant_id):
    store.add_documents([Document(page_content=text, metadata={"tenant_id": tenant_id})])
-- app/ask.py --
from fastapi import APIRouter, Depends
from app.auth import current_user
from app.store import store

router = APIRouter()

@router.get("/ask")
async def ask(q: str, user=Depends(current_user)):
    return await [|store.asimilarity_search(q, k=4)|]
"""),
        Bad("""
import chromadb

collection = chromadb.PersistentClient("/srv/chroma").get_collection("notes")

def keep(text, user):
    collection.add(ids=[text[:8]], documents=[text], metadatas=[{"user_id": user.id}])

def find(question):
    return [|collection.query(query_texts=[question], n_results=4)|]

def ask(index, question):
    return [|index.as_query_engine(similarity_top_k=4)|].query(question)
"""),
        Bad("""
from app.store import vectors

def context(user_id: str, question: str) -> str:
    found = [|vectors.similarity_search(question, k=4)|]
    return "\\n".join(it.page_content for it in found)
"""),
    ],
    good=[
        """
from langchain_core.documents import Document
from app.store import stores, store

def ingest(text, tenant_id):
    store.add_documents([Document(page_content=text, metadata={"tenant_id": tenant_id})])

def ask(q, user):
    return store.similarity_search(q, k=4, filter={"tenant_id": user.tenant_id})

def retriever(tenant_id):
    how = {"k": 4, "filter": {"tenant_id": tenant_id}}
    return store.as_retriever(search_kwargs=how)

def of_tenant(q, tenant_id):
    return stores[tenant_id].similarity_search(q)
""",
        """
from app.store import vectors, store_of

def own(user_id, question):
    return store_of(user_id).similarity_search(question)

def logged(user_id, question):
    found = vectors.similarity_search(question)
    return [it for it in found if it.metadata["owner"] == user_id]

def shared(question):
    return vectors.similarity_search(question)
""",
        """
from langchain_core.documents import Document
from app.store import store

def ingest(text, page):
    store.add_documents([Document(page_content=text, metadata={"page": page})])

def ask(q):
    return store.similarity_search(q, k=4)
""",
    ],
)

_SEARCHES = regex(r"a?similarity_search\w*|a?max_marginal_relevance_search|as_retriever|as_query_engine|as_chat_engine")
_BOUNDS = (
    "filter",
    "filters",
    "where",
    "namespace",
    "expr",
    "query_filter",
    "search_kwargs",
    "partition",
    "tenant",
    "pre_filter",
)
_RAW = ("query_texts", "query_embeddings")
_OWNER = regex(r"(?:current_)?(?:user|tenant|org|organi[sz]ation|customer|account|workspace|team|company|client|owner)(?:_?id)?")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Searches without a filter, in functions that never name the key by which the project keeps its documents apart."""
    if is_script(view.path):
        return
    for call in view.reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or not (call.args or call.keywords):
            continue
        raw = call.func.attr == "query" and any(keyword(call, it) is not None for it in _RAW)
        if not raw and not _SEARCHES.fullmatch(call.func.attr):
            continue
        if any(it.arg is None or it.arg in _BOUNDS for it in call.keywords) or constant(call.func.value) is not None:
            continue
        function = view.reading.function(call)
        owner = next((it for it in _unread(function) if _OWNER.fullmatch(it)), "") if function is not None else ""
        if owner and dotted(call.func.value):
            yield Hit(
                call, f"The function is told whose documents are meant, `{owner}`, and this search looks through everybody's."
            )
            continue
        keys = view.project.of_all("documents kept apart", _keys)
        if keys and dotted(call.func.value) and not any(it in view.reading.unit.text for it in keys):
            key = sorted(keys)[0]
            yield Hit(
                call, f"The project keeps its documents apart by `{key}`, and this search looks through those of everybody."
            )


def _unread(function: Function | ast.Lambda) -> Iterator[str]:
    """The parameters that a function never looks at."""
    read = {it.id for it in ast.walk(function) if isinstance(it, ast.Name)}
    yield from (it.arg for it in arguments(function) if it.arg not in read)


def _keys(project: Project) -> frozenset[str]:
    return frozenset(key for path in project.paths if not is_test(path) for key in project.of_file(path, _told))


def _told(facts: Facts) -> tuple[str, ...]:
    return tuple(it.removeprefix(METADATA) for it in facts.mentions if it.startswith(METADATA))
