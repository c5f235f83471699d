"""No test asks for this route, where the others of its router are tested.

Why: a route is where the parts meet: path, parameters, dependencies, status, response. Its helpers may be tested one by one and
the route still answer 422 to everyone. Where its neighbours have a test, it was forgotten rather than left out.
Instead: one test that asks as a client does, and one for the answer it gives when it can't.

    def test_an_order_is_cancelled(client, order):
        response = client.delete(f"/orders/{order.id}")
        assert response.status_code == 204
        assert client.get(f"/orders/{order.id}").status_code == 404

Consequences: a renamed field or a dependency that asks for more is noticed by the first client.
Trade-offs: a route that only hands through what another service answers may be covered by a contract test instead.
Off by default: tests may live in another repository.
Tests: this is about them.
Source: https://fastapi.tiangolo.com/tutorial/testing/
"""

from collections.abc import Iterator

from architect_lsp.knowledge.facts import HTTP_METHODS
from architect_lsp.knowledge.habits import by_router, odd_ones
from architect_lsp.knowledge.kinds import is_test
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.project import Project
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

_APP = """
-- app/orders.py --
from fastapi import APIRouter

router = APIRouter(prefix="/orders")

@router.get("/")
def every(): ...

@router.post("/")
def create(): ...

@router.get("/{number}")
def show(number: int): ...

@router.put("/{number}")
def change(number: int): ...

@router.get("/{number}/lines")
def lines(number: int): ...

"""
_TESTS = """
-- tests/test_orders.py --
def test_orders(client):
    client.post("/orders/", json={})
    number = client.get("/orders/").json()[0]
    client.get(f"/orders/{number}")
    client.put("/orders/7", json={})
    client.request("GET", f"/orders/{number}/lines")
"""

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["E1"],
    preview=True,
    bad=[
        Bad(
            _APP
            + """@[|router.delete("/{number}")|]
def remove(number: int): ...
"""
            + _TESTS
        ),
    ],
    good=[
        _APP
        + """@router.delete("/{number}")
def remove(number: int): ...
"""
        + _TESTS
        + """
def test_remove(client):
    client.delete("/orders/7")
""",
        _APP
        + """@router.delete("/{number}")
def remove(number: int): ...
"""
        + _TESTS
        + """
def test_remove(remove_order):
    remove(7)
""",
        _APP
        + """@router.delete("/{number}")
def remove(number: int): ...
""",
    ],
)

_HOLE = regex(r"{[^}]*}")
_ANY = "*"


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Routes that no test asks for by path or calls by name, among neighbours of which nine tenths are tested."""
    asked, names = _asked(project)
    if not asked:
        return
    for odd in odd_ones(by_router(project), lambda route: _is_tested(route, asked, names)):
        verb = f"{','.join(sorted(odd.member.methods)) or 'ANY'} {odd.member.path}"
        yield ProjectHit(odd.member.at, f"No test asks for `{verb}`; {odd.counts} routes of `{odd.group}` are tested.")


def _asked(project: Project) -> tuple[dict[int, set[tuple[str, str]]], set[str]]:
    """(number of segments -> the (method, path) that tests ask for, last names of all that tests call)."""
    asked: dict[int, set[tuple[str, str]]] = {}
    names: set[str] = set()
    for path in project.paths:
        if not is_test(path):
            continue
        facts = project.facts(path)
        names.update(target.rpartition(".")[2] for _, target in facts.imports)
        for definition in facts.defs:
            for call in definition.calls:
                last = call.target.replace("()", "").rpartition(".")[2]
                names.add(last)
                if call.about.startswith("/"):
                    method = last.upper() if last in HTTP_METHODS and last != "route" else _ANY
                    asked.setdefault(_size(call.about), set()).add((method, call.about))
    return asked, names


def _size(path: str) -> int:
    return path.strip("/").count("/")


def _is_tested(route: Route, asked: dict[int, set[tuple[str, str]]], names: set[str]) -> bool | None:
    """Whether a test asks for the route; None where its path can't be told, so that none could be seen to."""
    if "?" in route.path or ":path" in route.path:
        return None
    if route.handler is not None and route.handler.qualname.rpartition(".")[2] in names:
        return True
    own = [None if "{" in it else it for it in route.path.strip("/").split("/")]
    for method, path in asked.get(_size(route.path), ()):
        if method in (_ANY, "WEBSOCKET") or not route.methods or method in route.methods:
            parts = path.strip("/").split("/")
            if all(mine is None or mine == other or _HOLE.fullmatch(other) for mine, other in zip(own, parts, strict=True)):
                return True
    return False
