"""A chart whose every name is an attack."""

from __future__ import annotations

from typing import get_args

from architect_lsp.map.chart import Chart, Kind, Link, Thing

HOSTILE = (
    "</script><img src=x onerror=alert(1)>\"'`]}|--> \u2028\n%%{init: {}}%% "
    'click n0 href "javascript:alert(1)" #quot; ${alert(1)} \N{GRINNING FACE}'
)


def hostile() -> Chart:
    """One thing of each kind, all called the same, with links between them."""
    names = {"name": HOSTILE, "path": HOSTILE, "module": HOSTILE, "owner": f"graph:{HOSTILE}", "url": HOSTILE}
    things = {kind: Thing(id=f"{kind}:{HOSTILE}", kind=kind, **names) for kind in get_args(Kind)}
    step = things["step"].id
    links = (Link(things["task"].id, things["model"].id, "touches", HOSTILE), Link(step, step, "leads to", HOSTILE))
    return Chart(tool="t", project=HOSTILE, things=tuple(things.values()), links=links)
