"""Surveys a project: facts in, `Chart` out. Pure. Tests and migrations are left out, they would hide what the program is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from architect_lsp import __version__
from architect_lsp.knowledge.catalogue import Catalogue, catalogue
from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.habits import by_router
from architect_lsp.knowledge.kinds import is_test
from architect_lsp.knowledge.nouns import AgentGraph, OrmModel, Route
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reach import Touched, reached, touched_by
from architect_lsp.knowledge.summaries import Effect as Found
from architect_lsp.knowledge.summaries import described, effects
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.map.chart import Chart, Column, Effect, Kind, Link, LinkKind, Step, Thing
from architect_lsp.patterns import regex

_MIGRATIONS = regex(r"(?:^|/)(?:\w*migrations|alembic)/")
_COLUMNS = 60
"""Columns of one model that are written down."""


@dataclass
class _Sheet:
    """What is drawn so far. A thing's place in the project leads to its id, so that links find it."""

    project: Project
    things: dict[str, Thing] = field(default_factory=dict)
    links: dict[tuple[str, str, LinkKind, str], Link] = field(default_factory=dict)
    ids: dict[tuple[Kind, str, str], str] = field(default_factory=dict)

    def id(self, kind: Kind, name: str) -> str:
        """An id that nothing has yet."""
        found = f"{kind}:{name}"
        number = 1
        while found in self.things:
            number += 1
            found = f"{kind}:{name}#{number}"
        return found

    def add(self, thing: Thing, *names: str) -> None:
        """Draw a thing; `names` are what links know it by, in its file."""
        self.things[thing.id] = thing
        for name in names or (thing.name,):
            self.ids.setdefault((thing.kind, thing.path, name), thing.id)

    def link(self, source: str, target: str, kind: LinkKind, label: str = "", steps: Iterable[Step] = ()) -> None:
        """Draw a link, once."""
        if source and target:
            self.links.setdefault((source, target, kind, label), Link(source, target, kind, label, tuple(steps)))

    def line(self, ref: Ref) -> int:
        """The line of a thing, from 1."""
        return self.project.place(ref).line + 1

    def steps(self, refs: Iterable[Ref], last: str) -> tuple[Step, ...]:
        """The calls of a way as sentences."""
        found = Found("", last, tuple(refs))
        return tuple(Step(text, ref.path, self.line(ref)) for ref, text in described(found, self.project))


def chart(project: Project, name: str, lines: Mapping[str, int] | None = None) -> Chart:
    """The map of a project that people call `name`; `lines` counts those of each file, where that is known."""
    sheet = _Sheet(project)
    paths = sorted(it for it in project.paths if _shown(it))
    known = catalogue(project)
    _modules(sheet, paths, lines or {})
    _models(sheet, [it for it in known.models if _shown(it.ref.path)])
    _entries(sheet, known)
    _agents(sheet, known)
    for graph in known.graphs:
        if _shown(graph.at.path):
            _graph(sheet, graph)
    _ways(sheet)
    _services_of_modules(sheet, paths)
    things, links = tuple(sheet.things.values()), tuple(sheet.links.values())
    return Chart(tool=f"architect-lsp {__version__}", project=name, things=things, links=links)


def _shown(path: str) -> bool:
    return not is_test(path) and not _MIGRATIONS.search(path)


def module_name(path: str) -> str:
    """The dotted name of a file: `app.routers.orders`."""
    return path.removesuffix(".py").removesuffix("/__init__").removeprefix("src/").replace("/", ".")


def _modules(sheet: _Sheet, paths: list[str], lines: Mapping[str, int]) -> None:
    for path in paths:
        facts = sheet.project.facts(path)
        thing = Thing(
            id=f"module:{path}",
            kind="module",
            name=module_name(path),
            path=path,
            line=1,
            lines=lines.get(path, 0),
            functions=len(facts.defs),
            classes=len(facts.classes),
        )
        sheet.add(thing, "")
    for path in paths:
        facts = sheet.project.facts(path)
        for name in dict.fromkeys((*(it for _, it in facts.imports), *facts.stars)):
            module, _ = sheet.project.module(path, name)
            target = sheet.ids.get(("module", module.path, ""), "") if module is not None and module.path != path else ""
            sheet.link(f"module:{path}", target, "imports")


