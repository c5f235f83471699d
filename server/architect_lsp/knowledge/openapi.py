"""What an OpenAPI document promises: its operations with their parameters, bodies and answers, each where it stands.

Versions 2 (Swagger) and 3 read alike here. References inside the document are followed; what stands in another file is not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from urllib.parse import unquote

from msgspec import Struct

from architect_lsp.model import Span
from architect_lsp.patterns import regex
from architect_lsp.syntax.nodes import NOTHING, Node, nodes

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_DEPTH = 16
"""References and parts of a schema that are followed one after the other."""
_PLACEHOLDER = regex(r"{([^{}/]+)}")
_NAME = regex(r"[+*.;]?([\w$.-]+)[+*]?(?:[=:].*)?$")
_HUMPS = regex(r"(?<=[a-z0-9])(?=[A-Z])")


class Parameter(Struct, frozen=True):
    """What a request carries beside its body. `place` is "path", "query", "header" or "cookie"; `node` says all of it."""

    name: str
    place: str
    required: bool
    schema: Node
    node: Node
    at: Span  # its name


class Response(Struct, frozen=True):
    """One answer. `status` is as written ("200", "2XX", "default"); `bodies` are its schemas by media type."""

    status: str
    bodies: tuple[tuple[str, Node], ...]
    at: Span
    has_content: bool

    @property
    def body(self) -> Node:
        """The schema of the answer in JSON."""
        return _json(self.bodies)


class Operation(Struct, frozen=True):
    """One method of one path. `whole` is False where some of it stands in another file.

    `bodies` are the schemas of what is sent, by media type. `security` is what is asked for here, else of all: None where nothing
    is said, () where nobody is asked.
    """

    method: str
    path: str
    node: Node
    path_node: Node
    parameters: tuple[Parameter, ...]
    bodies: tuple[tuple[str, Node], ...]
    body_required: bool
    responses: tuple[Response, ...]
    security: tuple[str, ...] | None
    own_security: bool
    whole: bool

    @property
    def at(self) -> Span:
        """Its method's name."""
        return self.node.key

    @property
    def spoken(self) -> str:
        """As a message names it."""
        return f"{self.method} {self.path}"

    @property
    def body(self) -> Node:
        """The schema of what is sent as JSON or as a form."""
        return _json(self.bodies)

    @property
    def success(self) -> Response | None:
        """The first answer of those that say it went well."""
        return next((it for it in self.responses if it.status.startswith("2")), None)

    def parameter(self, place: str, name: str) -> Parameter | None:
        """One by its place and name."""
        return next((it for it in self.parameters if it.place == place and it.name == name), None)


