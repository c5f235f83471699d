"""Claims of a model that facts can decide: what they refute is dropped, what they bear out is marked as proved.

A claim is read off the words of a remark (its rule and message), and held against the code its quote names: the calls on those
lines, the function around them, the project's routes and callers. What can't be decided stays as it is. Rules that speak of the
same smell at the same place say it already, better: their finding stays, the remark goes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.document import Document
from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.foreign import Foreign
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reading import Reading, dotted
from architect_lsp.knowledge.summaries import call_effects, callers
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.model import Confidence, Finding
from architect_lsp.patterns import regex
from architect_lsp.review.remarks import Dropped
from architect_lsp.syntax.units import Unit

_DATABASE = ("db-read", "db-write", "commit")


class Scene(Struct, frozen=True):
    """What a remark speaks of: the calls on its lines and the function around them, None where there is none."""

    project: Project
    document: Document
    reading: Reading
    calls: tuple[ast.Call, ...]
    function: Def | None

    def target(self, call: ast.Call) -> str:
        """The dotted name of what is called, as the unit knows it."""
        return self.reading.target(call.func)

    def effects(self, call: ast.Call, *, through_async: bool = True) -> frozenset[str]:
        """What a call does, through any depth; without `through_async`, before it gives the loop a turn."""
        target = self.target(call)
        if not target:
            return frozenset()
        owner = self.reading.owner(call)
        return frozenset(call_effects(self.project, self.document.path, target, owner, through_async=through_async))


Verdict = tuple[bool, str] | None
"""(whether facts bear the claim out, the fact in words); None where they can't tell."""


def judged(project: Project, document: Document, finding: Finding, rules: Sequence[Finding]) -> Finding | Dropped:
    """A model's finding held against the facts and against the rules' findings of the same text."""
    said = f"{finding.rule.replace('-', ' ')}. {finding.message}".lower()
    claim = next((it for it in _CLAIMS if it.words.search(said)), None)
    for other in rules:
        same = other.rule == finding.rule or (claim is not None and other.rule in claim.rules)
        if same and other.span.touches(finding.span):
            return Dropped(f"the rule {other.rule} says it already", finding.quote)
    scene = _scene(project, document, finding) if claim is not None else None
    verdict = claim.decide(scene) if claim is not None and scene is not None else None
    if verdict is None:
        return finding
    holds, fact = verdict
    if not holds:
        return Dropped(f"is not so: {fact}", finding.quote)
    return replace(finding, confidence=Confidence.HIGH, provenance=replace(finding.provenance, proof=fact))


def _scene(project: Project, document: Document, finding: Finding) -> Scene | None:
    if isinstance(document, Foreign):
        return None
    lines = document.lines
    first, last = lines.line_of(finding.span.start), lines.line_of(max(finding.span.start, finding.span.end - 1))
    for unit, piece in zip(document.units, document.pieces, strict=True):
        if piece.reading is None or not any(begin <= first < begin + count for _, begin, count in unit.runs):
            continue
        reading = piece.reading
        calls = tuple(it for it in reading.each(ast.Call) if _is_on(unit, reading, it, first, last))
        around = next((it for it in reading.functions if _is_on(unit, reading, it, first, last)), None)
        function = project.definition(document.path, reading.qualname(around)) if around is not None else None
        return Scene(project, document, reading, calls, function)
    return None


def _is_on(unit: Unit, reading: Reading, node: ast.AST, first: int, last: int) -> bool:
    place = unit.place("", reading.place(node))
    return place.line <= last and first <= place.end_line


def _blocking(scene: Scene) -> Verdict:
    calls = [it for it in scene.calls if not scene.reading.awaited(it)]
    held = [it for it in calls if "blocking" in scene.effects(it, through_async=False)]
    if scene.function is not None and not scene.function.is_async:
        return False, f"`{scene.function.qualname}` is no coroutine"
    if scene.function is not None and held:
        return True, f"`{dotted(held[0].func) or scene.target(held[0])}` blocks, and `{scene.function.qualname}` is a coroutine"
    return None


def _query_in_loop(scene: Scene) -> Verdict:
    queries = [it for it in scene.calls if scene.effects(it) & set(_DATABASE)]
    inside = [it for it in queries if scene.reading.loop(it) is not None]
    if inside:
        return True, f"`{dotted(inside[0].func) or scene.target(inside[0])}` reaches the database, once a turn of the loop"
    if scene.function is not None and queries and not any(scene.reading.loop(it) for it in queries):
        return False, f"`{dotted(queries[0].func) or scene.target(queries[0])}` stands in no loop"
    return None


