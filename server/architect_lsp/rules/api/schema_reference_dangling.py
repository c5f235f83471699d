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
security:
  - [|oauth|]: [read]
paths:
  /parcels:
    get: {}
components:
  securitySchemes:
    bearer: {type: http, scheme: bearer}
  schemas:
    Parcel:
      type: object
      required: [id, [|weigth|]]
      properties:
        id: {type: integer}
        weight: {type: integer}
"""),
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
security: [{bearer: []}, {}]
paths:
  /parcels:
    get: {security: []}
components:
  securitySchemes:
    bearer: {type: http, scheme: bearer}
  schemas:
    Parcel:
      type: object
      required: [id]
      properties: {id: {type: integer}}
    More:
      type: object
      required: [other]
      allOf: [{$ref: "#/components/schemas/Parcel"}]
      properties: {id: {type: integer}}
    Query:
      type: object
      properties:
        required: {type: boolean}
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


def _references(view: OpenApiView) -> Iterator[FileHit]:
    """References inside the document to what is not there, and fields that are required and not among those that are said."""
    todo, seen = [view.api.root], {view.api.root.id}
    while todo:
        node = todo.pop()
        target = node["$ref"]
        if target.text.startswith("#/") and not view.api.target(target.text):
            yield FileHit(target.span, f"`{target.text}` is not there.", symbol=target.text)
        yield from _required(node)
        for it in (*node.entries, *node.items):
            if it.id not in seen and not it.name.startswith("x-") and not _is_text(node, it):
                seen.add(it.id)
                todo.append(it)


@rule.check_openapi
def find(view: OpenApiView) -> Iterator[FileHit]:
    """References inside the document to what is not there, schemes and fields that are named and declared nowhere."""
    yield from _references(view)
    yield from _schemes(view)


def _schemes(view: OpenApiView) -> Iterator[FileHit]:
    """What is asked for and declared nowhere."""
    root = view.api.root
    known = {it.name for it in (*root["components"]["securitySchemes"].entries, *root["securityDefinitions"].entries)}
    if root["components"]["securitySchemes"]["$ref"]:
        return
    for asked in (root["security"], *(it.node["security"] for it in view.api.operations)):
        for row in asked.items:
            for it in row.entries:
                if it.name not in known:
                    yield FileHit(it.key, f"No security scheme is called `{it.name}`.", symbol=it.name)


def _required(node: Node) -> Iterator[FileHit]:
    """Fields that a plain object requires, and that are like none of those that it says."""
    fields = {it.name for it in node["properties"].entries}
    open_ended = any(node[it] for it in ("allOf", "anyOf", "oneOf", "additionalProperties", "patternProperties", "$ref", "if"))
    if not fields or open_ended:
        return
    for it in node["required"].items:
        if it.text and it.text not in fields:
            yield FileHit(it.span, f"`{it.text}` is required, and no field is called so.", symbol=it.text)


def _is_text(node: Node, field: Node) -> bool:
    return field.name in _TEXTS and node.name not in ("properties", "schemas")
