"""The map says what a project is made of, in four formats; names in the code can't become anything but text in any of them."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest

from architect_lsp.drawing import FORMATS, drawn
from architect_lsp.engine import Workspace
from architect_lsp.map.chart import Chart, Link, Thing, as_json, schema
from architect_lsp.map.mermaid import as_mermaid
from architect_lsp.map.page import as_html, editor_links
from architect_lsp.map.survey import chart
from architect_lsp.settings import Settings
from support.charts import HOSTILE, hostile
from support.projects import project_of

REPOSITORY = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def shop() -> Chart:
    """The example shop's chart."""
    workspace = Workspace(REPOSITORY / "examples" / "shop", Settings())
    workspace.scan()
    return chart(workspace.project, "shop")


def names(found: Chart, kind: str) -> set[str]:
    return {it.name for it in found.things if it.kind == kind}


def ways(found: Chart, source: str, kind: str) -> set[str]:
    things = {it.id: it for it in found.things}
    return {things[it.target].name for it in found.links if it.kind == kind and things[it.source].name == source}


def test_the_shop_is_all_there(shop: Chart) -> None:
    assert {"GET /products/{sku}/shipping", "POST /orders/{order_id}/payments", "GET /health"} < names(shop, "route")
    assert names(shop, "task") == {"app.tasks.send_receipt", "app.tasks.notify_warehouse"}
    assert names(shop, "model") == {"Address", "User", "SignIn", "Product", "Order", "OrderLine"}
    assert {"payments.example.com", "carrier.example.com", "anthropic", "redis", "smtplib"} < names(shop, "service")
    assert "app.services.payments" in names(shop, "module")
    assert not any("test" in it for it in names(shop, "module"))


def test_what_a_route_touches_is_linked_with_the_way_to_it(shop: Chart) -> None:
    pay = "POST /orders/{order_id}/payments"
    assert ways(shop, pay, "sends") == {"app.tasks.send_receipt"}
    assert {"payments.example.com", "Order"} <= ways(shop, pay, "touches")
    way = next(it for it in shop.links if it.source == f"route:{pay}" and it.target == "service:http:payments.example.com")
    assert [(it.text, it.path) for it in way.steps][-1] == (
        "`charge` calls `payments.example.com`",
        "app/services/payments.py",
    )
    assert ways(shop, "app.services.pricing", "imports") == {"app.config", "app.models"}
    assert ways(shop, "Order", "relates") == {"OrderLine"}


def test_every_place_is_where_the_name_stands(shop: Chart) -> None:
    for it in shop.things:
        if it.handler:
            line = (REPOSITORY / "examples" / "shop" / it.path).read_text(encoding="utf-8").split("\n")[it.line - 1]
            assert f"def {it.handler}(" in line


def test_the_json_is_what_its_schema_says(shop: Chart) -> None:
    document = json.loads(as_json(shop))
    jsonschema.Draft202012Validator(json.loads(schema())).validate(document)
    ids = [it["id"] for it in document["things"]]
    assert len(ids) == len(set(ids))
    assert {end for it in document["links"] for end in (it["source"], it["target"])} <= set(ids)
    assert "null" not in as_json(shop)


def test_the_map_does_not_depend_on_the_order_in_which_files_came() -> None:
    files = {
        "app/a.py": "from fastapi import APIRouter\nrouter = APIRouter()\n@router.get('/a')\ndef a(): ...\n",
        "app/b.py": "from fastapi import APIRouter\nrouter = APIRouter()\n@router.get('/a')\ndef b(): ...\n",
    }
    texts = []
    for order in (list(files), list(files)[::-1]):
        project = project_of("\n".join(f"-- {it} --\n{files[it]}" for it in order))
        texts.append(as_json(chart(project, "two")))
    assert texts[0] == texts[1]
    assert '"route:GET /a#2"' in texts[0]


def test_an_empty_project_has_a_map(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, Settings())
    for form in FORMATS:
        assert drawn(workspace, form)


class _Scripts(HTMLParser):
    """The elements of a page, and what its scripts and styles hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_names_of_the_code_are_text_in_the_page() -> None:
    text = as_html(hostile(), editor_links(Path('/a "b"/<c>')))
    tags = _Scripts(text).tags
    assert [it for it, _ in tags].count("script") == 2
    assert not any(it == "img" or name.startswith("on") for it, attributes in tags for name in attributes)
    data = re.search(r'<script type="application/json" id="chart">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    assert not set("<>&\u2028") & set(data[1])
    assert json.loads(data[1])["project"] == HOSTILE
    (policy,) = [it["content"] or "" for _, it in tags if it.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), "nothing is fetched from anywhere"


def test_names_of_the_code_are_text_in_mermaid() -> None:
    text = as_mermaid(hostile())
    for line in text.splitlines()[1:]:
        assert re.fullmatch(r'\s*(subgraph \w+\["[^"<>]*"\]|end|\w+\W{0,3}\W"[^"<>]*"\W{1,3}|\w+ -->(\|[^|]*\|)? \w+)', line), (
            line
        )


def test_a_large_project_is_drawn_by_its_folders() -> None:
    things = tuple(Thing(id=f"module:{it}", kind="module", name=str(it), path=f"p/q{it % 90}/m{it}.py") for it in range(900))
    links = tuple(Link(things[it].id, things[it * 7 % 900].id, "imports") for it in range(900))
    text = as_mermaid(Chart(tool="t", project="big", things=things, links=links))
    assert text.count("-->") <= 400
    assert len(text) < 50_000, "Mermaid's maxTextSize"
