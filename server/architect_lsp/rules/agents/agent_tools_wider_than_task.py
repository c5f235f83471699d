"""An agent that only reads may write.

Why: what an agent may do should be what its task needs. A reviewer with `Write` can be led, by the text it reads, to change
what it should judge.
Instead: give it what it reads with.

    name: security-reviewer
    tools: Read, Grep, Glob, Bash(git diff:*)

Consequences: a sentence in a file under review becomes a change of the project.
Security: the fewer tools, the less an injected instruction can do.
Source: OWASP LLM06:2025 Excessive Agency
"""

import re
from collections.abc import Iterator

from architect_lsp.model import Confidence, Edit, Fix, Severity, Span
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, FileHit, FileView, Rule

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["C3", "D4"],
    cwe=250,
    bad=[
        Bad(
            """
-- .claude/agents/security-reviewer.md --
---
name: security-reviewer
description: Reviews changes for security problems and reports them.
tools: Read, Grep, [|Write|], Glob
---
You look for security problems and report each with its line.
""",
            fixed="""
-- .claude/agents/security-reviewer.md --
---
name: security-reviewer
description: Reviews changes for security problems and reports them.
tools: Read, Grep, Glob
---
You look for security problems and report each with its line.
""",
        ),
    ],
    good=[
        """
-- .claude/agents/security-reviewer.md --
---
name: security-reviewer
description: Reviews changes for security problems and reports them.
tools: Read, Grep, Glob, Bash
---
You look for security problems and report each with its line.
-- .claude/agents/notes.md --
---
name: meeting-notes
description: Summarises meetings and saves the notes.
tools: Read, Write
---
You write the notes.
-- .claude/agents/fixer.md --
---
name: review-fixer
description: Reviews changes and fixes what it finds.
tools: Read, Edit
---
You fix.
-- .claude/agents/auditor.md --
---
name: auditor
description: Audits dependencies.
tools: Read, Write
---
You write a report to `audit.md`.
""",
    ],
)

_READS = regex(
    r"\b(?:review\w*|audit\w*|analy[sz]\w*|inspect\w*|explor\w*|read-only|explain\w*|critic\w*|research\w*|investigat\w*|summari[sz]\w*)\b"
)
_WRITES = regex(
    r"\b(?:writ\w*|creat\w*|fix\w*|edit\w*|implement\w*|refactor\w*|updat\w*|generat\w*|modif\w*"
    r"|chang(?:e|es|ing) (?:the )?(?:code|file)"
    r"|add(?:s|ing)?|sav\w*|document\w*|appl(?:y|ies)|produc\w*|improv\w*|optimi[sz]\w*|migrat\w*|build\w*|develop\w*|remov\w*"
    r"|delet\w*|correct\w*|output\w*|store\w*|resolv\w*|repair\w*|design\w*|test\w*|record\w*|format\w*|draft\w*|prepar\w*"
    r"|rewrit\w*|clean\w*)\b"
)
_NEVER = regex(
    r"\b(?:do not|don't|never|must not|without|not to|no) (?:\w+ ){0,2}?(?:writ|creat|fix|edit|implement|modif|chang|updat)\w*"
)
_WIDE = ("Write", "Edit", "MultiEdit", "NotebookEdit")


@rule.check_file
def find(view: FileView) -> Iterator[FileHit]:
    """Tools that write, of an agent whose name, description and text only speak of reading."""
    tools = view.file.front.fields.get("tools")
    if tools is None or view.file.kind != "agent":
        return
    about = f"{view.file.front.text('name')} {view.file.front.text('description')}".lower().replace("_", "-")
    whole = _NEVER.sub("", f"{about} {view.file.front.body.lower()}")
    if not _READS.search(about.replace("-", " ")) or _WRITES.search(whole):
        return
    for it in tools.entries:
        if it in _WIDE:
            match = re.compile(rf"(?:(?<=[,\s])|^){it}\b(?!\()").search(view.file.text, tools.span.start, tools.span.end)
            if match:
                span = Span(*match.span())
                yield FileHit(
                    span,
                    f"`{it}` lets this agent change files; its task is to read them.",
                    _without(view.file.text, span, tools.span),
                )


def _without(text: str, span: Span, whole: Span) -> tuple[Fix, ...]:
    before, after = text[whole.start : span.start], text[span.end : whole.end]
    if re.search(r",\s*$", before):
        cut = Span(whole.start + len(re.sub(r",\s*$", "", before)), span.end)
    elif re.match(r"\s*,\s*", after):
        following = re.match(r"\s*,\s*", after)
        cut = Span(span.start, span.end + (following.end() if following else 0))
    else:
        return ()
    return (Fix("Take the tool away", (Edit(cut, ""),)),)
