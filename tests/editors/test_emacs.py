"""Emacs with Eglot 1.9, the oldest in use: plain text hovers, no resolve, findings through Flymake."""

from __future__ import annotations

from pathlib import Path

import pytest

from editors.probes import answer_of, check_shipping


@pytest.mark.editor
def test_a_fix_is_taken_in_emacs(editors: Path, installed: Path, tmp_path: Path) -> None:
    """Eglot counts columns in UTF-16; the file has 📦 before the finding's column."""
    probe = Path(__file__).parent / "emacs" / "probe.el"
    seen = answer_of(["emacs", "--batch", "--no-site-file", "-l", str(probe)], installed, tmp_path)
    check_shipping(seen, tmp_path)
    assert seen["hoverKind"] == "plaintext", "Eglot 1.9 asks for plain text"
