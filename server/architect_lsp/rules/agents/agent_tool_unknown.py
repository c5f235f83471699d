"""An agent file names a tool that does not exist.

Why: a name that is no tool's is dropped without a word. The agent then works without what it was meant to have, or, where
the list says what it must not use, with it.
Instead: the tool's exact name; tools of a server are `mcp__server__tool`.

    tools: Read, Grep, Glob, Bash(git diff:*), mcp__tracker__search

Consequences: the agent says that it can't do its work, or does it in a roundabout way.
Tests: ask the agent which tools it has.
Source: https://code.claude.com/docs/en/settings#tools-available-to-claude
"""

import difflib
import re
from collections.abc import Iterator

from architect_lsp.knowledge.front_matter import Field
from architect_lsp.model import Confidence, Edit, Fix, Severity, Span
from architect_lsp.rules.rule import Bad, FileHit, FileView, Rule

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["C1"],
    bad=[
        Bad(
            """
-- .claude/agents/reviewer.md --
---
name: reviewer
description: Reviews changes of the API before they are merged.
tools: Read, [|grep|], Glob
---
You review.
""",
            fixed="""
-- .claude/agents/reviewer.md --
---
name: reviewer
description: Reviews changes of the API before they are merged.
tools: Read, Grep, Glob
---
You review.
""",
        ),
        Bad("""
-- .claude/commands/find.md --
---
description: Finds where a word is used in the project.
allowed-tools: Read, [|FileSearch|]
---
Find it.
"""),
    ],
    good=[
        """
-- .claude/agents/reviewer.md --
---
name: reviewer
description: Reviews changes of the API before they are merged.
tools: Read, Bash(git diff:*), mcp__tracker__search, "*"
disallowedTools: [Write, Edit]
---
You review.
-- agents/other.md --
---
name: other
description: An agent of another program with tools of its own.
tools: search, codebase, fetch
---
You search.
""",
    ],
)

TOOLS = frozenset(
    (
        *(
            "Agent",
            "AskUserQuestion",
            "Bash",
            "BashOutput",
            "Edit",
            "EnterPlanMode",
            "EnterWorktree",
            "ExitPlanMode",
            "ExitWorktree",
        ),
        *("Glob", "Grep", "KillBash", "KillShell", "LS", "LSP", "ListMcpResourcesTool", "Monitor", "MultiEdit", "NotebookEdit"),
        *(
            "NotebookRead",
            "PowerShell",
            "Read",
            "ReadMcpResourceTool",
            "SendMessage",
            "Skill",
            "SlashCommand",
            "Task",
            "TaskCreate",
        ),
        *("TaskGet", "TaskList", "TaskOutput", "TaskStop", "TaskUpdate", "TodoRead", "TodoWrite", "ToolSearch", "WebFetch"),
        *(
            "WebSearch",
            "Write",
            "CronCreate",
            "CronDelete",
            "CronList",
            "TeamCreate",
            "TeamDelete",
            "StructuredOutput",
            "Workflow",
        ),
    )
)
"""The tools of Claude Code, of its versions so far."""
_LISTS = ("tools", "allowed-tools", "disallowedTools", "disallowed-tools", "allowedTools")


@rule.check_file
def find(view: FileView) -> Iterator[FileHit]:
    """Names in lists of tools that are near a tool's, or that stand among tools of Claude Code and are none."""
    for key in _LISTS:
        found = view.file.front.fields.get(key)
        if found is None:
            continue
        names = [it.partition("(")[0].strip() for it in found.entries]
        if not view.file.is_claudes and not any(it in TOOLS for it in names):
            continue
        for name in dict.fromkeys(names):
            if (
                name in TOOLS
                or name in ("*", "all")
                or name.startswith(("mcp__", "$"))
                or not re.fullmatch(r"[A-Za-z][\w -]*", name)
            ):
                continue
            span = _span(view.file.text, found, name)
            if span is None:
                continue
            near = next((it for it in TOOLS if it.lower() == name.lower().replace(" ", "")), "")
            near = near or next(iter(difflib.get_close_matches(name, sorted(TOOLS), 1, 0.75)), "")
            hint = f"; did you mean `{near}`?" if near else ": neither Claude Code nor a server has it."
            fixes = (Fix(f"Name the tool `{near}`", (Edit(span, near),)),) if near else ()
            yield FileHit(span, f"There is no tool `{name}`{hint}", fixes)


def _span(text: str, found: Field, name: str) -> Span | None:
    match = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])").search(text, found.span.start, found.span.end)
    return Span(*match.span()) if match else None
