"""An operation that changes something asks nobody who they are, where others of the same description do.

Why: in a document without a `security` of its own at the top, each operation must say whom it asks. One that says nothing is
public: the gateway lets it through, the generated client sends no token, and the tests made from the document need none.
Instead: ask once, at the top, and open what is meant to be open by `security: []`.

    security: [{bearer: []}]

Consequences: what is deleted by `DELETE` can be deleted by anyone.
Tests: check the document, and call the operation without a token.
Security: broken authentication, the second of OWASP's ten for APIs.
Source: https://owasp.org/API-Security/editions/2023/en/0xa2-broken-authentication/;
https://spec.openapis.org/oas/v3.1.1.html#security-requirement-object
"""

import re
from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, FileHit, OpenApiView, Rule

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A2", "A5"],
    cwe=306,
    bad=[
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders/{id}:
    get:
      security: [{bearer: []}]
    patch:
      security: [{bearer: []}]
    [|delete|]: {}
"""),
    ],
    good=[
        """
-- openapi.yaml --
openapi: 3.0.3
security: [{bearer: []}]
paths:
  /orders/{id}:
    get: {security: []}
    patch:
      security: [{bearer: []}]
    delete: {}
""",
        """
-- openapi.yaml --
openapi: 3.0.3
paths:
  /login:
    post: {}
  /orders/{id}:
    get:
      security: [{bearer: []}]
    put:
      security: [{bearer: []}]
    delete: {security: []}
""",
        """
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders/{id}:
    put: {}
    delete: {}
    get:
      security: [{bearer: []}]
""",
    ],
)

_CHANGES = frozenset(("PUT", "PATCH", "DELETE"))
"""Methods for what is somebody's already."""
_OPEN = regex(
    r"log_?in|log_?out|sign|regist|token|auth|callback|hook|verify|confirm|reset|public|session|password", re.IGNORECASE
)
_ALIKE = 2


@rule.check_openapi
def find(view: OpenApiView) -> Iterator[FileHit]:
    """Operations that change what is there and ask nobody, in documents where the others that do so ask."""
    if view.api.root["security"]:
        return
    rows = [it for it in view.api.operations if not _OPEN.search(f"{it.path} {it.node['operationId'].text}")]
    asked = [it for it in rows if it.security]
    open_ = [it for it in rows if it.method in _CHANGES and it.security is None]
    if len(asked) < _ALIKE or len(open_) * 2 > len(asked):
        return
    for it in open_:
        beside = next((each for each in asked if each.path == it.path), asked[0])
        message = f"`{it.spoken}` asks nobody who they are, and `{beside.spoken}` does."
        yield FileHit(it.at, message, symbol=it.spoken)
