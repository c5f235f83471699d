"""Neovim, of Debian's age and of today's: findings, hovers and fixes over its own client, without a plugin."""

from __future__ import annotations

from pathlib import Path

import pytest

from editors.probes import answer_of, check_shipping


@pytest.mark.editor
@pytest.mark.parametrize("age", ["debian", "newer"])
def test_a_fix_is_taken_in_neovim(age: str, editors: Path, installed: Path, tmp_path: Path) -> None:
    """The file has 📦 before the finding's column: 0.7 counts in UTF-16, later ones in whatever the server agrees to."""
    program = "nvim" if age == "debian" else str(editors / "neovim" / "bin" / "nvim")
    probe = Path(__file__).parent / "neovim" / "probe.lua"
    command = [program, "--headless", "-u", "NONE", "-i", "NONE", "-n", "-c", f"luafile {probe}"]
    seen = answer_of(command, installed, tmp_path)
    check_shipping(seen, tmp_path)
    assert seen["finding"]["source"] == "architect"
    assert (seen["version"] == "0.7") == (age == "debian")
