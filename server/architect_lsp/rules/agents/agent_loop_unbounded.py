"""An agent's loop ends only when the model says so.

Why: a model that repeats a failing tool call, or two that answer each other, never says it is done. Nothing else in the loop
counts turns, money or time, so it runs until someone notices the bill.
Instead: give the loop a number of turns it may take, and say what happens when they are used up.

    for _ in range(MAX_TURNS):
        answer = client.messages.create(model=MODEL, max_tokens=4096, messages=messages, tools=TOOLS)
        if answer.stop_reason != "tool_use":
            return answer
        messages += run_tools(answer)
    raise TurnLimitReached(f"no answer after {MAX_TURNS} turns")

Consequences: one bad conversation holds its worker and its connection for hours; the history grows each turn, so each costs more.
Trade-offs: a limit that is too low cuts off honest work; begin with several times the turns a good run takes, and let the caller
raise it. A budget in tokens bounds cost better than turns do; a deadline bounds what the user waits.
Tests: script a model that always asks for a tool and assert that the loop raises after its limit.
Security: whoever writes the text the agent reads can keep it busy on purpose.
Observability: record turns and tokens of each run and alert on their 99th percentile.
Performance: tokens grow with the square of the turns, since each turn sends the whole history again.
Source: CWE-835; OWASP LLM10:2025 Unbounded Consumption
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.sources import is_model_call
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C4", "C5"],
    cwe=835,
    needs=[
        "while ",
        "itertools",
        "count(",
        "iter(int",
        "max_turns",
        "invoke(",
        "create(",
        "completion(",
        ".run",
        "generate",
        "ask",
    ],
    bad=[
        Bad(
            """
import anthropic

client = anthropic.Anthropic()

def run(messages, tools):
    [|while True:|]
        answer = client.messages.create(model="m", max_tokens=1024, messages=messages, tools=tools)
        if answer.stop_reason != "tool_use":
            return answer
        messages.append(results(answer))
""",
            fixed="""
import anthropic

client = anthropic.Anthropic()

def run(messages, tools):
    max_turns = 20
    for _ in range(max_turns):
        answer = client.messages.create(model="m", max_tokens=1024, messages=messages, tools=tools)
        if answer.stop_reason != "tool_use":
            return answer
        messages.append(results(answer))
    else:
        raise RuntimeError(f"no end after {max_turns} turns")
""",
        ),
        Bad("""
-- app/agent.py --
from app.model import ask

def solve(task):
    done = False
    history = [task]
    [|while not done:|]
        reply = ask(history)
        history.append(reply)
        done = "DONE" in reply
    return history
-- app/model.py --
from openai import OpenAI

client = OpenAI()

def ask(history):
    return client.chat.completions.create(model="m", messages=history).choices[0].message.content
"""),
        Bad("""
from anthropic import Anthropic

def answer(client: Anthropic, messages):
    response = client.messages.create(model="m", max_tokens=100, messages=messages)
    [|while response.stop_reason == "tool_use":|]
        messages += use_tools(response)
        response = client.messages.create(model="m", max_tokens=100, messages=messages)
    return response
"""),
        Bad("""
import json
from openai import OpenAI

client = OpenAI()

def extract(messages):
    [|while True:|]
        answer = client.chat.completions.create(model="m", messages=messages)
        try:
            return json.loads(answer.choices[0].message.content)
        except json.JSONDecodeError as error:
            messages.append({"role": "user", "content": f"That is no JSON: {error}"})
"""),
        Bad("""
import litellm

def refine(text):
    answer = litellm.completion(model="m", messages=[{"role": "user", "content": text}]).choices[0].message.content
    if "FINAL" in answer:
        return answer
    return [|refine(answer)|]
"""),
        Bad("""
from agents import Agent, Runner

agent = Agent(name="Helper")

async def answer(question):
    return await Runner.run(agent, question, [|max_turns=None|])
"""),
    ],
    good=[
        """
import litellm

def refine(text, depth=0):
    if depth > 5:
        raise RecursionError(text)
    answer = litellm.completion(model="m", messages=[{"role": "user", "content": text}]).choices[0].message.content
    return answer if "FINAL" in answer else refine(answer, depth + 1)

def summarise(node):
    parts = [summarise(it) for it in node.children]
    return litellm.completion(model="m", messages=[{"role": "user", "content": f"{node.text} {parts}"}])

def halve(text):
    if len(text) < 1000:
        return litellm.completion(model="m", messages=[{"role": "user", "content": text}])
    return halve(text[:500]), halve(text[500:])
""",
        """
import anthropic

client = anthropic.Anthropic()

