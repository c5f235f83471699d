"""The front matter of an agent file is no YAML for a strict reader.

Why: some programs that read agent files take a line up to its end; others use a reader of YAML. To that, `: ` in a text that
isn't quoted begins a new entry and ` #` a comment, so it refuses the file or reads half of it.
Instead: put the text in quotes, or write it as a block.

    description: 'Use when: the API changes.'

Consequences: the agent is missing in one program and works in the next; a registry or a check in CI refuses the file.
Source: YAML 1.2.2, chapter 7.3.3 "Plain Style"
"""

import re
from collections.abc import Iterator

from architect_lsp.knowledge.front_matter import quoted, strict
from architect_lsp.model import Confidence, Edit, Fix, Severity, Span
from architect_lsp.rules.rule import Bad, FileHit, FileView, Rule

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C1"],
    bad=[
        Bad(
            """
-- .claude/agents/api-reviewer.md --
---
name: api-reviewer
description: [|Use this agent when: the API changes, or a client's request fails.|]
tools: Read, Grep
---
You review APIs.
""",
            fixed="""
-- .claude/agents/api-reviewer.md --
---
name: api-reviewer
description: 'Use this agent when: the API changes, or a client''s request fails.'
tools: Read, Grep
---
You review APIs.
""",
        ),
        Bad("""
-- .claude/commands/fix.md --
---
description: [|"Fix the issue|]
argument-hint: [|[number] [priority]|]
---
Fix it.
"""),
        Bad("""
-- agents/writer.md --
---
name: writer
description: [|Use it for texts. Examples:
<example>
Context: the user wants a page.
</example>|]
model: sonnet
---
You write.
"""),
    ],
    good=[
        """
-- .claude/agents/api-reviewer.md --
---
name: api-reviewer
description: "Use this agent when: the API changes"
tools: [Read, "Bash(git diff:*)"]
color: blue # as the team's
---
You review: APIs.
-- .claude/skills/notes/SKILL.md --
---
name: notes
description: >-
  Use when: a release is made.
  It writes notes.
allowed-tools:
  - Read
  - Bash(git log:*)
---
Write notes.
-- .claude/skills/datasets/SKILL.md --
---
name: datasets
description: >
  Understand what a dataset is.
summary: Reason well about datasets.
---
Read.
-- .claude/skills/playground/SKILL.md --
---
name: playground
description: Author, edit, or iterate on prompts.
summary: Author and improve prompts.
---
Write.
-- agents/plain.md --
No front matter: nothing to say.
""",
    ],
)


@rule.check_file
def find(view: FileView) -> Iterator[FileHit]:
    """Fields that a strict reader refuses, or reads otherwise."""
    front = view.file.front
    if not front.opened:
        return
    for it in (*front.fields.values(), *front.repeated):
        why = "" if _is_comment(it.lines) else strict(it)
        if why:
            yield FileHit(
                it.span,
                f"A strict reader of YAML does not take `{it.name}` for what it says: {why}.",
                (
                    Fix(
                        f"Quote `{it.name}`",
                        (Edit(_after(view.file.text, it.key.end, it.span), quoted(it)),),
                        safe=it.name in _TEXTS,
                    ),
                ),
            )


_TEXTS = ("description", "when_to_use")


def _is_comment(lines: tuple[str, ...]) -> bool:
    """Whether all that a strict reader drops is a comment at the end of a line that means one."""
    return len(lines) == 1 and bool(re.fullmatch(r"[\w\[\], -]+\s+#\s.*", lines[0])) and ":" not in lines[0].partition("#")[0]


def _after(text: str, end: int, span: Span) -> Span:
    """From the blank after the colon to the end of the field."""
    return Span(span.start, span.end) if span.start > end else Span(text.index(":", end) + 1, span.end)
