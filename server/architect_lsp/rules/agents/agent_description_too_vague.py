"""The description of an agent does not say when to use it.

Why: whoever chooses among agents, mostly another model, sees their names and descriptions and nothing else. One that says
"helps with code" fits every task and none.
Instead: say what it does, for what, and when it should be asked.

    description: Reviews changes of the public API for breaking ones. Use before a pull request that touches `api/` is opened.

Consequences: the agent is never asked, or for what it is no good at.
Tests: give a list of tasks to whoever chooses, and assert which agent each goes to.
Source: https://code.claude.com/docs/en/sub-agents
"""

from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, FileHit, FileView, Rule

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["C2", "E5"],
    bad=[
        Bad("""
-- .claude/agents/helper.md --
---
name: helper
description: [|Helps with code.|]
---
You help.
"""),
        Bad("""
-- .claude/agents/reviewer.md --
---
[|name|]: reviewer
tools: Read
---
You review.
"""),
        Bad("""
-- .claude/skills/notes/SKILL.md --
---
name: notes
description: [|A useful skill for various tasks|]
---
Write notes.
"""),
    ],
    good=[
        """
-- .claude/agents/reviewer.md --
---
name: reviewer
description: Reviews changes of the API for breaking ones before they are merged.
---
You review.
-- .claude/commands/notes.md --
---
allowed-tools: Read
---
Write notes.
-- .claude/agents/notes.md --
Only notes on the agents beside this.
""",
    ],
)

_WORD = regex(r"[^\W\d_]{2,}")
_EMPTY = frozenset(
    [
        "a",
        "an",
        "the",
        "for",
        "to",
        "with",
        "and",
        "or",
        "of",
        "in",
        "on",
        "your",
        "you",
        "any",
        "all",
        "various",
        "many",
        "useful",
        "helpful",
        "general",
        "generic",
        "purpose",
        "good",
        "great",
        "best",
        "smart",
        "powerful",
        "expert",
        "assistant",
        "agent",
        "agents",
        "skill",
        "subagent",
        "ai",
        "helper",
        "helps",
        "help",
        "assists",
        "assist",
        "does",
        "do",
        "things",
        "stuff",
        "tasks",
        "task",
        "work",
        "code",
        "coding",
        "programming",
        "project",
        "projects",
        "everything",
        "anything",
        "something",
        "general-purpose",
        "handles",
        "handle",
        "use",
        "uses",
        "used",
        "using",
        "this",
        "that",
        "is",
        "can",
        "will",
        "it",
        "user",
        "users",
        "questions",
        "problems",
        "issues",
    ]
)
_FEW = 3
"""Words that say something: fewer are too few."""


@rule.check_file
def find(view: FileView) -> Iterator[FileHit]:
    """Descriptions of agents and skills that are missing, or say nothing that tells them from others."""
    front = view.file.front
    if not front.opened or view.file.kind == "command":
        return
    description = front.fields.get("description")
    if description is None or not description.value.strip():
        name = front.fields.get("name")
        if name is not None and view.file.is_claudes:
            yield FileHit(
                description.key if description else name.key,
                f"The {view.file.kind} has no description: nobody can tell when to use it.",
            )
        return
    words = {it.lower() for it in _WORD.findall(description.value)} - _EMPTY
    if len(words) < _FEW and description.value.isascii():
        yield FileHit(
            description.span,
            f"This description fits every task: it doesn't say for what the {view.file.kind} is there, or when to ask it.",
        )
