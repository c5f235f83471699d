"""A description tells clients to call its API without TLS.

Why: generated clients take the first server for the base of every request, and send tokens there in the clear.
Instead: `https`, and `http` for what runs on the developer's own machine alone.

    servers:
      - url: https://api.example.com/v1

Consequences: whoever sits between reads and changes what is sent.
Security: CWE-319, cleartext transmission.
Source: https://owasp.org/API-Security/editions/2023/en/0xa8-security-misconfiguration/
"""

from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, FileHit, OpenApiView, Rule

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A2", "A5"],
    cwe=319,
    bad=[
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
servers:
  - url: [|http://api.shop.dev/v1|]
paths:
  /orders:
    get: {}
"""),
    ],
    good=[
        """
-- openapi.yaml --
openapi: 3.0.3
servers:
  - url: https://api.shop.dev/v1
  - url: http://localhost:8000
  - url: http://127.0.0.1/
  - url: http://orders:8080
  - url: http://example.com/v1
  - url: http://{host}/v1
  - url: http://orders.internal
  - url: /v1
paths:
  /orders:
    get: {}
"""
    ],
)

_OPEN = regex(
    r"http://(?!localhost|127\.|0\.0\.0\.0|\[::|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|host\.docker|(?:[\w-]+\.)*example\.)"
    r"[\w.-]+\.(?!local\b|internal\b|lan\b|test\b|svc\b|localdomain\b|cluster\b|home\b)[a-z]{2,}(?=[:/]|$).*"
)
"""An address that is not one's own machine or network."""


@rule.check_openapi
def find(view: OpenApiView) -> Iterator[FileHit]:
    """Servers by `http`, outside of the developer's own network."""
    for it in view.api.root["servers"].items:
        url = it["url"]
        if _OPEN.fullmatch(url.text):
            yield FileHit(url.span, "Clients made from this send what they send, tokens too, in the clear.", symbol=url.text)