class OpenApi:
    """One document. `version` is 2 or 3, 0 for what is no such document."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.version = 2 if root["swagger"].text.startswith("2") else 3 if root["openapi"].text.startswith("3") else 0

    @cached_property
    def paths(self) -> tuple[Node, ...]:
        """The entries of `paths` in their order, those that are there twice too."""
        entries = self.root["paths"].entries if self.version else ()
        return tuple(it for it in entries if it.name.startswith("/"))

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """Every operation in the order of the text."""
        return tuple(
            self._operation(path, self.resolved(path), node)
            for path in self.paths
            for node in self.resolved(path).entries
            if node.name in METHODS
        )

    def resolved(self, node: Node) -> Node:
        """What a reference inside the document leads to, else the node; `NOTHING` where it leads nowhere, or out of it."""
        for _ in range(_DEPTH):
            target = node["$ref"].text
            if not target:
                return node
            node = self.target(target)
        return NOTHING

    def meant(self, schema: Node) -> Node:
        """The schema that a reference leads to; of a choice between one and null, that one."""
        node = self.resolved(schema)
        for word in ("anyOf", "oneOf"):
            some = [it for it in node[word].items if it["type"].text != "null"]
            if len(some) == 1:
                return self.resolved(some[0])
        return node

    def target(self, reference: str) -> Node:
        """What stands at `#/components/schemas/Order`."""
        if not reference.startswith("#/"):
            return NOTHING
        node = self.root
        for part in reference[2:].split("/"):
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            node = (
                next((it for at, it in enumerate(node.items) if str(at) == name), NOTHING) if not node.is_mapping else node[name]
            )
        return node

    def properties(self, schema: Node) -> dict[str, Node]:
        """The fields of an object, those of its parts too."""
        found: dict[str, Node] = {}
        for part in self.parts(schema):
            for it in part["properties"].entries:
                found.setdefault(it.name, it)
        return found

    def required(self, schema: Node) -> frozenset[str]:
        """The names of the fields that must be there."""
        return frozenset(it.text for part in self.parts(schema) for it in part["required"].items)

    def parts(self, schema: Node) -> Iterator[Node]:
        """A schema and all that it is put together from by `allOf`, references followed."""
        todo: list[Node] = [schema]
        seen: set[int] = set()
        while todo and len(seen) < _DEPTH * _DEPTH:
            node = self.resolved(todo.pop(0))
            if node and node.id not in seen:
                seen.add(node.id)
                yield node
                todo += node["allOf"].items

    def _operation(self, path: Node, item: Node, node: Node) -> Operation:
        rows = [*node["parameters"].items, *item["parameters"].items]
        parameters: dict[tuple[str, str], Parameter] = {}
        fields: list[Node] = []
        bodies: list[tuple[str, Node]] = []
        whole, needed = True, False
        for row in rows:
            said = self.resolved(row)
            place, name = said["in"].text, said["name"].text
            if not place:
                whole = False
            elif place == "body":
                bodies.append(("application/json", said["schema"]))
                needed = said["required"].is_true
            elif place == "formData":
                fields.append(said)
            else:
                here = said["name"].span if not row["$ref"] else row["$ref"].span
                schema = said["schema"] or (said if self.version == 2 else NOTHING)
                found = Parameter(name, place, said["required"].is_true, schema, said, here)
                parameters.setdefault((place, name), found)
        body = self.resolved(node["requestBody"])
        bodies += [(it.name, it["schema"]) for it in body["content"].entries]
        needed = needed or body["required"].is_true
        answers = tuple(self._response(it) for it in node["responses"].entries if not it.name.startswith("x-"))
        asked = node["security"] or self.root["security"]
        names = tuple(each for it in asked.items for each in (it.fields or {"": NOTHING})) if asked else None
        return Operation(
            node.name.upper(),
            path.name,
            node,
            path,
            tuple(parameters.values()),
            tuple(bodies),
            needed,
            answers,
            names,
            bool(node["security"]),
            whole and (not node["requestBody"] or bool(body)),
        )

    def _response(self, node: Node) -> Response:
        said = self.resolved(node)
        if self.version == 2:
            bodies: tuple[tuple[str, Node], ...] = (("application/json", said["schema"]),) if said["schema"] else ()
        else:
            bodies = tuple((it.name, it["schema"]) for it in said["content"].entries)
        return Response(node.name.upper() if node.name != "default" else node.name, bodies, node.key, bool(bodies))


def openapi(text: str) -> OpenApi:
    """The document that a text is."""
    return OpenApi(nodes(text))


def placeholders(path: str) -> tuple[str, ...]:
    """The names of the parts of a path that a client fills in."""
    return tuple(it[1] for it in _PLACEHOLDER.finditer(path))


def shape(path: str) -> str:
    """A path without the names of its placeholders: two of one shape match the same requests."""
    return _PLACEHOLDER.sub("{}", path)


def plain_name(name: str) -> str:
    """A placeholder's or parameter's name without what gateways write beside it (`{proxy+}`, `{name=*}`); "" of what is none."""
    found = _NAME.match(name)
    return found[1] if found is not None else ""


def snake(name: str) -> str:
    """`createParcel` and `Create-Parcel` as `create_parcel`."""
    return _HUMPS.sub("_", name).replace("-", "_").lower()


def _json(bodies: tuple[tuple[str, Node], ...]) -> Node:
    """The schema of JSON, else the only one there is."""
    return next((schema for name, schema in bodies if "json" in name), bodies[0][1] if len(bodies) == 1 else NOTHING)
