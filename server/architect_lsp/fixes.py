"""A fix is tried before it is offered: `receipt` applies it to a copy of the text and lists the checks it passed. Pure."""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from architect_lsp.knowledge.foreign import AgentFile
from architect_lsp.model import Edit, Finding, Fix
from architect_lsp.syntax import python
from architect_lsp.syntax.languages import Language
from architect_lsp.syntax.outline import n_errors
from architect_lsp.text import apply, difference, digest, move


class Repair(Struct, frozen=True):
    """A fix that may be offered, with the receipt of what it passed; a dismissal has none."""

    finding: Finding
    fix: Fix
    receipt: Receipt | None


Check = Callable[[Mapping[str, str]], Sequence[Finding]]
"""The findings of files, were these their texts, by path."""


class Receipt(Struct, frozen=True):
    """The checks a fix passed, as sentences, and the texts it leads to, by path."""

    checks: tuple[str, ...]
    texts: Mapping[str, str]


class Rejection(Struct, frozen=True):
    """Why a fix is not offered."""

    reason: str


def receipt(
    texts: Mapping[str, str], finding: Finding, fix: Fix, findings: Sequence[Finding], check: Check
) -> Receipt | Rejection:
    """Try `fix` on `texts`, those of all files it edits, whose findings are `findings`. The first check that fails ends it."""
    fixed = _applied(texts, finding, fix)
    if isinstance(fixed, Rejection):
        return fixed
    for path, text in texts.items():
        before, after = _tree(text), _tree(fixed[path])
        where = "" if path == finding.path else f" in {path}"
        if before is None:
            continue
        if after is None:
            return Rejection(f"the text would not parse any more{where}")
        strangers = _unknown(after) - _unknown(before)
        if strangers:
            return Rejection(f"it uses names nothing defines{where}: {', '.join(sorted(strangers))}")
        if not _are_kept(_signatures(before), _signatures(after)):
            return Rejection(f"it changes a signature{where}")
    worse = _rid_of(finding, fixed, findings, check)
    if worse is not None:
        return worse
    checks = [
        "applies to this text" if len(texts) == 1 else f"applies to these {len(texts)} files",
        "parses",
        "names resolve",
        "signatures kept",
        "nothing new of equal or higher severity",
    ]
    if finding.provenance.kind == "rule":
        checks.insert(2, "its finding is gone")
    return Receipt(tuple(checks), fixed)


def agent_file_receipt(
    document: AgentFile, finding: Finding, fix: Fix, findings: Sequence[Finding], check: Check
) -> Receipt | Rejection:
    """As `receipt`, for an agent file: beside the fields that the fix changes, each says what it said."""
    fixed = _applied({finding.path: document.text}, finding, fix)
    if isinstance(fixed, Rejection):
        return fixed
    before, after = document.front, document.edited(fixed[finding.path]).front
    touched = {it.name for it in before.fields.values() if any(it.span.touches(edit.span) for edit in fix.edits)}
    if before.fields.keys() != after.fields.keys() or after.closed < before.closed:
        return Rejection("other fields would be read")
    if any(before.text(it) != after.text(it) for it in before.fields.keys() - (set() if fix.safe else touched)):
        return Rejection("a field would say something else")
    return _rid_of(finding, fixed, findings, check) or Receipt(
        ("applies to this text", "fields kept", "its finding is gone", "nothing new of equal or higher severity"), fixed
    )


def new_test_receipt(text: str) -> Receipt | Rejection:
    """The checks that a new file with a test passes before anybody sees it; the receipt names no path."""
    tree = _tree(text)
    if tree is None:
        return Rejection("it does not parse")
    if not any(isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef) and it.name.startswith("test") for it in ast.walk(tree)):
        return Rejection("it holds no test")
    strangers = _unknown(tree)
    if strangers:
        return Rejection(f"it uses names nothing defines: {', '.join(sorted(strangers))}")
    return Receipt(("parses", "holds a test", "names resolve"), {"": text})


def _rid_of(finding: Finding, fixed: Mapping[str, str], findings: Sequence[Finding], check: Check) -> Rejection | None:
    """Why the fixed texts are no better by their findings; None when they are."""
    found = check(fixed)
    if finding.provenance.kind == "rule":
        same = Counter(it.fingerprint for it in findings)[finding.fingerprint]
        if Counter(it.fingerprint for it in found)[finding.fingerprint] >= same:
            return Rejection("its finding would still be there")
    weights = Counter((it.path, it.rule, it.symbol) for it in findings)
    for it in found:
        weights[(it.path, it.rule, it.symbol)] -= 1
        if weights[(it.path, it.rule, it.symbol)] < 0 and it.severity.weight >= finding.severity.weight:
            return Rejection(f"it would bring a new finding: {it.rule}")
    return None


def foreign_receipt(text: str, finding: Finding, fix: Fix, language: Language) -> Receipt | Rejection:
    """As `receipt`, for a text that is not Python: less is known of it, and the receipt says less."""
    fixed = _applied({finding.path: text}, finding, fix)
    if isinstance(fixed, Rejection):
        return fixed
    before, after = n_errors(text, language), n_errors(fixed[finding.path], language)
    if before is None or after is None or before < after:
        return Rejection("the text would parse worse, as far as can be told")
    return Receipt(("applies to this text", "parses no worse"), fixed)


