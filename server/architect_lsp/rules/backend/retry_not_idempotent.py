"""Requests that change something are sent again after an error, though the first one may have arrived.

Why: a timeout or a 502 does not say that nothing happened: the order may be placed and its answer lost. urllib3 leaves POST
and PATCH out of its retries for that reason, and this policy takes them in.
Instead: repeat what may be repeated, and give the rest a key by which the other side knows it again.

    policy = Retry(total=3, backoff_factor=0.5, status_forcelist=[502, 503, 504])      # GET, PUT, DELETE, HEAD, OPTIONS
    session.mount("https://", HTTPAdapter(max_retries=policy))
    session.post(url, json=order, headers={"Idempotency-Key": str(order.key)}, timeout=10)

Consequences: a customer is charged twice on the one day on which the network is slow.
Trade-offs: where POST only asks (a search, GraphQL), or the receiver is told to expect a message twice (webhooks), repeating it
is right. Nothing in the policy tells these apart, so this rule speaks only when it is enabled.
Tests: a server that stores what it gets, closes the connection on the first request, and is asked how many rows it has.
Observability: count retries by method; one of a POST is worth an alert.
Source: https://urllib3.readthedocs.io/en/stable/reference/urllib3.util.html#urllib3.util.Retry; RFC 9110, 9.2.2
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["B3", "D3", "C4"],
    preview=True,
    needs=["Retry"],
    bad=[
        Bad("""
from urllib3.util.retry import Retry
from urllib3 import Retry as Policy

EVERY = Retry(total=3, status_forcelist=[502], [|allowed_methods=None|])
OLD = Retry(total=3, [|method_whitelist=False|])
NAMED = Policy(3, [|allowed_methods=["GET", "POST"]|])
"""),
    ],
    good=[
        """
from urllib3.util.retry import Retry
from shop import Retry as Own

METHODS = ["GET"]
USUAL = Retry(total=3, status_forcelist=[502])
SAFE = Retry(total=3, allowed_methods=["GET", "PUT"])
NAMED = Retry(total=3, allowed_methods=METHODS)
NEVER = Retry(total=0, allowed_methods=None)
CONNECT = Retry(connect=3, read=0, allowed_methods=None)
OWN = Own(allowed_methods=None)
""",
    ],
)

_UNSAFE = frozenset(("POST", "PATCH"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Retry policies of urllib3 that repeat POST or PATCH once they may have arrived."""
    for call in view.reading.each(ast.Call):
        if not view.callee(call).startswith("urllib3.") or not view.callee(call).endswith("Retry"):
            continue
        given = next((it for it in call.keywords if it.arg in ("allowed_methods", "method_whitelist")), None)
        total = keyword(call, "total") or (call.args[0] if call.args else None)
        only_connects = constant(keyword(call, "read")) == 0
        if given is None or (total is not None and constant(total) in (0, False)) or only_connects:
            continue
        if _every(given.value) or _UNSAFE & _named(given.value):
            yield Hit(given, "This policy sends POST and PATCH again though the first request may have arrived.")


def _every(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in (None, False)


def _named(node: ast.expr) -> set[object]:
    inner = node.args[0] if isinstance(node, ast.Call) and node.args else node
    return {constant(it) for it in inner.elts} if isinstance(inner, ast.List | ast.Tuple | ast.Set) else set()