def _unawaited(scene: Scene) -> Verdict:
    owned = [(it, scene.project.resolve(scene.document.path, scene.target(it), scene.reading.owner(it))) for it in scene.calls]
    coroutines = [
        it
        for it, symbol in owned
        if isinstance(symbol, FunctionSymbol) and symbol.facts.is_async and not symbol.facts.is_generator
    ]
    if not coroutines:
        return None
    dropped = [it for it in coroutines if isinstance(scene.reading.parent(it), ast.Expr)]
    if dropped:
        return True, f"`{dotted(dropped[0].func)}` is a coroutine, and its result is dropped"
    if all(scene.reading.awaited(it) for it in coroutines):
        return False, f"`{dotted(coroutines[0].func)}` is awaited"
    return None


def _timeout(scene: Scene) -> Verdict:
    network = [it for it in scene.calls if scene.effects(it) & {"http", "llm"}]
    if network and all(any(key.arg == "timeout" for key in it.keywords) for it in network):
        return False, f"`{dotted(network[0].func)}` is given a timeout"
    return None


def _unauthenticated(scene: Scene) -> Verdict:
    if scene.function is None:
        return None
    name = (scene.document.path, scene.function.qualname)
    routes = [it for it in catalogue(scene.project).routes if it.handler and (it.handler.path, it.handler.qualname) == name]
    guards = [it.name for route in routes for it in route.dependencies if it.guards]
    if routes and all(any(it.guards for it in route.dependencies) for route in routes):
        return False, f"`{scene.function.qualname}` depends on `{guards[0]}`"
    return None


def _unused(scene: Scene) -> Verdict:
    if scene.function is None:
        return None
    calling = callers(scene.project, scene.document.path, scene.function.qualname)
    if calling:
        return False, f"`{scene.function.qualname}` is called by `{calling[0].qualname or calling[0].path}`"
    return None


def _undefined(scene: Scene) -> Verdict:
    names = [it for it in scene.calls if isinstance(it.func, ast.Name)]
    found = [scene.project.resolve(scene.document.path, scene.target(it), scene.reading.owner(it)) for it in names]
    if names and all(it is not None for it in found):
        return False, f"`{dotted(names[0].func)}` is defined"
    return None


class Claim(Struct, frozen=True):
    """`words` are how models say it; `rules` those of ours that say the same; `decide` asks the facts."""

    words: re.Pattern[str]
    rules: frozenset[str]
    decide: Callable[[Scene], Verdict]


_CLAIMS = (
    Claim(
        regex(
            r"\bblock(?:s|ing|ed)?\b.*\b(?:event loop|async|coroutine|loop)\b"
            r"|\b(?:sync|synchronous) (?:call|i/?o|http|request)\b.*\basync"
        ),
        frozenset(("blocking-call-in-async",)),
        _blocking,
    ),
    Claim(
        regex(r"\bn ?\+ ?1\b|\bquer(?:y|ies)\b.*\b(?:loop|each|every|per)\b|\bcommits?\b.*\bloop\b"),
        frozenset(("query-in-loop", "commit-in-loop", "save-in-loop", "relation-not-prefetched")),
        _query_in_loop,
    ),
    Claim(
        regex(r"\b(?:never|not|un|missing) ?-?await(?:ed)?\b|\bawait is missing\b"),
        frozenset(("coroutine-not-awaited", "task-result-dropped")),
        _unawaited,
    ),
    Claim(
        regex(r"\b(?:no|without|missing|lacks?) (?:a |any )?time-?out\b|\btime-?out (?:is )?missing\b"),
        frozenset(("timeout-missing",)),
        _timeout,
    ),
    Claim(
        regex(
            r"\bun-?authenticated\b|\bmissing auth\w*|\bauth missing\b"
            r"|\b(?:no|without) (?:any )?auth(?:entication|orization|orisation)?\b"
        ),
        frozenset(("auth-missing",)),
        _unauthenticated,
    ),
    Claim(regex(r"\b(?:unused|dead) (?:function|method|code)\b|\b(?:never|not) (?:called|used)\b"), frozenset(), _unused),
    Claim(regex(r"\b(?:undefined|not defined|undeclared)\b"), frozenset(), _undefined),
)
