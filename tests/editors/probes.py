"""What the scenes of Neovim and Emacs share: one finding of the example shop, its hover and its fix."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from editors.world import copy_of, environment, servers, until

FILE = "app/services/shipping.py"
CODE = "timeout-missing"
ACTION = "Wait ten seconds at most"


def answer_of(command: list[str], installed: Path, folder: Path) -> dict[str, Any]:
    """What the editor saw in a copy of the shop. Raises AssertionError if it failed or left a server behind."""
    shop = copy_of("shop", folder)
    answer = folder / "answer.json"
    probe = {
        "command": [str(installed / "bin" / "architect-lsp"), "serve"],
        "root": str(shop),
        "file": str(shop / FILE),
        "code": CODE,
        "says": "timeout",
        "action": ACTION,
        "answer": str(answer),
    }
    mark = f"{os.getpid()}-{folder.name}"
    env = environment(folder / "home", mark, PROBE=json.dumps(probe))
    (folder / "home").mkdir()
    try:
        done = subprocess.run(command, cwd=shop, env=env, capture_output=True, text=True, timeout=150, check=False)
    finally:
        until(lambda: not servers(mark), "the server ends with its editor")
    output = (done.stdout + done.stderr)[-3000:]
    assert answer.exists(), output
    seen: dict[str, Any] = json.loads(answer.read_text())
    assert not seen.get("error"), f"{seen}\n{output}"
    return seen


def check_shipping(seen: dict[str, Any], folder: Path) -> None:
    """The finding lies on the call behind the 📦, its hover says why, and its fix is in the file on disk."""
    text = (folder / "shop" / FILE).read_text(encoding="utf-8")
    assert seen["finding"]["text"].startswith("requests.get("), "the columns are right although 📦 is before them"
    assert "Why" in seen["hover"]
    assert '"Colis protégé 📦", cents=requests.get(url, params=parcel, timeout=' in text