def bounded(messages):
    for _ in range(10):
        answer = client.messages.create(model="m", max_tokens=1024, messages=messages)
        if answer.stop_reason == "end_turn":
            return answer

def counted(messages):
    turns = 0
    while True:
        answer = client.messages.create(model="m", max_tokens=1024, messages=messages)
        turns += 1
        if answer.stop_reason == "end_turn" or turns >= 10:
            return answer

def chat(messages):
    while True:
        messages.append({"role": "user", "content": input("> ")})
        print(client.messages.create(model="m", max_tokens=1024, messages=messages))

def persistent(messages):
    while True:
        try:
            return client.messages.create(model="m", max_tokens=1024, messages=messages)
        except anthropic.RateLimitError:
            wait()
""",
        """
async def serve(queue, llm):
    while True:
        job = await queue.get()
        await job.reply(await llm.ainvoke(job.prompt))
""",
    ],
)

_BOUND = regex(
    r"turn|step|iter|count|attempt|retr|round|depth|budget|cost|spent|usage|token|deadline|elapsed|time|limit|max|remaining|quota"
    r"|len\(|num_|_num|cancel|abort|stop_event|shutdown|is_set|interrupt",
    re.IGNORECASE,
)
_PACED = regex(
    r"^(?:input|raw_input|recv\w*|receive\w*|prompt\w*|ask|get_user_\w+|get_(?:input|message|nowait)|get|readline|read_line|listen\w*|accept|wait|wait_for\w*"
    r"|wait_for_\w+|poll\w*|consume\w*|sleep|pop|popleft|dequeue|fetch_next|next|anext|blpop|brpop|xread\w*|heartbeat|read|stream_input|human_\w+|user_input|get_user\w*)$"
)
_BOUNDING_CALL = regex(
    r"budget|limit|max_|should_(?:stop|continue)|exceed|deadline|cancel|too_many|is_set|timeout|check_stop|terminat",
    re.IGNORECASE,
)
_NO_BOUND = ("max_tokens", "timeout", "timestamp", "context")
_ANSWERS = frozenset(
    ["JSONDecodeError", "ValidationError", "KeyError", "OutputParserException", "IndexError", "TypeError", "ValueError"]
)
"""Errors of what a model wrote: whoever tries again after one waits for the model to do better."""
_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Loops around a model call that nothing but the model's answer ends."""
    reading = view.reading
    loops: list[ast.While | ast.For] = [*reading.each(ast.While), *(it for it in reading.each(ast.For) if _is_count(it))]
    for loop in loops:
        inside = list(_own_nodes(loop))
        calls = [it for it in inside if isinstance(it, ast.Call)]
        asks = [it for it in calls if is_model_call(view.project, view.path, reading, it)]
        asking = next((it for it in asks if reading.loop(it) is loop), None)
        calls = [it for it in calls if it not in asks]
        if asking is None or _is_bounded(reading, loop, inside, calls) or _is_retry(loop, asking) or _has_timeout(reading, loop):
            continue
        name = ast.unparse(asking.func)
        yield Hit(
            loop,
            f"Nothing but the model ends this loop around `{name}`: no turn limit, budget or deadline.",
            tuple(_fix(reading, loop)),
        )
    yield from _recursions(view)
    for call in reading.each(ast.Call):
        for argument in call.keywords:
            is_none = isinstance(argument.value, ast.Constant) and argument.value.value is None
            if argument.arg == "max_turns" and is_none and view.callee(call).startswith("agents."):
                yield Hit(argument, "`max_turns=None` takes away the only limit of this run: the model alone ends it.")


def _recursions(view: View) -> Iterator[Hit]:
    """Calls by which a function that asks a model begins anew, with nothing that counts how often."""
    reading = view.reading
    for function in reading.functions:
        calls = [it for it in reading.within(function) if isinstance(it, ast.Call)]
        again = [it for it in calls if dotted(it.func) in (function.name, f"self.{function.name}") and reading.loop(it) is None]
        if len(again) != 1 or _BOUND.search(_words(function)):
            continue
        nodes = list(reading.within(function))
        if any(isinstance(it, ast.Compare) and any(isinstance(op, _ORDER) for op in it.ops) for it in nodes):
            continue
        asks = (it for it in calls if it is not again[0] and is_model_call(view.project, view.path, reading, it))
        asking = next((it for it in asks if dotted(it.func) != f"self.{function.name}"), None)
        paced = any(_PACED.match(_last(it.func)) and not _is_lookup(it) for it in calls if it is not asking)
        if asking is not None and not paced:
            name = ast.unparse(asking.func)
            yield Hit(again[0], f"`{function.name}` asks `{name}` and begins anew until the model is done; nothing counts that.")


