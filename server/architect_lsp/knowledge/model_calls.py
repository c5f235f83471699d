"""Calls that ask a language model, one by one: whose kit they use, how the client was made, and what they send as prompt."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from msgspec import Struct

from architect_lsp.knowledge.assembly import Spot, parts
from architect_lsp.knowledge.definitions import definitions
from architect_lsp.knowledge.effects import canonical
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Reading, constant, dotted, keyword
from architect_lsp.knowledge.symbols import External, Ref
from architect_lsp.knowledge.values import Value
from architect_lsp.patterns import regex

_LAST = frozenset(
    (
        *("create", "acreate", "stream", "parse", "completion", "acompletion", "text_completion", "responses", "aresponses"),
        *("generate_content", "generate_content_async", "generate_content_stream", "chat", "generate", "complete"),
        *("send_message", "complete_async", "chat_completion", "tool_runner", "create_and_run"),
    )
)
_KITS = regex(
    r"(?P<kit>anthropic|openai|litellm|google\.genai|google\.generativeai|vertexai|ollama|mistralai|groq|cohere|together"
    r"|huggingface_hub|fireworks|cerebras|instructor)\b"
)
_WRITTEN = (
    (regex(r"(?:^|\.)(?:beta\.)?messages\.(?:create|stream|parse)$"), "anthropic", "messages"),
    (regex(r"(?:^|\.)(?:beta\.)?chat\.completions\.(?:create|parse|stream)$"), "openai", "messages"),
    (regex(r"(?:^|\.)responses\.(?:create|parse|stream)$"), "openai", "input"),
    (regex(r"(?:^|\.)(?:aio\.)?models\.generate_content(?:_stream)?$"), "google.genai", "contents"),
)
"""How a call on a client that isn't known is written, the kit that has such calls, and an argument that all of them need."""
_BELOW = ("messages", "chat", "completions", "responses", "beta", "models", "aio", "threads", "runs", "with_raw_response")


class ModelCall(Struct, frozen=True):
    """A call that asks a model. `kit` is the package (`anthropic`), `name` the dotted name where it is known, else as written."""

    node: ast.Call
    kit: str
    name: str

    @property
    def client(self) -> ast.expr | None:
        """The client whose method is called; None for a function of a module."""
        node = self.node.func
        while isinstance(node, ast.Attribute):
            node = node.value
            if not (isinstance(node, ast.Attribute) and node.attr in _BELOW):
                return node
        return None

    @property
    def is_open(self) -> bool:
        """Whether it is given more than can be seen: `create(**options)`."""
        return any(it.arg is None for it in self.node.keywords)

    def keyword(self, *names: str) -> ast.expr | None:
        """The first of these keyword arguments that is given."""
        return next((found for name in names if (found := keyword(self.node, name)) is not None), None)


def model_calls(project: Project, path: str, reading: Reading) -> Iterator[ModelCall]:
    """The calls of a unit that ask a model by a client's own method, in the order of the source."""
    for call in reading.each(ast.Call):
        function = call.func
        last = function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
        if last not in _LAST or not (call.args or call.keywords):
            continue
        target = reading.target(function)
        symbol = project.resolve(path, target, reading.owner(call)) if target else None
        if isinstance(symbol, External) and not symbol.name.startswith("?"):
            kit = _KITS.match(symbol.name)
            if kit is not None and "llm" in project.table.kinds(symbol.name):
                yield ModelCall(call, kit["kit"], canonical(symbol.name))
                continue
        if symbol is None or (isinstance(symbol, External) and symbol.name.startswith("?")):
            written = dotted(function) or ast.unparse(function).replace("()", "")
            for pattern, kit_name, needed in _WRITTEN:
                if pattern.search(written) and (keyword(call, needed) is not None or keyword(call, "model") is not None):
                    yield ModelCall(call, kit_name, written)
                    break


def made_with(project: Project, path: str, reading: Reading, node: ast.expr | None) -> dict[str, object] | None:
    """What a client was told when it was made: keyword -> its literal, None for what is no literal. None: it can't be seen.

    `client.with_options(timeout=5)` counts with what the client itself was told.
    """
    if isinstance(node, ast.Call):
        given: dict[str, object] = {it.arg or "**": constant(it.value) for it in node.keywords}
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("with_options", "copy"):
            return {**(made_with(project, path, reading, node.func.value) or {}), **given}
        if dotted(node.func).rpartition(".")[2][:1].isupper():
            return given
        return None
    name = dotted(node)
    if not name:
        return None
    function = reading.function(node) if node is not None else None
    while function is not None:
        rows = definitions(reading, function).get(name, ())
        values = [it.value for it in rows if it.value is not None]
        if rows:
            return made_with(project, path, reading, values[0]) if len(values) == 1 and values[0] is not node else None
        function = reading.function(function)
    scope = reading.qualname(node) if node is not None else ""
    at = Ref(path, "", "variable")
    spots = list(parts(project, Spot(path, scope, Value("name", name), at, Value("name", name))))
    calls = [it.value for it in spots if it.value.kind == "call" and it.value.last[:1].isupper()]
    if len(calls) != 1:
        return None
    return {key: _literal(it) for key, it in calls[0].keywords}


def _literal(value: Value) -> object:
    """A literal as Python has it; None for `None` and for what is no literal."""
    if value.kind == "text":
        return value.text
    if value.kind != "constant" or value.text == "None":
        return None
    return ast.literal_eval(value.text)


def prompts(call: ModelCall, reading: Reading) -> Iterator[tuple[str, ast.expr]]:
    """(role, text) of each part of the prompt that the call shows: "system", "user", "assistant"; "user" where none is said."""
    for name in ("system", "instructions", "system_instruction"):
        found = call.keyword(name)
        if found is not None:
            yield "system", found
    for name in ("messages", "input", "contents", "prompt"):
        found = call.keyword(name)
        if found is not None:
            yield from _messages(found, reading, 4)
    for it in call.node.args[:1]:
        if call.kit in ("google.generativeai", "vertexai") or call.name.endswith("send_message"):
            yield from _messages(it, reading, 4)
    config = call.keyword("config", "generation_config")
    if isinstance(config, ast.Call):
        found = keyword(config, "system_instruction")
        if found is not None:
            yield "system", found


def _messages(node: ast.expr, reading: Reading, depth: int) -> Iterator[tuple[str, ast.expr]]:
    if depth <= 0:
        return
    if isinstance(node, ast.List | ast.Tuple):
        for it in node.elts:
            yield from _messages(it.value if isinstance(it, ast.Starred) else it, reading, depth - 1)
    elif isinstance(node, ast.Dict):
        rows = {constant(key): value for key, value in zip(node.keys, node.values, strict=True) if key is not None}
        role, content = constant(rows.get("role")), rows.get("content")
        if content is not None:
            yield ("system" if role in ("system", "developer") else role if isinstance(role, str) else "user"), content
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from _messages(node.left, reading, depth - 1)
        yield from _messages(node.right, reading, depth - 1)
    elif isinstance(node, ast.Name):
        function = reading.function(node)
        rows_of = definitions(reading, function).get(node.id, ()) if function is not None else ()
        held = [it.value for it in rows_of if isinstance(it.value, ast.List | ast.Dict)]
        for value in held:
            yield from _messages(value, reading, depth - 1)
        if not held and depth == 4:
            yield "user", node
    elif depth == 4:
        yield "user", node
