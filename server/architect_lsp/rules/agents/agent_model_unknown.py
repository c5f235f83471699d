"""An agent file asks for a model that does not exist.

Why: a model's name that nobody knows is refused when the agent is called, or another model is taken without a word.
Instead: `inherit`, a short name such as `sonnet`, or the full name of a model.

    model: sonnet

Consequences: the agent fails for everyone, or costs and answers as another model does.
Source: https://code.claude.com/docs/en/sub-agents
"""

import difflib
from collections.abc import Iterator

from architect_lsp.model import Confidence, Edit, Fix, Severity
from architect_lsp.patterns import regex
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
model: [|sonet|]
---
You review.
""",
            fixed="""
-- .claude/agents/reviewer.md --
---
name: reviewer
description: Reviews changes of the API before they are merged.
model: sonnet
---
You review.
""",
        ),
        Bad("""
-- .claude/agents/writer.md --
---
name: writer
description: Writes release notes from the list of commits.
model: [|gpt-4o|]
---
You write.
"""),
    ],
    good=[
        """
-- .claude/agents/a.md --
---
name: a
description: Reviews changes of the API before they are merged.
model: inherit
---
You review.
-- .claude/agents/b.md --
---
name: b
description: Reviews changes of the database before they are merged.
model: claude-sonnet-4-5-20250929
---
You review.
-- .claude/agents/c.md --
---
name: c
description: Reviews changes of the pages before they are merged.
model: us.anthropic.claude-opus-4-1-20250805-v1:0
---
You review.
-- agents/d.md --
---
name: d
description: An agent of another program, with that program's models.
model: gpt-4o
---
You review.
""",
    ],
)

_SHORT = ("opus", "sonnet", "haiku", "fable", "inherit", "default", "opusplan", "best")
_FULL = regex(r"(?:\w+[./])*(?:anthropic[./])?claude-[\w.@:-]+(?:\[1m\])?|arn:aws:.*|\$\{?\w+\}?|.*/.*")


@rule.check_file
def find(view: FileView) -> Iterator[FileHit]:
    """Models that are neither a short name nor one of Claude's full names, where Claude Code reads the file."""
    model = view.file.front.fields.get("model")
    if model is None or not model.value.strip() or not view.file.is_claudes:
        return
    name = model.value.strip().lower()
    if name.removesuffix("[1m]") in _SHORT or _FULL.fullmatch(name):
        return
    near = next(iter(difflib.get_close_matches(name, _SHORT, 1, 0.7)), "")
    fixes = (Fix(f"Take `{near}`", (Edit(model.span, near),)),) if near else ()
    yield FileHit(
        model.span, f"Claude Code knows no model `{model.value.strip()}`{f'; did you mean `{near}`?' if near else '.'}", fixes
    )