def _words(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The names of the parameters of a function, which may bound it."""
    arguments = function.args
    return " ".join(it.arg for it in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs) if it.arg not in _NO_BOUND)


def _is_count(loop: ast.For) -> bool:
    """Whether a loop runs over something without an end: `itertools.count()`, `iter(int, 1)`."""
    if not isinstance(loop.iter, ast.Call):
        return False
    name = dotted(loop.iter.func)
    is_endless = name == "iter" and len(loop.iter.args) == 2 and dotted(loop.iter.args[0]) in ("int", "bool", "list")
    return (name in ("itertools.count", "count", "itertools.repeat") and len(loop.iter.args) < 2) or is_endless


def _own_nodes(loop: ast.While | ast.For) -> Iterator[ast.AST]:
    """The nodes of the loop's test and body that run in its own function."""
    stack: list[ast.AST] = [*([loop.test] if isinstance(loop, ast.While) else []), *loop.body]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            stack.extend(ast.iter_child_nodes(node))


def _is_bounded(reading: Reading, loop: ast.While | ast.For, inside: list[ast.AST], calls: list[ast.Call]) -> bool:
    if isinstance(loop, ast.While) and _BOUND.search(ast.unparse(loop.test)):
        return True
    counted = {dotted(it.target) for it in inside if isinstance(it, ast.AugAssign) and isinstance(it.op, ast.Add | ast.Sub)}
    if isinstance(loop, ast.For) and isinstance(loop.target, ast.Name):
        counted.add(loop.target.id)
    for it in inside:
        if isinstance(it, ast.Compare):
            sides = [it.left, *it.comparators]
            ordered = any(isinstance(op, _ORDER) for op in it.ops)
            if any(dotted(side) in counted for side in sides if dotted(side)):
                return True
            if ordered or (
                isinstance(it.ops[0], ast.Eq)
                and any(_BOUND.search(dotted(side)) for side in sides if not isinstance(side, ast.Constant))
            ):
                return True
        elif isinstance(it, ast.If) and _BOUND.search(ast.unparse(it.test)) and not isinstance(it.test, ast.Compare):
            return True
        elif isinstance(it, ast.Yield) and not isinstance(reading.parent(it), ast.Expr):
            return True  # whoever iterates sends the next input
        elif isinstance(it, ast.AsyncFor | ast.For) and it is not loop and _PACED.match(_last(it.iter)):
            return True
    return any(_PACED.match(_last(it.func)) or _BOUNDING_CALL.search(dotted(it.func)) for it in calls if not _is_lookup(it))


def _is_lookup(call: ast.Call) -> bool:
    """`answer.get("text")`, `items.pop(0)` look something up; they wait for nobody."""
    return isinstance(call.func, ast.Attribute) and call.func.attr in ("get", "next", "read") and bool(call.args)


def _is_retry(loop: ast.While | ast.For, asking: ast.Call) -> bool:
    """Whether the loop leaves as soon as the call succeeds."""
    for it in loop.body:
        if isinstance(it, ast.Return | ast.Break):
            return True
        if isinstance(it, ast.Try) and it.handlers and all(_is_of_answer(row) for row in it.handlers):
            continue
        holds = isinstance(it, ast.Try) and any(node is asking for part in it.body for node in ast.walk(part))
        if holds and any(isinstance(part, ast.Return | ast.Break) for part in (*it.body, *it.orelse)):  # type: ignore[attr-defined]
            return True
    return False


def _is_of_answer(handler: ast.ExceptHandler) -> bool:
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return all(dotted(it).rpartition(".")[2] in _ANSWERS for it in types)


def _has_timeout(reading: Reading, loop: ast.AST) -> bool:
    return any(
        isinstance(up, ast.With | ast.AsyncWith)
        and any("timeout" in ast.unparse(it.context_expr) or "fail_after" in ast.unparse(it.context_expr) for it in up.items)
        for up in reading.ancestors(loop)
    )


def _fix(reading: Reading, loop: ast.While | ast.For) -> Iterator[Draft]:
    source = reading.source(loop)
    opening = "while True:"
    if isinstance(loop, ast.For) or loop.orelse or not source.startswith(opening) or "max_turns" in reading.unit.text:
        return
    indent = " " * loop.col_offset
    text = f"max_turns = 20\n{indent}for _ in range(max_turns):{source[len(opening) :]}"
    text += f'\n{indent}else:\n{indent}    raise RuntimeError(f"no end after {{max_turns}} turns")'
    yield Draft("Give the loop a number of turns", (Change(loop, text),))


def _last(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
