"""What a function says as a step of a graph of agents: where it leads, what it writes, whether it counts its turns.

Frameworks call steps with a state and read their answer; what cannot be one says nothing here. A pure function of a reading.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.endings import leaves
from architect_lsp.knowledge.facts import StepFacts
from architect_lsp.knowledge.reading import Function, Reading, constant, dotted
from architect_lsp.knowledge.values import value_of
from architect_lsp.patterns import regex

WORDS = regex(r"\b(?:recursion_limit|RemainingSteps|remaining_steps|LANGGRAPH_DEFAULT_RECURSION_LIMIT)\b")
"""What bounds the turns of a graph, wherever in a project it is said."""
TIME_LIMIT = "task: time limit"
"""The mention of what bounds the time of a task, in any name: `soft_time_limit`, `CELERY_TASK_TIME_LIMIT`."""
MODEL = regex(
    r"(?:[\w.-]+[/:])?(?:gpt-|chatgpt-|o[134](?:-|$)|claude-|gemini-|gemma|mistral|mixtral|codestral|llama|deepseek|qwen|grok|command-r|kimi|glm-)"
    r"[\w.:@-]*"
)
"""Names of language models, with the provider in front where a gateway asks for it."""
MODEL_ARGUMENTS = ("model", "model_name", "model_id", "llm", "engine", "deployment", "model_client")
MODEL_NAMED = "model: "
"""How the mention of a model begins that a call names."""
USAGE = "usage: "
"""How the mention of a function begins that speaks of the tokens a model used, or of their price."""
METADATA = "metadata: "
"""How the mention begins of a key that says whose a stored document is."""
ENVIRONMENT = "environment: "
"""How the mention begins of a variable of the environment that is read with a default: its name, `=`, the default."""
_USES = regex(
    r"\.usage\b|usage_metadata|(?:record|track|log|add|count|save)_(?:usage|cost|tokens?)|completion_cost|token_usage|callbacks?="
)
_GATES = regex(r"sem\b|semaphore|limit|thrott|slot|lock|bucket|capacity|pool|rate", re.IGNORECASE)
_OPENED = regex(r"client|session|conn|stream|agent|mcp|server|toolkit|browser|page|engine|database|db\b", re.IGNORECASE)
"""What is opened by `async with` without a call, and is no gate."""
_KEPT_WITH = ("metadata", "metadatas", "payload")
"""Arguments by which a store of documents is told more of one than its text."""
_STORED = ("Document", "TextNode", "PointStruct", "add_texts", "aadd_texts", "from_texts", "add", "upsert", "Vector", "Node")
"""Last names of the calls that put a document into a store, or make one."""
_WHOSE = regex(r"(?:tenant|user|owner|org|organi[sz]ation|workspace|account|customer|company)_?(?:id|uuid)?")
_READERS = ("os.getenv", "getenv", "os.environ.get", "environ.get")
_NOTHING = regex(
    r"<.*>|\W*(?:not[ _-]?(?:set|found|given|available)|unset|unknown|none|null|n/?a|missing|undefined|default|\W*)\W*"
)
_MEANINGS = {"false": "0", "no": "0", "off": "0", "true": "1", "yes": "1", "on": "1"}
_RETURNS = 20
"""Returns of a function that may decide the next step of a graph."""
_LEADS = ("END", "Send", "Command")
_STATE = regex(r"(?:\w*_)?state|\w*State\w*|inputs?|data", re.IGNORECASE)
_COUNTS = regex(
    r"iter|count|attempt|retr|round|turn|step|loop|depth|revis|cycle|max|limit|budget|remain|deadline|elapsed|tries|num|\bn_|len\("
    r"|hops|passes|token|cost|spent|time",
    re.IGNORECASE,
)
_ASKS = regex(r"budget|limit|max_|exceed|deadline|too_many|exhaust|should_stop|timeout|is_last_step|remaining", re.IGNORECASE)
_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def mentions(reading: Reading) -> tuple[str, ...]:
    """What bounds the turns of a graph or the time of a task, models that calls name, who speaks of usage, defaults of variables.

    Each mention stands once.
    """
    text = reading.unit.text
    found = dict.fromkeys(WORDS.findall(text))
    if "time_limit" in text or "TIME_LIMIT" in text:
        found[TIME_LIMIT] = None
    if _USES.search(text):
        rows = (it for it in reading.functions if _USES.search(reading.source(it)))
        found.update((f"{USAGE}{reading.qualname(it)}", None) for it in rows)
    for call in reading.each(ast.Call):
        for it in call.keywords:
            name = constant(it.value) if it.arg in MODEL_ARGUMENTS else None
            if it.arg in _KEPT_WITH and dotted(call.func).rpartition(".")[2] in _STORED:
                found.update((f"{METADATA}{key}", None) for key in _whose(it.value))
            if isinstance(name, str) and MODEL.fullmatch(name):
                found[f"{MODEL_NAMED}{name}"] = None
    if "env" in text:
        found.update((f"{ENVIRONMENT}{name}={default}", None) for _, name, default in environment_reads(reading))
    return tuple(found)


def _whose(node: ast.expr) -> Iterator[str]:
    """The keys of a table, or of a list of them, that say whose a document is."""
    if isinstance(node, ast.List | ast.ListComp):
        for it in node.elts[:1] if isinstance(node, ast.List) else [node.elt]:
            yield from _whose(it)
    elif isinstance(node, ast.Dict):
        yield from (said for it in node.keys if isinstance(said := constant(it), str) and _WHOSE.fullmatch(said))


def environment_reads(reading: Reading) -> Iterator[tuple[ast.Call, str, str]]:
    """(call, variable, default) of each read of the environment that says what holds where the variable is not set.

    Defaults that mean the same are the same: `8080` and `"8080"`, `"false"` and `0`. An empty one says that there is none, and so
    does a word for that, which is only shown.
    """
    for call in reading.each(ast.Call):
        name = constant(call.args[0]) if len(call.args) == 2 and not call.keywords else None
        if isinstance(name, str) and dotted(call.func) in _READERS:
            told = constant(call.args[1])
            default = str(told).strip().lower()
            if told is not None and default and not _NOTHING.fullmatch(default):
                yield call, name, _MEANINGS.get(default, default)


def is_gated(reading: Reading, node: Function) -> bool:
    """Whether a function waits for its turn: `async with semaphore`, a limiter, a lock."""
    if not reading.has(ast.With, ast.AsyncWith):
        return False
    for it in reading.within(node):
        for row in it.items if isinstance(it, ast.With | ast.AsyncWith) else ():
            written = ast.unparse(row.context_expr)
            held = isinstance(it, ast.AsyncWith) and isinstance(row.context_expr, ast.Name | ast.Attribute)
            if _GATES.search(written) or (held and row.optional_vars is None and not _OPENED.search(written)):
                return True
    return False


def step_facts(reading: Reading, node: Function) -> StepFacts | None:
    """What a function says as a step, None where it can't be one."""
    returned = [it.value for it in reading.each(ast.Return) if it.value is not None and reading.function(it) is node]
    leads = 0 < len(returned) <= _RETURNS and any(_names_step(it) for it in returned)
    if not leads and not _takes_state(node):
        return None
    return StepFacts(
        outcomes=tuple(value_of(reading, it) for it in returned) if leads else (),
        writes=tuple(dict.fromkeys(key for it in returned[:_RETURNS] for key in _keys(it))),
        counts=any(_bounds(it) for it in reading.within(node)),
        falls=leads and not leaves(node.body),
    )


