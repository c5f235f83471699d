"""Two agent files have one name.

Why: agents are called by their name. Where two have the same, which of them answers depends on the order in which files were
read.
Instead: one name, one agent; put what both should say into one of them.

    ---
    name: api-reviewer
    description: Reviews changes of the public API.
    ---

Consequences: a change of one file changes nothing, and nobody sees why.
Source: https://code.claude.com/docs/en/sub-agents
"""

from collections.abc import Iterator

from architect_lsp.model import Confidence, Place, Related, Severity
from architect_lsp.rules.rule import Bad, FileHit, FileView, Rule

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C1", "C2"],
    bad=[
        Bad("""
-- .claude/agents/review.md --
---
name: [|reviewer|]
description: Reviews changes of the API before they are merged.
---
You review.
-- .claude/agents/team/reviewer.md --
---
name: [|reviewer|]
description: Reviews changes of the database schema.
---
You review.
"""),
    ],
    good=[
        """
-- .claude/agents/review.md --
---
name: reviewer
description: Reviews changes of the API before they are merged.
---
You review.
-- .claude/skills/reviewer/SKILL.md --
---
name: reviewer
description: How we review changes of the API.
---
You review.
-- plugin/agents/reviewer.md --
---
name: reviewer
description: Reviews changes of the API before they are merged.
---
You review.
""",
    ],
)


@rule.check_file
def find(view: FileView) -> Iterator[FileHit]:
    """Names that another file of the same kind, in the same place, has too."""
    name = view.file.front.fields.get("name")
    if name is None or not name.value or view.file.kind == "command":
        return
    for it in view.names.get(name.value, ()):
        if it.path != view.file.path and it.kind == view.file.kind and _home(it.path) == _home(view.file.path):
            other = it.front.fields["name"]
            line = it.lines.line_of(other.span.start)
            column = other.span.start - it.lines.bounds(line)[0]
            place = Place(it.path, line, column, line, column + other.span.end - other.span.start)
            yield FileHit(name.span, f"`{name.value}` is the name of {it.path} too.", (), (Related(place, "the other"),))
            return


def _home(path: str) -> str:
    """The folder that agents, skills or commands are kept in."""
    for folder in ("agents/", "skills/", "commands/"):
        before, found, _ = path.partition(folder)
        if found:
            return before + found
    return path