def together(text: str, fixes: Sequence[Fix]) -> tuple[Edit, ...]:
    """The edits of as many fixes as do not collide, first come first served; equal insertions (an import) are made once."""
    taken: list[Edit] = []
    for fix in fixes:
        fresh = [it for it in fix.edits if it not in taken]
        if all(_apart(it, other) for it in fresh for other in taken):
            taken += fresh
    return tuple(taken) if apply(text, taken) is not None else ()


def carried(findings: Iterable[Finding], before: str, after: str) -> list[Finding]:
    """The findings whose text the change from `before` to `after` left alone, moved with it, their fixes too."""
    edits = (difference(before, after),)
    kept: list[Finding] = []
    for it in findings:
        span = move(it.span, edits)
        if span is not None:
            fixes = tuple(moved for fix in it.fixes if (moved := _moved(fix, it.path, edits)) is not None)
            kept.append(replace(it, span=span, fixes=fixes))
    return kept


def _applied(texts: Mapping[str, str], finding: Finding, fix: Fix) -> dict[str, str] | Rejection:
    """The texts after the fix, by path."""
    by_path = edits_by_path(fix, finding.path)
    if not by_path.keys() <= texts.keys():
        return Rejection("it edits another file")
    changed = [path for path, seen in fix.counts_on if digest(texts.get(path, "")) != seen]
    if changed:
        return Rejection(f"{changed[0]} has changed since")
    fixed = {path: apply(text, by_path.get(path, ())) for path, text in texts.items()}
    whole = {path: text for path, text in fixed.items() if text is not None}
    if len(whole) < len(fixed):
        return Rejection("its edits overlap or lie outside the text")
    return whole if whole != dict(texts) else Rejection("it changes nothing")


def edits_by_path(fix: Fix, path: str) -> dict[str, list[Edit]]:
    """The edits of each file; `path` is the finding's."""
    found: dict[str, list[Edit]] = {}
    for it in fix.edits:
        found.setdefault(it.path or path, []).append(it)
    return found


def _moved(fix: Fix, path: str, edits: Sequence[Edit]) -> Fix | None:
    """The fix after edits of the file at `path`; what it edits in others stays."""
    spans = [move(it.span, edits) if it.path in (None, path) else it.span for it in fix.edits]
    if None in spans:
        return None
    return replace(fix, edits=tuple(replace(it, span=span) for it, span in zip(fix.edits, spans, strict=True) if span))


def _apart(one: Edit, other: Edit) -> bool:
    if one.span.start == one.span.end or other.span.start == other.span.end:
        return one.span.end <= other.span.start or other.span.end <= one.span.start
    return one.span.end <= other.span.start or other.span.end <= one.span.start


def _tree(text: str) -> ast.Module | None:
    try:
        return python.module(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _unknown(tree: ast.Module) -> set[str]:
    """Names that are read and bound nowhere in the file; a star import hides them all."""
    read: set[str] = set()
    bound = set(dir(builtins)) | {"__file__", "__name__", "__doc__", "__path__", "__spec__", "__package__", "__class__"}
    for it in ast.walk(tree):
        if isinstance(it, ast.Name):
            (read if isinstance(it.ctx, ast.Load) else bound).add(it.id)
        elif isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(it.name)
        elif isinstance(it, ast.arg):
            bound.add(it.arg)
        elif isinstance(it, ast.alias):
            if it.name == "*":
                return set()
            bound.add((it.asname or it.name).partition(".")[0])
        elif isinstance(it, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and it.name:
            bound.add(it.name)
        elif isinstance(it, ast.MatchMapping) and it.rest:
            bound.add(it.rest)
    return read - bound


def _signatures(tree: ast.Module) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (it.name, () if isinstance(it, ast.ClassDef) else _parameters(it.args))
        for it in ast.walk(tree)
        if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]


def _are_kept(before: list[tuple[str, tuple[str, ...]]], after: list[tuple[str, tuple[str, ...]]]) -> bool:
    """Whether each signature is there as often as before; what is new has a name of its own."""
    gone, new = Counter(before) - Counter(after), Counter(after) - Counter(before)
    return not gone and {name for name, _ in new}.isdisjoint(name for name, _ in before)


def _parameters(arguments: ast.arguments) -> tuple[str, ...]:
    """What callers know of each parameter. An empty list or dictionary as a default is to them what None is."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [*([None] * (len(positional) - len(arguments.defaults))), *arguments.defaults]
    shape = f"{len(arguments.posonlyargs)} {len(arguments.args)} {arguments.vararg is not None} {arguments.kwarg is not None}"
    told = [shape]
    for it, default in zip([*positional, *arguments.kwonlyargs], [*defaults, *arguments.kw_defaults], strict=True):
        said = "" if it.annotation is None else ast.unparse(it.annotation)
        given = "" if default is None else ast.unparse(default)
        empty = given in ("None", "[]", "{}", "set()", "list()", "dict()")
        told.append(f"{it.arg}: {said.removesuffix(' | None')} = None" if empty else f"{it.arg}: {said} = {given}")
    return tuple(told)
