"""What a program tells kits of agents by which nobody is asked before the model acts, or what it writes runs on this machine."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, keyword
from architect_lsp.patterns import regex

_SWITCHES = {
    "permission_mode": "bypassPermissions",
    "allow_dangerous_code": True,
    "allow_dangerous_requests": True,
    "allow_dangerous_tools": True,
    "code_execution_mode": "unsafe",
    "unsafe_mode": True,
}
HARMFUL = regex(
    r"(?:^|_)(?:delete|remove|drop|purge|wipe|destroy|terminate|pay(?:ment|out)?|refund|charge|transfer|purchase|buy|order|send|execute|run"
    r"|deploy|shell|bash|write|cancel)(?:_|$)"
)
"""Words of the names of tools whose deeds can't be taken back."""


def switches(call: ast.Call, *, boxed: bool) -> Iterator[tuple[ast.AST, str]]:
    """(what says so, the sentence about it) for each such argument of a call; where all is `boxed`, acting alone does no harm."""
    for it in call.keywords:
        if it.arg in _SWITCHES and constant(it.value) == _SWITCHES[it.arg] and not boxed:
            if keyword(call, "can_use_tool") is None and keyword(call, "hooks") is None:
                yield it, f"`{it.arg}={ast.unparse(it.value)}` lets the model act with nobody asked."
        elif it.arg == "additional_authorized_imports" and isinstance(it.value, ast.List):
            if any(constant(row) == "*" for row in it.value.elts) and keyword(call, "executor_type") is None:
                yield it, "Code that a model writes may import anything, and runs in this process."
        elif it.arg == "use_docker" or (it.arg == "code_execution_config" and isinstance(it.value, ast.Dict)):
            row = _entries(it.value).get("use_docker") if isinstance(it.value, ast.Dict) else it.value
            if isinstance(row, ast.Constant) and row.value is False and constant(keyword(call, "human_input_mode")) != "ALWAYS":
                yield it, "Code that a model writes is run on this machine, outside of any container."
        elif it.arg == "interrupt_on" and isinstance(it.value, ast.Dict):
            for name, said in _entries(it.value).items():
                if constant(said) is False and HARMFUL.search(name):
                    yield said, f"Nobody is asked before `{name}` runs: its entry is False, as if it did no harm."
        elif it.arg == "tool_config" and isinstance(it.value, ast.Dict):
            yield from never_asked(it.value)


def never_asked(table: ast.Dict) -> Iterator[tuple[ast.AST, str]]:
    """A hosted server whose every tool may be called unasked."""
    rows = _entries(table)
    if constant(rows.get("type")) == "mcp" and constant(rows.get("require_approval")) == "never" and "allowed_tools" not in rows:
        yield rows["require_approval"], "All tools of this server, those it gets later too, may be called with nobody asked."


def _entries(table: ast.Dict) -> dict[str, ast.expr]:
    return {str(constant(key)): it for key, it in zip(table.keys, table.values, strict=True) if key is not None}
