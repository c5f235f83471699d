"""The map as one HTML page that needs nothing but a browser: no network, and no script but its own.

The names of a project are data here: they stand in the page as JSON without a `<`, and its script makes text of them, never
markup.
"""

from __future__ import annotations

import base64
import hashlib
import html
from functools import cache
from importlib import resources
from pathlib import Path
from string import Template
from urllib.parse import quote

import msgspec

from architect_lsp.map.chart import Chart

_SCRIPTS = ("cards.js", "layout.js", "picture.js", "details.js")


def editor_links(root: Path) -> str:
    """Links that open VS Code on this machine. Source: "Opening VS Code with URLs" in
    https://code.visualstudio.com/docs/configure/command-line."""
    return f"vscode://file/{quote(root.as_posix().removeprefix('/'))}/{{path}}:{{line}}"


def as_html(chart: Chart, links: str = "") -> str:
    """The page. `links` is an address with `{path}` and `{line}` in it, "" for none: places are then shown as text."""
    style, script = _asset("page.css"), _script()
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    data = msgspec.json.encode(chart).decode()
    for character in "<>&\u2028\u2029":
        data = data.replace(character, f"\\u{ord(character):04x}")
    return Template(_asset("page.html")).substitute(
        links=f' data-links="{html.escape(links)}"' if links else "",
        policy=policy,
        tool=html.escape(chart.tool),
        title=html.escape(chart.project),
        style=style,
        script=script,
        chart=data,
    )


@cache
def _script() -> str:
    bodies = [_asset(it).replace('"use strict";\n', "", 1) for it in _SCRIPTS]
    return '"use strict";\n' + "\n".join(bodies)


@cache
def _asset(name: str) -> str:
    return resources.files("architect_lsp.map").joinpath("page").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """The source expression of CSP level 2 that lets exactly this text in."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
