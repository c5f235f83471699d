"""A command or a skill is allowed every shell command, with nobody asked.

Why: what `allowed-tools` lists runs without a question while the command or skill is at work. `Bash(*)` is everything: whatever
text the agent reads meanwhile (an issue, a page, a file) can have it run a command on the person's machine.
Instead: list the commands that the task needs.

    allowed-tools: Bash(git status:*), Bash(git diff:*), Read

Consequences: a sentence in a web page deletes files or sends keys away.
Trade-offs: a command that isn't listed asks first; add it when the question comes too often.
Security: the question before a command is what stands between a hostile text and the machine.
Source: https://code.claude.com/docs/en/slash-commands; OWASP LLM06:2025 Excessive Agency; CWE-250
"""

import re
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity, Span
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, FileHit, FileView, Rule

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["C3", "D4"],
    cwe=250,
    bad=[
        Bad("""
-- .claude/commands/deploy.md --
---
description: Deploys the current branch to staging
allowed-tools: [|Bash(*)|]
argument-hint: [branch]
---
Deploy the branch.
-- .claude/skills/notes/SKILL.md --
---
name: notes
description: Writes release notes from the commits since the last tag.
allowed-tools: Read, [|Bash|], Grep
---
Write the notes.
"""),
    ],
    good=[
        """
-- .claude/commands/deploy.md --
---
description: Deploys the current branch to staging
allowed-tools: Bash(git status:*), Bash(make deploy-staging), Read
---
Deploy the branch.
-- .claude/agents/builder.md --
---
name: builder
description: Builds the project and reports what fails. Use after changes.
tools: Bash, Read
---
Build.
""",
    ],
)

_ANY = regex(r"Bash(?:\(\s*(?:\*|:\*|\*:\*)\s*\))?")


@rule.check_file
def find(view: FileView) -> Iterator[FileHit]:
    """`Bash` without a list of commands among what is allowed."""
    allowed = view.file.front.fields.get("allowed-tools")
    if allowed is None or view.file.kind == "agent":
        return
    for entry in allowed.entries:
        if _ANY.fullmatch(entry):
            found = re.compile(rf"{re.escape(entry)}(?![\w(])").search(view.file.text, allowed.span.start, allowed.span.end)
            if found is not None:
                yield FileHit(
                    Span(*found.span()), f"`{entry}` allows every command with nobody asked; list those that are needed."
                )
                return