def _models(sheet: _Sheet, models: list[OrmModel]) -> None:
    for it in models:
        thing = Thing(
            id=sheet.id("model", it.name),
            kind="model",
            name=it.name,
            path=it.ref.path,
            line=sheet.line(it.ref),
            module=f"module:{it.ref.path}",
            framework=it.framework,
            table=it.table,
            columns=tuple(Column(each.name, each.type, each.primary) for each in it.columns[:_COLUMNS]),
        )
        sheet.add(thing, it.ref.qualname)
    for it in models:
        for relation in it.relations:
            if relation.ref is not None:
                target = sheet.ids.get(("model", relation.ref.path, relation.ref.qualname), "")
                source = sheet.ids.get(("model", it.ref.path, it.ref.qualname), "")
                sheet.link(source, target, "relates", f"{relation.name}{' *' if relation.many else ''}")


def _entries(sheet: _Sheet, known: Catalogue) -> None:
    routers = {it.at: name for name, routes in by_router(sheet.project).items() for it in routes}
    for route in sorted(known.routes, key=lambda it: (it.at.path, sheet.line(it.at), it.path)):
        if _shown(route.at.path):
            sheet.add(_route(sheet, route, routers.get(route.at, "")), *([route.handler.qualname] if route.handler else []))
    for task in known.tasks:
        if _shown(task.ref.path):
            _function(sheet, "task", task.name, task.ref, task.ref, task.framework, dict(task.options))
    for resolver in known.resolvers:
        if _shown(resolver.ref.path):
            _function(sheet, "resolver", f"{resolver.type}.{resolver.name}", resolver.ref, resolver.ref, resolver.framework)
    for tool in known.tools:
        if _shown(tool.at.path):
            _function(sheet, "tool", tool.name, tool.ref, tool.at, tool.framework, dict(tool.options))


def _route(sheet: _Sheet, route: Route, router: str) -> Thing:
    at = route.handler or route.at
    methods = tuple(sorted(route.methods))
    return Thing(
        id=sheet.id("route", f"{','.join(methods) or 'ANY'} {route.path}"),
        kind="route",
        name=f"{','.join(methods) or 'ANY'} {route.path}",
        path=at.path,
        line=sheet.line(at),
        module=f"module:{route.at.path}",
        framework=route.framework,
        methods=methods,
        url=route.path,
        handler=route.handler.qualname if route.handler else "",
        router=router,
        auth=tuple(it.name for it in route.dependencies if it.guards),
        before=tuple(it.name for it in route.dependencies if not it.guards),
        response=route.response,
        status=route.status,
        effects=_effects(sheet, route.handler),
    )


def _function(
    sheet: _Sheet,
    kind: Kind,
    name: str,
    ref: Ref | None,
    at: Ref,
    framework: str,
    limits: dict[str, str] | None = None,
    owner: str = "",
) -> None:
    place = ref or at
    thing = Thing(
        id=sheet.id(kind, f"{owner.partition(':')[2]}/{name}" if owner else name),
        kind=kind,
        name=name,
        path=place.path,
        line=sheet.line(place),
        module=f"module:{place.path}",
        owner=owner,
        framework=framework,
        handler=ref.qualname if ref else "",
        effects=_effects(sheet, ref),
        limits=limits or {},
    )
    sheet.add(thing, *([ref.qualname] if ref else []), name)


def _definitions(project: Project, ref: Ref | None) -> Iterator[tuple[str, Def]]:
    """The function behind a reference, or the methods of the class."""
    if ref is None:
        return
    definition = project.definition(ref.path, ref.qualname)
    if definition is not None:
        yield ref.path, definition
    elif project.class_(ref.path, ref.qualname) is not None:
        yield from ((ref.path, it) for it in project.facts(ref.path).defs if it.owner == ref.qualname)


def _effects(sheet: _Sheet, ref: Ref | None) -> tuple[Effect, ...]:
    found: dict[str, Found] = {}
    for path, definition in _definitions(sheet.project, ref):
        for kind, effect in effects(sheet.project, path, definition).items():
            if kind not in found or len(effect.path) < len(found[kind].path):
                found[kind] = effect
    return tuple(Effect(kind, it.call, sheet.steps(it.path, it.call)) for kind, it in sorted(found.items()))


