"""Pipelines and graphs: what `prompt | model | parser` gives is what a model wrote, whatever the pipeline is called, and so is
what a step that asks a model leaves in the state for the next one.
"""

from __future__ import annotations

import ast

from architect_lsp.knowledge.assembly import Spot, kinds, parts
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.flow_facts import innermost_call
from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Reading, constant, dotted
from architect_lsp.knowledge.summaries import effects
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.knowledge.values import Value
from architect_lsp.patterns import regex

_RUNS = ("invoke", "ainvoke", "batch", "abatch", "stream", "astream")
_CLASS = (
    r"langchain\w*\.(?:\w+\.)*"
    r"(?:Chat(?!Prompt|Message|History|Generation|Result)[A-Z]\w*|AzureChat\w+|\w*LLM|OpenAI|Ollama|init_chat_model)"
)
_MODEL = regex(_CLASS)
_STATES = regex(r"(?:\w+_)?state")
_RUNNABLE = regex(r"(?:^|_)(?:code|sql|query|command|cmd|script|expression|program|snippet)(?:_|$)")
"""Keys of a state by which something is kept that is meant to be run."""
_ASKED = regex(rf"{_CLASS}\(\)\.(?:{'|'.join(_RUNS)})\(\)")


def is_pipelined(project: Project, path: str, reading: Reading, origin: Origin) -> bool:
    """Whether a value is what a model of LangChain gives, or a pipeline with one in it."""
    if _ASKED.match(origin.name):
        return True
    call = innermost_call(reading, origin.node) if origin.kind == "call" else None
    if call is None or not isinstance(call.func, ast.Attribute) or call.func.attr not in _RUNS:
        return False
    value = Value("name", dotted(call.func.value))
    if not value.text:
        return False
    spot = Spot(path, reading.qualname(call), value, Ref(path, "", "variable"), value)
    steps = list(parts(project, spot))
    return len(steps) > 1 and any(it.value.kind == "call" and _is_model(project, it) for it in steps)


def is_of_step(project: Project, reading: Reading, origin: Origin) -> bool:
    """Whether a value is code or a query that another step of a graph, which asks a model, has put into the state."""
    if origin.kind != "parameter" or not _STATES.fullmatch(origin.name):
        return False
    up = reading.parent(origin.node)
    key = constant(up.slice) if isinstance(up, ast.Subscript) else None
    if isinstance(up, ast.Attribute) and isinstance(call := reading.parent(up), ast.Call) and up.attr == "get" and call.args:
        key = constant(call.args[0])
    return isinstance(key, str) and bool(_RUNNABLE.search(key)) and key in project.of_all("keys models write", _written)


def _written(project: Project) -> frozenset[str]:
    """The keys of the state that steps set which ask a model."""
    return frozenset(
        key
        for path in project.paths
        for it in project.of_file(path, _steps)
        if (found := project.definition(path, it)) is not None and "llm" in effects(project, path, found)
        for key in (found.step.writes if found.step is not None else ())
    )


def _steps(facts: Facts) -> tuple[str, ...]:
    return tuple(it.qualname for it in facts.defs if it.step is not None and it.step.writes)


def _is_model(project: Project, spot: Spot) -> bool:
    return any(_MODEL.fullmatch(it) for it in kinds(project, spot))
