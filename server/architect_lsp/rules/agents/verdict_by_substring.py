"""A model's verdict is read by looking for a word anywhere in its text.

Why: `"yes" in answer` holds for "yesterday" and for "yes would be wrong here"; "safe" stands in "unsafe", "correct" in
"incorrect", "approved" in "not approved". What the model was shown can bring the word in as well.
Instead: ask for one of a few values, and treat what is none of them as no verdict.

    class Verdict(BaseModel):
        answer: Literal["yes", "no", "unsure"]

Consequences: what should have been refused is let through, with a model's reasons against it in the log.
Trade-offs: a text that must be one word can be compared whole, after `strip()` and `lower()`.
Tests: let the scripted model say "unsafe", "not approved", "yes, but no"; assert that nothing is let through.
Security: a document that says "yes" decides for the model.
Source: https://platform.openai.com/docs/guides/structured-outputs; OWASP LLM05:2025 Improper Output Handling
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import Reading, constant
from architect_lsp.knowledge.sources import is_model_output, origins
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["C4", "D4"],
    cwe=697,
    needs=[
        "yes",
        "safe",
        "correct",
        "approve",
        "true",
        "valid",
        "allow",
        "pass",
        "Yes",
        "YES",
        "SAFE",
        "TRUE",
        "APPROVE",
        "PASS",
    ],
    bad=[
        Bad("""
from openai import AsyncOpenAI

client = AsyncOpenAI()

async def decide(loan):
    reply = await client.responses.create(model="m", instructions="May this be given? yes or no", input=loan.letter)
    if [|"yes" in reply.output_text.lower()|]:
        await loan.approve()
"""),
        Bad("""
import anthropic

client = anthropic.Anthropic()

def is_safe(text):
    reply = client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": text}])
    verdict = reply.content[0].text.upper()
    return [|"SAFE" in verdict|]
"""),
    ],
    good=[
        """
from openai import AsyncOpenAI

client = AsyncOpenAI()

async def decide(loan):
    reply = await client.responses.create(model="m", instructions="May this be given? yes or no", input=loan.letter)
    if reply.output_text.strip().lower() == "yes":
        await loan.approve()
    if reply.output_text.lower().startswith("yes"):
        await loan.approve()
    if "error" in reply.output_text or "yes" in loan.letter:
        await loan.look()
    if reply.output_text.lower() in ("yes", "y"):
        await loan.approve()
""",
    ],
)

_WORDS = frozenset(
    ("yes", "safe", "correct", "approve", "approved", "true", "valid", "allow", "allowed", "pass", "passed", "relevant", "ok")
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Words of a verdict that are looked for anywhere in what a model wrote, where something is decided by it."""
    if is_script(view.path):
        return
    for node in view.reading.each(ast.Compare):
        word = constant(node.left)
        if not isinstance(word, str) or word.lower() not in _WORDS or len(node.ops) != 1 or not isinstance(node.ops[0], ast.In):
            continue
        text = node.comparators[0]
        if isinstance(text, ast.List | ast.Tuple | ast.Set | ast.Dict) or not _decides(view.reading, node):
            continue
        found = origins(view.project, view.path, view.reading, text)
        if any(is_model_output(view.project, view.path, view.reading, it) for it in found):
            yield Hit(node, f"{ast.unparse(node.left)} may stand anywhere in what the model wrote, in a refusal too.")


def _decides(reading: Reading, node: ast.AST) -> bool:
    """Whether a branch or a result hangs on it."""
    for up in reading.ancestors(node):
        if isinstance(up, ast.If | ast.IfExp | ast.While | ast.Return | ast.Assign | ast.Assert):
            return True
        if not isinstance(up, ast.BoolOp | ast.UnaryOp):
            return False
    return False
