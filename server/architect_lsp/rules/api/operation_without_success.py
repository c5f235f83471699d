"""An operation of a description has no answer that says it went well.

Why: clients are generated from the document. One that names only errors gives them nothing to return, and the generator either
fails or takes every answer for an unexpected one.
Instead: describe what is answered when all goes well.

    responses:
      "201": {description: Created}
      "400": {description: Bad request}

Consequences: generated clients raise on success.
Tests: generate a client in the build, and call the operation.
Source: https://spec.openapis.org/oas/v3.1.1.html#responses-object
"""

from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, FileHit, OpenApiView, Rule

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A1", "A5"],
    bad=[
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders:
    post:
      [|responses|]:
        "400": {description: Bad request}
        "401": {description: Sign in}
"""),
    ],
    good=[
        """
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders:
    get:
      responses:
        "200": {description: ok}
        "400": {description: Bad request}
    post:
      responses:
        default: {description: anything}
    put:
      responses:
        2XX: {description: ok}
  /go:
    get:
      responses:
        "302": {description: Elsewhere}
  /shared:
    get:
      responses: {$ref: "#/components/x"}
"""
    ],
)


@rule.check_openapi
def find(view: OpenApiView) -> Iterator[FileHit]:
    """Operations whose answers all are errors."""
    for it in view.api.operations:
        if it.responses and all(each.status[:1] in ("4", "5") for each in it.responses):
            at = it.node["responses"].key
            yield FileHit(at, f"`{it.spoken}` describes no answer that says it went well.", symbol=it.spoken)
