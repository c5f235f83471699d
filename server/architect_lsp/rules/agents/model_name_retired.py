"""A model is asked for by a name that its provider has retired.

Why: a retired model answers with 404. The code works in no environment any more, or works only as long as a gateway redirects it
to something that nobody here has chosen or measured.
Instead: name a current model, in one place, and move before the next date on the provider's page.

    MODEL = os.environ.get("ASSISTANT_MODEL", "claude-sonnet-5-5")

Consequences: the feature is down, mostly in a path that tests replace by a fake.
Trade-offs: an alias moves by itself and may change answers; a dated name stays and has an end. Pin where answers are evaluated.
Tests: a smoke test against the real service once a day notices a retirement before users do.
Observability: alert on 404 from the model's service apart from other errors.
Source: https://platform.claude.com/docs/en/about-claude/model-deprecations; https://platform.openai.com/docs/deprecations; https://ai.google.dev/gemini-api/docs/deprecations
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C5", "C4"],
    needs=["claude-", "davinci", "gpt-", "gemini-", "bison", "-001", "o1-"],
    bad=[
        Bad(
            """
import anthropic

client = anthropic.Anthropic()

def ask(text):
    return client.messages.create(model=[|"claude-3-opus-20240229"|], max_tokens=100, messages=messages(text))
""",
            fixed="""
import anthropic

client = anthropic.Anthropic()

def ask(text):
    return client.messages.create(model="claude-opus-5-5", max_tokens=100, messages=messages(text))
""",
        ),
        Bad("""
from openai import OpenAI

DEFAULT_MODEL = [|"gpt-4-32k"|]

def complete(prompt, model=[|'text-davinci-003'|]):
    return OpenAI().completions.create(model=model, prompt=prompt)
"""),
        Bad("""
from dataclasses import dataclass

@dataclass
class Settings:
    model_name: str = [|"anthropic/claude-2.1"|]
"""),
    ],
    good=[
        """
import anthropic

PRICES = {"claude-2.1": 8.0, "gpt-4-32k": 60.0}
RETIRED = ["claude-2.1", "text-davinci-003"]
MODEL = "claude-sonnet-5"
text = "text-davinci-003"

def is_old(model):
    return model in RETIRED or model == "claude-2.1"

def noted(answer):
    return Logging(model=answer.get("model", "claude-3-5-sonnet-20241022"), call="batch")

def ask(client: anthropic.Anthropic, model="gpt-5"):
    return client.messages.create(model="claude-opus-5", max_tokens=100, messages=[])
"""
    ],
)

_RETIRED = {
    r"claude-(?:1(?:\.\d)?|2(?:\.[01])?|v1\S*|v2\S*)": "claude-sonnet-5-5",
    r"claude-instant-(?:1(?:\.\d)?|v1\S*)": "claude-haiku-5-5",
    r"claude-3-sonnet(?:-20240229)?|claude-3-7-sonnet-(?:20250219|latest)": "claude-sonnet-5-5",
    r"claude-3-5-sonnet-(?:20240620|20241022|latest)": "claude-sonnet-5-5",
    r"claude-3-opus-(?:20240229|latest)": "claude-opus-5-5",
    r"claude-3-5-haiku-(?:20241022|latest)": "claude-haiku-5-5",
    r"text-(?:davinci|curie|babbage|ada)-00[123]|code-(?:davinci|cushman)-00[12]|text-davinci-edit-001|code-davinci-edit-001": "",
    r"gpt-3\.5-turbo-(?:0301|0613|16k-0613)|gpt-4-(?:0314|32k(?:-0314|-0613)?|vision-preview|1106-vision-preview)": "",
    r"gpt-4\.5-preview(?:-2025-02-27)?|o1-preview(?:-2024-09-12)?|o1-mini(?:-2024-09-12)?": "",
    r"gemini-(?:pro|pro-vision|1\.0-\S+|1\.5-(?:pro|flash)\S*)|(?:text|chat|code|codechat)-bison(?:@\d+|-001)?": "",
}
"""Retired names by full match, with what Anthropic names as the next of the same class; "" where the choice is the reader's."""
_PROVIDER = regex(r"^(?:[\w.-]+/)*(?:models/)?")
_NAMED = regex(r"(?:\w*_)?(?:model|models?_?(?:name|id)|llm|engine|deployment(?:_name)?)(?:_default)?", re.IGNORECASE)

_RECORDS = regex(r"^Logg(?:ing|er)|^log_|Trace|Span|Usage(?:Record|Event)?$|(?:Log|Audit|Metric)(?:Record|Entry|Event)?s?$")
"""What a name is only written down by, and nothing is asked."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Retired names where a model is chosen: arguments, defaults and names that say `model`."""
    reading = view.reading
    for node in reading.each(ast.Constant):
        if not isinstance(node.value, str) or not 6 < len(node.value) < 80 or " " in node.value:
            continue
        start = _PROVIDER.match(node.value)
        prefix = start[0] if start is not None else ""
        bare = node.value.removeprefix(prefix)
        successor = next((to for pattern, to in _RETIRED.items() if re.fullmatch(pattern, bare)), None)
        if successor is None or not _chooses(view, node):
            continue
        quote = "'" if reading.source(node).startswith("'") else '"'
        change = Change(node, f"{quote}{prefix}{successor}{quote}")
        fixes = (Draft(f"Ask for `{successor}`", (change,)),) if successor and prefix in ("", "anthropic/") else ()
        yield Hit(node, f"`{bare}` is retired: the service no longer answers for it.", fixes)


def _chooses(view: View, node: ast.Constant) -> bool:
    up = view.reading.parent(node)
    calls = (it for it in view.reading.ancestors(node) if isinstance(it, ast.Call))
    if any(_RECORDS.search(dotted(it.func).rpartition(".")[2]) for it in calls):
        return False
    if isinstance(up, ast.keyword):
        return bool(up.arg and _NAMED.fullmatch(up.arg))
    if isinstance(up, ast.Assign):
        return any(_NAMED.fullmatch(dotted(it).rpartition(".")[2]) for it in up.targets)
    if isinstance(up, ast.AnnAssign):
        return bool(_NAMED.fullmatch(dotted(up.target).rpartition(".")[2]))
    if isinstance(up, ast.arguments):
        return any(default is node and _NAMED.fullmatch(it.arg) for it, default in _defaults(up))
    if isinstance(up, ast.Call):
        name = dotted(up.func).rpartition(".")[2]
        if name in ("get", "getenv", "Field", "field") or "Arg" in name:
            return any(isinstance(it, ast.Constant) and _NAMED.fullmatch(str(it.value)) for it in up.args if it is not node)
        return name in ("GenerativeModel", "ChatOpenAI", "ChatAnthropic", "init_chat_model")
    return False


def _defaults(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    yield from zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True)
    yield from zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
