"""Small projects written in a test."""

from __future__ import annotations

import textwrap
from pathlib import Path

from architect_lsp.engine import Workspace
from architect_lsp.knowledge.project import Project
from architect_lsp.settings import Settings
from support.examples import files_of


def project_of(text: str) -> Project:
    """What we know of files that are written one after the other, each under a line `-- app/models.py --`."""
    workspace = Workspace(Path("/project"), Settings())
    for path, code in files_of(textwrap.dedent(text)).items():
        workspace.open(path, code)
    return workspace.project
