"""The map as text for a terminal: what comes in, what is kept, what is spoken to, each with where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from architect_lsp.map.chart import Chart, Kind, Thing

_TITLES: dict[Kind, str] = {
    "route": "Routes",
    "resolver": "Resolvers",
    "task": "Tasks",
    "agent": "Agents",
    "tool": "Tools",
    "graph": "Graphs",
    "model": "Models",
    "service": "Services",
}


def as_text(chart: Chart) -> str:
    """One section a kind, one line a thing; modules are counted only."""
    out: dict[str, list[str]] = {}
    into: dict[str, list[str]] = {}
    things = {it.id: it for it in chart.things}
    for link in chart.links:
        if link.kind != "imports":
            out.setdefault(link.source, []).append(things[link.target].name)
            into.setdefault(link.target, []).append(things[link.source].name)
    modules = chart.of("module")
    n_lines = sum(it.lines for it in modules)
    lines = [f"{chart.project}: {len(modules)} modules{f', {n_lines:,} lines' if n_lines else ''}"]
    for kind, title in _TITLES.items():
        found = chart.of(kind)
        if found:
            rows = [(it.name, _about(it, out.get(it.id, ()), into.get(it.id, ()), chart), _where(it)) for it in found]
            lines += ["", f"{title} ({len(found)})", *_columns(rows)]
    return "\n".join(lines) + "\n"


def _where(thing: Thing) -> str:
    return f"{thing.path}:{thing.line}" if thing.path else ""


def _about(thing: Thing, out: Iterable[str], into: Iterable[str], chart: Chart) -> str:
    said: list[str] = []
    if thing.auth:
        said.append(f"guarded by {', '.join(thing.auth)}")
    if thing.effects:
        said.append(" ".join(it.kind for it in thing.effects))
    if thing.kind == "model":
        said.append(f"{len(thing.columns)} columns")
    if thing.kind == "graph":
        said.append(f"{sum(it.owner == thing.id for it in chart.of('step'))} steps")
    if thing.kind == "agent":
        said.append(" ".join([thing.model, *(f"→ {it}" for it in dict.fromkeys(out))]).strip())
    if thing.kind == "service":
        n = len(set(into))
        said.append(f"{thing.service}, from {n} place{'s' if n != 1 else ''}")
    said += (f"{name}={value}" for name, value in thing.limits.items())
    return "; ".join(it for it in said if it)


def _columns(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    """Rows in columns, each as wide as its widest up to a limit."""
    first = min(48, max(len(name) for name, _, _ in rows))
    second = min(60, max(len(about) for _, about, _ in rows))
    for name, about, where in rows:
        yield f"  {name:<{first}}  {about:<{second}}  {where}".rstrip()
