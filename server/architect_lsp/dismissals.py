"""What a person has waved away, in the source: `# architect: ignore[rule-id] reason`, on the finding's line or alone above it.

Other languages' comments do as well as Python's.
"""

from __future__ import annotations

from architect_lsp.knowledge.front_matter import front_matter
from architect_lsp.model import Edit, Finding, Fix, Span
from architect_lsp.patterns import regex
from architect_lsp.syntax.languages import MARKDOWN, PYTHON, SCHEMAS, Language
from architect_lsp.syntax.outline import is_comment
from architect_lsp.text import Lines

_OPENINGS = ("#", "//", "/*", "{/*", "<!--")
_COMMENT = regex(r"(?:#|//|/\*|<!--)\s*architect:\s*ignore\[([a-z0-9, -]*)\]")


def dismissed(finding: Finding, lines: Lines) -> bool:
    """Whether a comment on the finding's first line, or alone on the line above, names its rule."""
    line = lines.line_of(finding.span.start)
    start, end = lines.bounds(line)
    if _names(lines.text[start:end], finding.rule):
        return True
    if line == 0:
        return False
    start, end = lines.bounds(line - 1)
    above = lines.text[start:end]
    return above.lstrip().startswith(_OPENINGS) and _names(above, finding.rule)


def dismissal(finding: Finding, lines: Lines, language: Language = PYTHON) -> Fix | None:
    """The edit that dismisses a finding: a comment of its own line above it, where a reason can be added.

    None where the language would not take the line for a comment, as in the middle of a long string.
    """
    start, _ = lines.bounds(lines.line_of(finding.span.start))
    text = lines.text[start:]
    indent = text[: len(text) - len(text.lstrip(" \t"))]
    newline = "\r\n" if "\r\n" in lines.text else "\n"
    comments = language.comments
    if language is MARKDOWN:  # YAML's comments above the text, HTML's in it; none where that would open the file
        inside_front = start < front_matter(lines.text.replace("\r\n", "\n")).body_at
        comments = (comments[0 if inside_front else 1],) if start > 0 else ()
    for opening, closing in comments:
        comment = f"{indent}{opening}architect: ignore[{finding.rule}]{closing}{newline}"
        inside = start + len(indent) + len(opening)
        if language in (PYTHON, MARKDOWN, *SCHEMAS) or is_comment(lines.text[:start] + comment + text, inside, language):
            return Fix(f"Dismiss {finding.rule} here", (Edit(Span(start, start), comment),))
    return None


def _names(line: str, rule: str) -> bool:
    found = _COMMENT.search(line)
    return found is not None and rule in (it.strip() for it in found[1].split(","))
