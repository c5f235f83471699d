"""A reference of an API's description leads nowhere.

Why: what reads the document stops at it: the generator of clients, the validator in front of the service, the page that people
read. Some go on and take the place for "anything", so that what was meant to be checked is not.
Instead: name what is there.

    schema:
      $ref: "#/components/schemas/Order"

Consequences: the document can't be built on, or checks less than it says.
Tests: validate the document where it is checked in.
Source: https://spec.openapis.org/oas/v3.1.1.html#reference-object
"""

from collections.abc import Iterator

from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, FileHit, OpenApiView, Rule
from architect_lsp.syntax.nodes import Node

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A1", "A5"],
    bad=[
        Bad("""
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders:
    get:
      parameters:
        - $ref: "#/components/parameters/Page"
      responses:
        "200":
          content:
            application/json:
              schema: {$ref: [|"#/components/schemas/Ordr"|]}
components:
  parameters:
    Page: {name: page, in: query}
  schemas:
    Order: {type: object}
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
        "200":
          content:
            application/json:
              schema: {$ref: "orders.yaml#/Order"}
              example: {$ref: "#/components/schemas/Nothing"}
  /orders/{id}:
    get:
      responses:
        "200":
          $ref: "#/paths/~1orders/get/responses/200"
components:
  schemas:
    Link:
      type: object
      properties:
        $ref: {type: string}
""",
        """
-- openapi.yaml --
openapi: 3.0.3
paths:
  /orders:
    get:
      responses:
        "200":
          content:
            application/xml; charset=utf-8:
              schema: {type: object}
        "201":
          content:
            application/xml; charset=utf-8:
              schema: {$ref: "#/paths/~1orders/get/responses/200/content/application~1xml;%20charset=utf-8/schema"}
""",
    ],
)

_TEXTS = frozenset(("example", "examples", "default", "enum", "const"))
"""Fields that hold values of the API, not the document's own."""


@rule.check_openapi
def find(view: OpenApiView) -> Iterator[FileHit]:
    """References inside the document to what is not there."""
    todo, seen = [view.api.root], {view.api.root.id}
    while todo:
        node = todo.pop()
        target = node["$ref"]
        if target.text.startswith("#/") and not view.api.target(target.text):
            yield FileHit(target.span, f"`{target.text}` is not there.", symbol=target.text)
        for it in (*node.entries, *node.items):
            if it.id not in seen and not it.name.startswith("x-") and not _is_text(node, it):
                seen.add(it.id)
                todo.append(it)


def _is_text(node: Node, field: Node) -> bool:
    return field.name in _TEXTS and node.name not in ("properties", "schemas")
