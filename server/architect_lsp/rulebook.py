"""The rule book as text, JSON and Markdown: what `rules` and `explain` print, what the README's table and SARIF are made of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from architect_lsp.engine import Workspace
from architect_lsp.model import Parts
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Rule, all_rules
from architect_lsp.settings import Settings

_HEADINGS = {it: it.capitalize().replace("_", "-") for it in Parts.__struct_fields__}
_URL = regex(r"https?://[^\s)>\]]+")
_MARK = regex(r"\[\||\|\]")
_FILE = regex(r"^-- (\S+) --$\n?", re.MULTILINE)


def as_text() -> str:
    """One line a rule, in columns."""
    rows = [
        (
            it.name,
            it.domain.value,
            it.severity.value,
            it.confidence.value,
            "preview" if it.preview else "",
            fix_kind(it),
            it.title,
        )
        for it in all_rules()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows]
    return "".join(f"{it}\n" for it in lines)


def as_json() -> str:
    """A list of objects, one a rule."""
    found = [
        {
            "name": it.name,
            "domain": it.domain.value,
            "severity": it.severity.value,
            "confidence": it.confidence.value,
            "preview": it.preview,
            "rows": list(it.rows),
            "cwe": it.cwe,
            "fix": fix_kind(it),
            "equivalents": list(it.equivalents),
            "title": it.title,
        }
        for it in all_rules()
    ]
    return json.dumps(found, indent=2) + "\n"


def as_markdown(folder: str = "") -> str:
    """A table with a row for each rule; with a folder, each name leads to the rule's page in it."""
    lines = ["| rule | domain | severity | fix | what it finds |", "| --- | --- | --- | --- | --- |"]
    for it in all_rules():
        name = f"`{it.name}`" + (" (preview)" if it.preview else "")
        title = " ".join(it.title.replace("|", "\\|").split())
        page = f" [more]({folder}{it.name}.md)" if folder else ""
        lines.append(f"| {name} | {it.domain.value} | {it.severity.value} | {fix_kind(it)} | {title}{page} |")
    return "\n".join(lines) + "\n"


def page_text(rule: Rule) -> str:
    """A rule's page for a terminal."""
    return "\n".join(_page(rule)) + "\n"


def page_markdown(rule: Rule, *, title: bool = False) -> str:
    """A rule's page as Markdown; with `title` a page that stands alone: heading, facts, and the example that shows the smell."""
    lines = [f"# {rule.name}", "", rule.title, "", f"*{'; '.join(_labels(rule))}.*", ""] if title else [f"**{rule.title}**", ""]
    for heading, body in _parts(rule):
        lines += [f"**{heading}.** {_fenced(_capital(body))}", ""]
    if title and rule.bad:
        lines += ["**Example it finds.**", "", "```python", _MARK.sub("", rule.bad[0].code).strip("\n"), "```"]
    return "\n".join(lines).strip()


def help_uri(rule: Rule) -> str:
    """The first web address the rule's page names as its source, "" when it names a book."""
    found = _URL.search(rule.parts.source)
    return found[0].rstrip(".,;") if found else ""


@cache
def fix_kind(rule: Rule) -> str:
    """ "safe" when a fix of its examples may run unattended, "offered" when a person picks it, "" without one.

    Told by running the rule on its examples, so the list can't promise a fix that is not there.
    """
    kind = ""
    for bad in rule.bad:
        if bad.fixed is None:
            continue
        workspace = Workspace(Path("/project"), Settings())
        workspace.rules = (rule,)
        for path, text in _files(bad.code):
            workspace.open(path, text)
        for document in workspace.documents.values():
            for fix in (fix for it in workspace.check(document).findings for fix in it.fixes[:1]):
                if fix.safe:
                    return "safe"
                kind = "offered"
    return kind


def _files(code: str) -> list[tuple[str, str]]:
    """(path, text) of an example, its marks taken out."""
    pieces = _FILE.split(_MARK.sub("", code.removeprefix("\n")))
    return [("module.py", pieces[0])] if len(pieces) == 1 else list(zip(pieces[1::2], pieces[2::2], strict=True))


def _labels(rule: Rule) -> Iterator[str]:
    yield rule.domain.value
    yield rule.severity.value
    yield f"{rule.confidence.value} confidence"
    if rule.preview:
        yield "preview: speaks only when it is enabled"
    if fix_kind(rule):
        yield "safe fix" if fix_kind(rule) == "safe" else "fix offered"
    if rule.cwe:
        yield f"CWE-{rule.cwe}"
    if rule.equivalents:
        yield f"elsewhere {', '.join(rule.equivalents)}"


def _page(rule: Rule) -> Iterator[str]:
    yield rule.name
    yield f"  {rule.title}"
    yield f"  {'; '.join(_labels(rule))}"
    for heading, body in _parts(rule):
        yield ""
        yield f"{heading}:"
        yield from (f"  {it}".rstrip() for it in body.splitlines())
    if rule.bad:
        yield ""
        yield "Example it finds:"
        yield from (f"  {it}".rstrip() for it in _MARK.sub("", rule.bad[0].code).strip("\n").splitlines())
    yield ""
    yield f"Dismiss one finding with a comment above it: # architect: ignore[{rule.name}] reason"


def _parts(rule: Rule) -> Iterator[tuple[str, str]]:
    for name, heading in _HEADINGS.items():
        body: str = getattr(rule.parts, name)
        if body:
            yield heading, body


def _capital(text: str) -> str:
    """The text with a capital first letter, unless it begins with code or an address."""
    return text[:1].upper() + text[1:] if re.match(r"[a-z]+[ ,]", text) else text


def _fenced(body: str) -> str:
    """The body with its indented code in fences, as Markdown readers colour it."""
    out: list[str] = []
    code: list[str] = []
    for line in [*body.splitlines(), "."]:
        if line.startswith("    ") or (code and not line.strip()):
            code.append(line)
            continue
        if code:
            text = "\n".join(it[4:] for it in code).strip("\n")
            out += [*([""] if out and out[-1] else []), "```python", text, "```", ""]
            code = []
        out.append(line)
    return "\n".join(out[:-1]).strip()
