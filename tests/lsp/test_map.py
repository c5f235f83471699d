"""The map by LSP: any client may ask for it, of the text as it is in the editor, and the server answers others meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lsprotocol import types

from support.session import Session, Start

API = "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get('/orders')\ndef orders(): ...\n"


async def drawn(session: Session, **argument: Any) -> Any:
    return await session.client.workspace_execute_command_async(types.ExecuteCommandParams("architect.map", [argument]))


def project(root: Path) -> Path:
    (root / "pyproject.toml").touch()
    (root / "api.py").write_text(API)
    return root


async def test_the_map_is_of_the_text_in_the_editor(start: Start, tmp_path: Path) -> None:
    session = await start(project(tmp_path))
    uri = session.open("api.py", API.replace("/orders", "/invoices"))
    found = await drawn(session, uri=uri, format="json")
    routes = [it["name"] for it in json.loads(found["text"])["things"] if it["kind"] == "route"]
    assert routes == ["GET /invoices"]
    assert found["root"] == str(tmp_path)


async def test_the_page_is_drawn_after_the_project_was_read(start: Start, tmp_path: Path) -> None:
    session = await start(project(tmp_path))
    found = await drawn(session)
    assert found["format"] == "html"
    assert "route:GET /orders" in found["text"]


async def test_a_format_that_is_none_is_said(start: Start, tmp_path: Path) -> None:
    session = await start(project(tmp_path))
    assert await drawn(session, format="png") is None
    assert "format is one of text, json, mermaid, html" in await session.message()