def _takes_state(node: Function) -> bool:
    arguments = [*node.args.posonlyargs, *node.args.args]
    first = next((it for it in arguments if it.arg not in ("self", "cls")), None)
    if first is None:
        return False
    said = dotted(first.annotation.value if isinstance(first.annotation, ast.Subscript) else first.annotation)
    return bool(_STATE.fullmatch(first.arg) or (said and _STATE.fullmatch(said.rpartition(".")[2])))


def _names_step(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and node.value.isascii() and node.value.replace("-", "_").isidentifier()
    if isinstance(node, ast.IfExp):
        return _names_step(node.body) or _names_step(node.orelse)
    if isinstance(node, ast.ListComp):
        return _names_step(node.elt)
    if isinstance(node, ast.List):
        return any(_names_step(it) for it in node.elts)
    return dotted(node.func if isinstance(node, ast.Call) else node).rpartition(".")[2] in _LEADS


def _keys(node: ast.expr) -> list[str]:
    """The keys of the state that a returned value sets: those of a written table, or of a command's `update`."""
    if isinstance(node, ast.Call):
        last = dotted(node.func).rpartition(".")[2]
        if last == "dict":
            return [it.arg for it in node.keywords if it.arg]
        given = next((it.value for it in node.keywords if it.arg == "update"), None) if last == "Command" else None
        return _keys(given) if given is not None else []
    if isinstance(node, ast.IfExp):
        return _keys(node.body) + _keys(node.orelse)
    if not isinstance(node, ast.Dict):
        return []
    return [it.value for it in node.keys if isinstance(it, ast.Constant) and isinstance(it.value, str)]


def _bounds(node: ast.AST) -> bool:
    """Whether a node compares a count, a budget or a clock, or asks something that does."""
    if isinstance(node, ast.Compare):
        whole = isinstance(node.ops[0], _ORDER) or any(
            isinstance(it, ast.Constant) and isinstance(it.value, int) for it in node.comparators
        )
        return whole and bool(_COUNTS.search(ast.unparse(node)))
    if isinstance(node, ast.Call | ast.Name | ast.Attribute):
        return bool(_ASKS.search(dotted(node.func if isinstance(node, ast.Call) else node)))
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in ("remaining_steps", "is_last_step")
