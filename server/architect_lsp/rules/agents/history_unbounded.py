"""A conversation is sent to the model whole, and every turn makes it longer.

Why: what was said before is paid for again with each question, so the cost of a conversation grows with the square of its
turns; one day it no longer fits the model's context and every further turn fails. Long before that the answers get worse.
Instead: bound it by tokens, keep what must stay, and sum up the rest.

    def ask(self, text: str) -> str:
        self.history.append({"role": "user", "content": text})
        if count_tokens(self.history) > BUDGET:
            self.history = [summary_of(self.history[:-KEPT]), *self.history[-KEPT:]]
        answer = client.messages.create(model=MODEL, max_tokens=1024, messages=self.history)

Consequences: the best customers, those who talk most, are the ones for whom it breaks.
Trade-offs: what is cut is forgotten; a summary costs a call, and cuts must not part a tool's call from its result.
Tests: play a hundred turns against a scripted model, and assert that the request stays below the budget.
Observability: record the input tokens of each call by the turn's number; a line that only rises is this.
Performance: input tokens grow linearly with each turn; a cached prefix makes them cheaper, not fewer.
Source: https://docs.anthropic.com/en/docs/build-with-claude/context-windows
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.model_calls import ModelCall, model_calls
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.wording import code
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["C3", "C5"],
    cwe=770,
    needs=["messages", "input", "contents"],
    bad=[
        Bad("""
import anthropic

class Assistant:
    def __init__(self):
        self.client = anthropic.Anthropic()
        self.history = []

    def ask(self, text):
        self.history.append({"role": "user", "content": text})
        answer = self.client.messages.create(model="m", max_tokens=100, [|messages=self.history|])
        self.history.append({"role": "assistant", "content": answer.content})
        return answer.content
"""),
        Bad("""
from openai import OpenAI

client = OpenAI()

def chat(system):
    messages = [{"role": "system", "content": system}]
    while True:
        messages += [{"role": "user", "content": input("> ")}]
        answer = client.chat.completions.create(model="m", [|messages=[*messages]|])
        messages.append(answer.choices[0].message)
        print(answer)
"""),
    ],
    good=[
        """
import anthropic

class Assistant:
    def __init__(self):
        self.client = anthropic.Anthropic()
        self.history = []
        self.turns = []

    def ask(self, text):
        self.history.append({"role": "user", "content": text})
        self._trim()
        return self.client.messages.create(model="m", max_tokens=100, messages=self.history)

    def _trim(self):
        del self.history[:-20]

    def last(self, text):
        self.turns.append({"role": "user", "content": text})
        return self.client.messages.create(model="m", max_tokens=100, messages=self.turns[-20:])

    def run(self, task):
        self.history = [{"role": "user", "content": task}]
        for _ in range(10):
            answer = self.client.messages.create(model="m", max_tokens=100, messages=self.history)
            self.history.append({"role": "assistant", "content": answer.content})
""",
        """
from openai import OpenAI

client = OpenAI()

def work(task):
    messages = [{"role": "user", "content": task}]
    while True:
        answer = client.chat.completions.create(model="m", messages=messages)
        messages.append(answer.choices[0].message)
        if not answer.choices[0].message.tool_calls:
            return answer

def chat():
    messages = []
    while True:
        messages.append({"role": "user", "content": input("> ")})
        messages = messages[-20:]
        client.chat.completions.create(model="m", messages=messages)

def once():
    while True:
        messages = [{"role": "user", "content": input("> ")}]
        messages.append({"role": "user", "content": "be short"})
        client.chat.completions.create(model="m", messages=messages)
""",
    ],
)

_ARGUMENTS = ("messages", "input", "contents")
_GROWS = ("append", "extend", "insert")
_SHRINKS = regex(
    r"trim|prun|compact|compress|condens|summar|truncat|shorten|reduc|evict|window|forget|drop|pop|clear|reset|delete|remove|limit|budget"
    r"|count_tokens|num_tokens|tiktoken|new_(?:chat|session|conversation)|save|store|persist",
    re.IGNORECASE,
)
_INPUT = regex(r"(?:.*\.)?(?:input|prompt|ask|recv|receive(?:_\w+)?|get_user_input|readline)")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Histories that a class or an endless conversation adds to and sends whole."""
    reading = view.reading
    for call in model_calls(view.project, view.path, reading):
        given = next((it for it in call.node.keywords if it.arg in _ARGUMENTS), None)
        name = _whole(given.value) if given is not None else ""
        if given is None or not name or _SHRINKS.search(code(reading) if "." not in name else _words(reading)):
            continue
        kept = _kept_on_self(view, call, name) if name.startswith("self.") else _kept_in_loop(reading, call, name)
        if kept:
            yield Hit(given, f"All of `{name}` goes to the model, every turn adds to it, and nothing ever takes anything out.")


def _whole(node: ast.expr) -> str:
    """The name of a list that is sent whole, maybe behind something else; "" where it can't be told."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _whole(node.right) or _whole(node.left)
    if isinstance(node, ast.List):
        return next((found for it in node.elts if isinstance(it, ast.Starred) and (found := _whole(it.value))), "")
    name = dotted(node)
    return name if name.count(".") <= 1 else ""


def _words(reading: Reading) -> str:
    """What a unit calls, sets and deletes, as one text."""
    calls = [dotted(it.func) for it in reading.each(ast.Call)]
    return " ".join([*calls, *("delete" for _ in reading.each(ast.Delete))])


def _grows(nodes: list[ast.AST], name: str) -> bool:
    """Whether something is added to the list, which is set anew nowhere among these nodes."""
    grows = False
    for it in nodes:
        if isinstance(it, ast.Assign | ast.AnnAssign):
            targets = it.targets if isinstance(it, ast.Assign) else [it.target]
            if any(dotted(target.value if isinstance(target, ast.Subscript) else target) == name for target in targets):
                return False
        elif isinstance(it, ast.AugAssign):
            grows = grows or dotted(it.target) == name
        elif isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute) and dotted(it.func.value) == name:
            grows = grows or it.func.attr in _GROWS
    return grows


def _kept_on_self(view: View, call: ModelCall, name: str) -> bool:
    """Whether a method adds to what its object keeps, and no method of the class makes it shorter or sets it anew."""
    reading = view.reading
    function, owner = reading.function(call.node), reading.owner(call.node)
    if function is None or not owner or is_script(view.path) or not _grows(reading.within(function), name):
        return False
    if len(view.project.attribute(view.path, f"{owner}.{name.removeprefix('self.')}")) > 1:
        return False
    others = view.project.methods(view.path, owner)
    return not any(_SHRINKS.search(f"{it.qualname.rpartition('.')[2]} {row.target}") for it in others for row in it.calls)


def _kept_in_loop(reading: Reading, call: ModelCall, name: str) -> bool:
    """Whether a loop without an end asks someone for the next turn and adds it to what it sends."""
    for loop in reading.ancestors(call.node):
        if isinstance(loop, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return False
        if isinstance(loop, ast.While) and isinstance(loop.test, ast.Constant) and loop.test.value:
            nodes = [it for row in loop.body for it in ast.walk(row)]
            asks = any(isinstance(it, ast.Call) and _INPUT.fullmatch(dotted(it.func)) for it in nodes)
            return asks and _grows(nodes, name)
    return False
