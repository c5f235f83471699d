"""Code of a model's repository is run here, whatever it is by then.

Why: with `trust_remote_code=True` loading a model runs Python files of its repository. Without a revision those are the newest:
whoever may write to the repository, or takes its name over, runs code with the rights of your service.
Instead: load models that need no code of their own, or pin the commit whose code somebody has read.

    model = AutoModel.from_pretrained(NAME, trust_remote_code=True, revision="9e1c3f7a02b4")

Consequences: the next start of the service runs somebody else's new program.
Trade-offs: a pinned revision has to be moved by hand; that is the moment to read what changed.
Tests: a lint of the repository that finds the switch without a revision.
Security: CWE-829, a supply chain of one step.
Source: https://huggingface.co/docs/transformers/models#custom-models; OWASP LLM03:2025 Supply Chain
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["D4", "C1"],
    cwe=829,
    needs=["trust_remote_code"],
    bad=[
        Bad("""
from transformers import AutoModel

def load(name):
    return AutoModel.from_pretrained(name, [|trust_remote_code=True|])
"""),
        Bad("""
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("nomic-ai/nomic-embed-text-v1.5", [|trust_remote_code=True|])
"""),
    ],
    good=[
        """
from transformers import AutoModel, AutoTokenizer

def load(name, trusts):
    tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    other = AutoTokenizer.from_pretrained(name, trust_remote_code=trusts)
    model = AutoModel.from_pretrained(name, trust_remote_code=True, revision="9e1c3f7a02b4")
    return tokenizer, other, model

def local():
    return AutoModel.from_pretrained("./models/own", trust_remote_code=True)
""",
    ],
)

_PINS = ("revision", "code_revision", "local_files_only")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Loads that trust the code of a repository and name no revision of it."""
    for call in view.reading.each(ast.Call):
        switch = next((it for it in call.keywords if it.arg == "trust_remote_code" and constant(it.value) is True), None)
        if switch is None or any(it.arg in _PINS or it.arg is None for it in call.keywords):
            continue
        first = constant(call.args[0]) if call.args else None
        if not (isinstance(first, str) and first.startswith((".", "/", "~"))):
            name = dotted(call.func).rpartition(".")[2] or "This call"
            yield Hit(switch, f"`{name}` runs whatever code the repository holds by then: no revision is pinned.")
