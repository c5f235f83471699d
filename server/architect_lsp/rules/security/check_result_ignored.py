"""A check fails, and the function says that all is well.

Why: `verify` and its kin say no by raising. Who catches everything there and goes on has switched the check off.
Instead: catch what the check raises, and say no.

    try:
        verify(token)
    except InvalidToken:
        return False
    return True

Tests: a token that was tampered with is refused.
Security: CWE-703, CWE-636.
Source: https://owasp.org/Top10/A10_2025-Mishandling_of_Exceptional_Conditions/
"""

import ast
from collections.abc import Iterator, Sequence

from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=703,
    needs=["except"],
    bad=[
        Bad("""
def is_valid(token):
    [|try:|]
        verify(token)
    except Exception:
        pass
    return True

def allowed(user):
    try:
        authorize(user)
        return True
    [|except Exception:|]
        return True
"""),
    ],
    good=[
        """
def is_valid(token):
    try:
        verify(token)
    except ValueError:
        return False
    return True

def is_up(service):
    try:
        service.ping()
    except Exception:
        pass
    return True

def checked(token):
    try:
        verify(token)
    except Exception:
        pass
    return None
""",
    ],
)

_VERIFIES = regex(
    r"_?(?:verify(?:_\w+)?|authenticate|authori[sz]e(?:_\w+)?|check_(?:password|permissions?|signature|token|access|auth)"
    r"|validate_(?:token|signature))"
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Checks whose failure is caught and answered with True."""
    for block in view.reading.each(ast.Try):
        if not any(_is_check(it) for row in block.body for it in ast.walk(row)):
            continue
        for handler in block.handlers:
            if handler.type is not None and dotted(handler.type) not in ("Exception", "BaseException"):
                continue
            if _says_yes(handler.body):
                yield Hit(handler, "The check says no by raising, and this answers yes.")
            elif all(isinstance(it, ast.Pass) for it in handler.body) and _says_yes(_after(view, block)):
                yield Hit(block, "The check says no by raising; this swallows it, and the function answers yes.")


def _is_check(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    return bool(_VERIFIES.fullmatch(node.func.attr if isinstance(node.func, ast.Attribute) else dotted(node.func)))


def _says_yes(block: Sequence[ast.stmt]) -> bool:
    return len(block) > 0 and isinstance(block[-1], ast.Return) and constant(block[-1].value) is True and len(block) < 3


def _after(view: View, block: ast.Try) -> Sequence[ast.stmt]:
    """What follows the block in its function, where it is not inside of anything."""
    up = view.reading.parent(block)
    body = up.body if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef) else []
    return body[body.index(block) + 1 :] if block in body else []
