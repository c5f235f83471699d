"""The map as a Mermaid flowchart, for a README: routers, tasks, agents, models and services, and the steps of graphs.

What is large is drawn together, since Mermaid refuses more than 500 links and a reader more than a few dozen boxes.
Source: https://mermaid.js.org/syntax/flowchart.html and `maxEdges` in https://mermaid.js.org/config/schema-docs/config.html.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable

from architect_lsp.map.chart import Chart, Thing
from architect_lsp.patterns import regex

_LINKS = 400
_MODELS = 40
"""Models that are drawn one by one; more are drawn by their files."""
_FOLDERS = 40
_SAID = ("sends", "hands over", "uses")
"""Links that say what they are."""
_LABEL = 80
"""Characters of a label that are kept."""
_TITLES = {"in": "Comes in", "agents": "Agents", "code": "Code", "data": "Data", "outside": "Outside"}
_LANES = {
    "route": "in",
    "task": "in",
    "resolver": "in",
    "agent": "agents",
    "tool": "agents",
    "module": "code",
    "model": "data",
    "service": "outside",
}
_SHAPES = {"model": ('[("', '")]'), "service": ('{{"', '"}}'), "task": ('[["', '"]]'), "agent": ('(["', '"])')}
_ENTITIES = regex(r'[#&<>"`\[\]{}()|\\;:]')


def as_mermaid(chart: Chart) -> str:
    """The flowchart, its boxes in the order of the chart. Every line of it ends in a newline."""
    things = {it.id: it for it in chart.things}
    n_models = len(chart.of("model"))
    drawn = {it.id: box for it in chart.things if (box := _box(it, by_file=n_models > _MODELS)) is not None}
    if not any(kind != "service" for kind, _ in drawn.values()):
        depth = _depth([it.path for it in chart.of("module")])
        drawn.update({it.id: ("module", _folder(it.path, depth) or chart.project) for it in chart.of("module")})
    names = {box: f"n{number}" for number, box in enumerate(dict.fromkeys(drawn.values()))}
    sizes = Counter(drawn.values())
    lines = ["flowchart LR"]
    for lane, title in _TITLES.items():
        inside = [box for box in names if _LANES[box[0]] == lane]
        if inside:
            lines += [f'  subgraph {lane}["{title}"]', *(f"    {_node(names[it], it, sizes[it])}" for it in inside), "  end"]
    for graph in chart.of("graph"):
        lines += _graph(chart, graph, f"g{len(lines)}")
    ways = Counter[tuple[str, str, str]]()
    for link in chart.links:
        source, target = drawn.get(link.source), drawn.get(link.target)
        if source and target and source != target and "step" not in (things[link.source].kind, things[link.target].kind):
            ways[names[source], names[target], link.kind if link.kind in _SAID else ""] += 1
    for (start, end, label), _ in ways.most_common(_LINKS):
        lines.append(f"  {start} -->{f'|{label}|' if label else ''} {end}")
    return "\n".join(lines) + "\n"


def _box(thing: Thing, *, by_file: bool) -> tuple[str, str] | None:
    """(kind, label) of the box that a thing is drawn in; None for what has none here."""
    if thing.kind == "route":
        return "route", thing.router or thing.path
    if thing.kind in ("task", "resolver"):
        return thing.kind, thing.name if thing.kind == "task" else thing.name.partition(".")[0]
    if thing.kind == "model":
        return "model", thing.path if by_file else thing.name
    if thing.kind == "service":
        return "service", f"{thing.name} ({thing.service})"
    return (thing.kind, thing.name) if thing.kind in ("agent", "tool") else None


def _node(name: str, box: tuple[str, str], size: int) -> str:
    kind, label = box
    opening, closing = _SHAPES.get(kind, ('["', '"]'))
    more = f"<br/>{size} {kind}s" if size > 1 else ""
    return f"{name}{opening}{_escaped(label)}{more}{closing}"


def _graph(chart: Chart, graph: Thing, prefix: str) -> Iterable[str]:
    steps = {it.id: f"{prefix}s{number}" for number, it in enumerate(it for it in chart.of("step") if it.owner == graph.id)}
    things = {it.id: it for it in chart.things if it.id in steps}
    yield f'  subgraph {prefix}["{_escaped(graph.name)}"]'
    for id_, name in steps.items():
        yield f'    {name}(["{_escaped(things[id_].name)}"])'
    for link in chart.links:
        if link.kind == "leads to" and link.source in steps and link.target in steps:
            label = f'|"{_escaped(link.label)}"|' if link.label else ""
            yield f"    {steps[link.source]} -->{label} {steps[link.target]}"
    yield "  end"


def _escaped(text: str) -> str:
    """A label that can end neither its quotes nor its line, and holds no markup."""
    words = " ".join(text.split())
    short = words if len(words) <= _LABEL else f"{words[: _LABEL - 1]}…"
    return _ENTITIES.sub(lambda it: f"#{ord(it[0])};", "".join(c for c in short if c.isprintable()))


def _depth(paths: list[str]) -> int:
    """How many folders deep files may be told apart without too many boxes."""
    depth = max((it.count("/") for it in paths), default=0)
    while depth > 1 and len({_folder(it, depth) for it in paths}) > _FOLDERS:
        depth -= 1
    return depth


def _folder(path: str, depth: int) -> str:
    return ".".join(it for it in posixpath.dirname(path).split("/")[:depth] if it)
