"""Two operations of an API's description have one id.

Why: generators of clients and servers name functions by it. Of two with one name the second takes the first one's place, or gets
a number behind it, which moves to the other when their order changes.
Instead: one id for one operation.

    paths:
      /orders:
        get: {operationId: listOrders}
      /orders/{id}:
        get: {operationId: readOrder}

Consequences: clients lose a function without an error, or call another than they name.
Tests: generate a client of the document where it is checked in.
Source: https://spec.openapis.org/oas/v3.1.1.html#operation-object: "The id MUST be unique among all operations"
"""

from collections.abc import Iterator

from architect_lsp.knowledge.openapi import Operation
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
    get: {operationId: readOrder}
  /orders/{id}:
    get: {operationId: [|readOrder|]}
    delete: {operationId: removeOrder}
"""),
    ],
    good=[
        """
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders:
    get: {operationId: listOrders}
    post: {}
  /orders/{id}:
    get: {operationId: readOrder}
    put: {}
""",
    ],
)


@rule.check_openapi
def find(view: OpenApiView) -> Iterator[FileHit]:
    """Ids that an earlier operation has."""
    first: dict[str, Operation] = {}
    for it in view.api.operations:
        said = it.node["operationId"]
        earlier = first.setdefault(said.text, it) if said.text else it
        if earlier is not it and earlier.node.id != it.node.id:
            yield FileHit(said.span, f"`{said.text}` is the id of `{earlier.spoken}` too.", symbol=it.spoken)
