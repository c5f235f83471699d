"""The rehearsal server from a shell, as tests that drive an editor start it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from architect_lsp.review.claude import Claude
from architect_lsp.settings import Settings
from support.messages_api import Status, Stream, script
from support.reviews import outcome_of


def test_a_script_is_served_and_requests_are_recorded(tmp_path):
    said = [{"quote": "db.commit()", "message": "One commit."}]
    (tmp_path / "script.json").write_text(json.dumps({"remarks": said, "pace_s": 0.001}), encoding="utf-8")
    command = [sys.executable, "-m", "support.messages_api", "--script", "script.json", "--record", "sent.jsonl"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        settings = Settings(base_url=server.stdout.readline().strip())
        outcome = asyncio.run(outcome_of(Claude(settings, "key"), settings=settings))
        server.terminate()
    assert [it.message for it in outcome.findings] == ["One commit."]
    (line,) = (tmp_path / "sent.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["model"] == settings.model


@pytest.mark.parametrize(
    ("document", "kinds"),
    [
        ([], [Stream]),
        ({"status": 429, "headers": {"retry-after": "1"}}, [Status]),
        ({"answers": [{"status": 529}, {"remarks": [], "fault": "cut"}]}, [Status, Stream]),
    ],
)
def test_shapes_of_a_script(document, kinds):
    assert [type(it) for it in script(document)] == kinds


def test_a_script_with_an_unknown_field_is_refused():
    with pytest.raises(TypeError, match="mesage"):
        script([{"quote": "x", "mesage": "y"}])
