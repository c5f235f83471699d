"""CrewAI: agents, their tools and limits; crews and flows as graphs.

A flow begins at `@start()`; a method listens to others or to what routers emit. A crew's tasks run one after the other, or as a
manager decides.

Source: `crewai.flow.dsl`, `crewai.crew.Crew` and `crewai.project` of CrewAI 1.15.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from architect_lsp.knowledge.assembly import Spot, calls, kinds, parts, place, said, symbol
from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.frameworks.langgraph_steps import END, START, annotated, outcomes
from architect_lsp.knowledge.frameworks.tools import name_of_class, of_class, of_decorator
from architect_lsp.knowledge.lineage import classes, dotted, lineage, methods
from architect_lsp.knowledge.nouns import Agent, AgentGraph, Branch, Link, Node, Tool
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.scope import Scope
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol, Ref
from architect_lsp.knowledge.values import Value, written
from architect_lsp.model import Place
from architect_lsp.patterns import regex

_AGENT = regex(r"crewai\.(?:[\w.]+\.)?(?:Lite)?Agent")
_TASK = regex(r"crewai\.(?:[\w.]+\.)?(?:Conditional)?Task")
_CREW = regex(r"crewai\.(?:[\w.]+\.)?Crew")
_FLOW = regex(r"crewai\.(?:[\w.]+\.)?Flow")
_STEP = regex(r"crewai\.(?:flow\.)?(?:[\w.]+\.)?(start|listen|router)")
_TOOL = regex(r"crewai(?:_tools)?\.(?:[\w.]+\.)?tool")
_BASE_TOOL = regex(r"crewai(?:_tools)?\.(?:[\w.]+\.)?BaseTool")
_LIMITS = ("max_iter", "max_rpm", "max_execution_time", "max_retry_limit", "allow_delegation", "max_tokens")


def agents(project: Project) -> Iterator[Agent]:
    """Every agent of the project, in the order of its files."""
    seen: set[Place] = set()
    for path in project.paths:
        for spot in calls(project, path):
            if spot.value.last.endswith("Agent") and any(_AGENT.fullmatch(it) for it in kinds(project, spot)):
                here = place(project, spot)
                if here not in seen:
                    seen.add(here)
                    yield _agent(project, spot)


def tools(project: Project) -> Iterator[Tool]:
    """Every function and class that is made a tool."""
    for path in project.paths:
        for it in project.decorated(path):
            found = of_decorator(project, FunctionSymbol(path, it), _TOOL, "crewai")
            if found is not None:
                yield found
    for symbol_ in classes(project):
        if any(isinstance(it, External) and _BASE_TOOL.fullmatch(it.name) for it in lineage(project, symbol_)):
            yield of_class(project, symbol_, "crewai")


def graphs(project: Project) -> Iterator[AgentGraph]:
    """The flows and crews of the project."""
    for it in classes(project):
        if any(isinstance(base, External) and _FLOW.fullmatch(base.name) for base in lineage(project, it)):
            flow = _flow(project, it)
            if flow.nodes:
                yield flow
    seen: set[Place] = set()
    for path in project.paths:
        for spot in calls(project, path):
            if spot.value.last == "Crew" and any(_CREW.fullmatch(it) for it in kinds(project, spot)):
                here = place(project, spot)
                if here not in seen:
                    seen.add(here)
                    yield _crew(project, spot)


def _agent(project: Project, spot: Spot) -> Agent:
    model = spot.argument(-1, "llm")
    names: list[str] = []
    for part in parts(project, spot.argument(-1, "tools")):
        found = symbol(project, part)
        if isinstance(found, FunctionSymbol):
            given = next((it.value.argument(0) for it in found.facts.decorators if it.value.last == "tool"), None)
            names.append(given.text if given is not None and given.kind == "text" else found.facts.qualname.rpartition(".")[2])
        elif isinstance(found, ClassSymbol):
            names.append(name_of_class(found))
        elif part.value.kind == "call":
            names.append(part.value.last)
    return Agent(
        said(project, spot.argument(-1, "role")) or spot.name or spot.scope.rpartition(".")[2] or "?",
        spot.at,
        tuple(dict.fromkeys(names)),
        model=(said(project, model) or written(model.value)) if model is not None else "",
        limits=tuple((key, written(it)) for key, it in spot.value.keywords if key in _LIMITS),
        framework="crewai",
    )


def _flow(project: Project, found: ClassSymbol) -> AgentGraph:
    """A flow's methods and who listens to whom. What a router returns is declared where its annotation or `emit` says it."""
    steps: dict[str, tuple[str, Def]] = {}
    for it in reversed(lineage(project, found)):
        if isinstance(it, ClassSymbol):
            for name, method in methods(project, it).items():
                if any(_role(project, it.path, row.target) for row in method.decorators):
                    steps[name] = (it.path, method)
    emitted: dict[str, list[tuple[str, bool]]] = {}
    branches: list[Branch] = []
    whole = True
    for name, (path, method) in steps.items():
        if any(_role(project, path, row.target) == "router" for row in method.decorators):
            labels, declared, sure = _emitted(project, path, method)
            whole = whole and sure
            by = Ref(path, method.qualname, "def")
            branches.append(Branch(name, by, by))
            for label in labels:
                emitted.setdefault(label, []).append((name, declared))
    links: dict[Link, None] = {}
    for name, (path, method) in steps.items():
        for row in method.decorators:
            role = _role(project, path, row.target)
            condition = row.value.argument(0, "condition") if role and row.value.kind == "call" else None
            if role == "start":
                links[Link(START, name)] = None
            for source, joined in _heard(condition):
                if source in steps:
                    links[Link(source, name, joined=joined)] = None
                for router, declared in emitted.get(source, ()):
                    links[Link(router, name, True, "" if source == name else source, declared, joined)] = None
            whole = whole and (condition is None or all(source for source, _ in _heard(condition)))
    nodes = tuple(Node(name, Ref(path, it.qualname, "def"), Ref(path, it.qualname, "def")) for name, (path, it) in steps.items())
    at = Ref(found.path, found.facts.qualname, "class")
    name = found.facts.qualname.rpartition(".")[2]
    return AgentGraph(name, at, nodes, tuple(links), whole, "crewai-flow", start=START, branches=tuple(branches))


