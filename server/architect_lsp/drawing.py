"""A workspace's map in each of its formats, for the command line and for editors."""

from __future__ import annotations

from architect_lsp.engine import Skipped, Workspace
from architect_lsp.knowledge.project import Project
from architect_lsp.map.chart import Chart, as_json
from architect_lsp.map.listing import as_text
from architect_lsp.map.mermaid import as_mermaid
from architect_lsp.map.page import as_html, editor_links
from architect_lsp.map.survey import chart

FORMATS = ("text", "json", "mermaid", "html")


def drawn(workspace: Workspace, form: str, links: str | None = None, project: Project | None = None) -> str:
    """The map of a workspace that was scanned. Effect: reads its files to count their lines.

    `links` is where places of the source lead in the HTML, with `{path}` and `{line}` in it; None is VS Code on this machine.
    `project` stands in for the workspace's own, so that another thread may draw.
    """
    found = charted(workspace, project or workspace.project)
    if form == "html":
        return as_html(found, editor_links(workspace.root) if links is None else links)
    return {"text": as_text, "json": as_json, "mermaid": as_mermaid}[form](found)


def charted(workspace: Workspace, project: Project) -> Chart:
    """The chart behind the map. Effect: as above."""
    lines: dict[str, int] = {}
    for path in project.paths:
        found = workspace.load(path)
        if not isinstance(found, Skipped):
            lines[path] = found.text.count("\n") + (bool(found.text) and not found.text.endswith("\n"))
    return chart(project, workspace.root.name, lines)