def _agents(sheet: _Sheet, known: Catalogue) -> None:
    for it in known.agents:
        if not _shown(it.at.path):
            continue
        thing = Thing(
            id=sheet.id("agent", it.name),
            kind="agent",
            name=it.name,
            path=it.at.path,
            line=sheet.line(it.at),
            module=f"module:{it.at.path}",
            framework=it.framework,
            model=it.model,
            limits=dict(it.limits),
        )
        sheet.add(thing)
    agents = {it.name: it.id for it in sheet.things.values() if it.kind == "agent"}
    tools = {name: found for (kind, _, name), found in reversed(sheet.ids.items()) if kind == "tool"}
    for it in known.agents:
        source = sheet.ids.get(("agent", it.at.path, it.name), "")
        for name in it.tools:
            sheet.link(source, tools.get(name, "") or tools.get(name.rpartition(".")[2], ""), "uses")
        for name in it.handoffs:
            sheet.link(source, agents.get(name, ""), "hands over")
    for handoff in known.handoffs:
        sheet.link(agents.get(handoff.source, ""), agents.get(handoff.target, ""), "hands over")


def _graph(sheet: _Sheet, graph: AgentGraph) -> None:
    owner = sheet.id("graph", graph.name)
    thing = Thing(
        id=owner,
        kind="graph",
        name=graph.name,
        path=graph.at.path,
        line=sheet.line(graph.at),
        module=f"module:{graph.at.path}",
        framework=graph.framework,
        limits=dict(graph.limits),
    )
    sheet.add(thing)
    steps: dict[str, str] = {}
    for node in graph.nodes:
        steps[node.name] = sheet.id("step", f"{owner.partition(':')[2]}/{node.name}")
        _function(sheet, "step", node.name, node.ref, node.at, graph.framework, owner=owner)
    for link in graph.links:
        for name in (link.source, link.target):
            if name not in steps:  # the graph's start or end, or a node that can't be told
                steps[name] = sheet.id("step", f"{owner.partition(':')[2]}/{name}")
                sheet.add(Thing(id=steps[name], kind="step", name=name, owner=owner, module=thing.module))
        label = link.label or ("?" if link.conditional else "")
        sheet.link(steps[link.source], steps[link.target], "leads to", label)


def _ways(sheet: _Sheet) -> None:
    """Links from whatever is called from outside to all that it comes to touch."""
    for it in [it for it in sheet.things.values() if it.handler]:
        for path, definition in _definitions(sheet.project, Ref(it.path, it.handler, "def")):
            for touched, way in reached(sheet.project, path, definition).items():
                target = _touched(sheet, touched)
                if target and target != it.id:
                    sheet.link(
                        it.id, target, "sends" if touched.kind == "task" else "touches", "", sheet.steps(way, touched.name)
                    )


def _services_of_modules(sheet: _Sheet, paths: list[str]) -> None:
    """Links from modules to what their functions call themselves; what is called from outside has links of its own."""
    entries = {(it.path, it.handler) for it in sheet.things.values() if it.handler}
    for path in paths:
        for definition in (it for it in sheet.project.facts(path).defs if (path, it.qualname) not in entries):
            for touched, number in touched_by(sheet.project, path, definition):
                ref = Ref(path, definition.qualname, "call", number)
                target = _touched(sheet, touched)
                if target and sheet.things[target].module != f"module:{path}":
                    kind: LinkKind = "sends" if touched.kind == "task" else "touches"
                    sheet.link(f"module:{path}", target, kind, "", sheet.steps([ref], touched.name))


def _touched(sheet: _Sheet, touched: Touched) -> str:
    """The id of what is touched; a service is drawn when it is first spoken to."""
    if touched.kind == "model":
        return sheet.ids.get(("model", touched.path, touched.name), "")
    if touched.kind == "task":
        return sheet.ids.get(("task", touched.path, touched.name), "")
    service = f"service:{touched.kind}:{touched.name}"
    if service not in sheet.things:
        sheet.things[service] = Thing(id=service, kind="service", name=touched.name, service=touched.kind)
    return service