def _role(project: Project, path: str, target: str) -> str:
    """ "start", "listen" or "router" for a decorator of the kit, else ""."""
    if target.rpartition(".")[2] not in ("start", "listen", "router"):
        return ""
    found = _STEP.fullmatch(dotted(project.resolve(path, target)).removesuffix("()"))
    return found[1] if found is not None else ""


def _heard(condition: Value | None) -> Iterator[tuple[str, bool]]:
    """(method or label, whether all of them are waited for); "" for what can't be told."""
    if condition is None:
        return
    if condition.kind in ("text", "name"):
        yield condition.last if condition.kind == "name" else condition.text, False
    elif condition.kind == "call" and condition.last in ("or_", "and_"):
        for it in condition.items:
            for name, joined in _heard(it):
                yield name, joined or condition.last == "and_"
    else:
        yield "", False


def _emitted(project: Project, path: str, method: Def) -> tuple[list[str], bool, bool]:
    """(labels that a router emits, whether it declares them, whether these are all)."""
    scope = Scope(project, path, method.qualname)
    for row in method.decorators:
        emit = row.value.keyword("emit") if row.value.kind == "call" else None
        if emit is not None:
            texts = [it.scope.text(it.value) for it in scope.items(emit) or ()] if emit.kind != "text" else [emit.text]
            return [it for it in texts if it], True, bool(texts) and all(texts)
    said_ = annotated(Scope(project, path, ""), FunctionSymbol(path, method))
    if said_ is not None:
        return said_, True, True
    names, sure = outcomes(Scope(project, path, method.owner), Value("name", f"self.{method.qualname.rpartition('.')[2]}"))
    return names, False, sure


def _crew(project: Project, spot: Spot) -> AgentGraph:
    """A crew's tasks in their order; those of a class with `@task` methods where the crew says `self.tasks`."""
    rows: list[Node] = []
    whole = True
    tasks = spot.argument(-1, "tasks")
    if tasks is not None and tasks.value.kind == "name" and tasks.value.text == "self.tasks":
        owner = project.class_(spot.path, spot.owner(project))
        own = methods(project, ClassSymbol(spot.path, owner)) if owner is not None else {}
        for name, it in own.items():
            if any(row.value.last == "task" for row in it.decorators):
                rows.append(Node(name, Ref(spot.path, it.qualname, "def"), Ref(spot.path, it.qualname, "def")))
    else:
        for part in parts(project, tasks):
            known = part.value.kind == "call" and any(_TASK.fullmatch(it) for it in kinds(project, part))
            whole = whole and known
            rows.append(Node(said(project, part.argument(-1, "name")) or part.name or f"task {len(rows) + 1}", None, part.at))
    process = spot.argument(-1, "process")
    if process is not None and process.value.last == "hierarchical":
        chief = "manager"
        links = [Link(START, chief), *(Link(chief, it.name, True) for it in rows), *(Link(it.name, chief) for it in rows)]
        links.append(Link(chief, END, True))
        rows.insert(0, Node(chief, None, spot.at))
    else:
        names = [START, *(it.name for it in rows), END]
        links = [Link(one, other) for one, other in pairwise(names)] if rows else []
    limits = tuple((key, written(it)) for key, it in spot.value.keywords if key in _LIMITS)
    name = said(project, spot.argument(-1, "name")) or spot.name or spot.scope.rpartition(".")[2] or "crew"
    return AgentGraph(name, spot.at, tuple(rows), tuple(links), whole and bool(rows), "crewai", limits, START, END)
