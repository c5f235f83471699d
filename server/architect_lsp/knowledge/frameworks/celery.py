"""Work that is handed to others: tasks of Celery, Dramatiq, RQ, Huey, arq, Taskiq, Procrastinate, Django and APScheduler.

Source: `gen_task_name` of Celery, and each library's documentation of its decorator.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from architect_lsp.knowledge.constants import behind, text
from architect_lsp.knowledge.facts import Def, Facts
from architect_lsp.knowledge.lineage import dotted, lineage
from architect_lsp.knowledge.nouns import Task
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, FunctionSymbol, Instance, Ref
from architect_lsp.knowledge.values import Value, written
from architect_lsp.patterns import regex

_DECORATORS = {
    "celery": regex(r"celery\.(?:[\w.]+\.)?(?:Celery\(\)\.task|shared_task|current_app\.task|periodic_task|task(?:\.task)?)"),
    "dramatiq": regex(r"dramatiq\.(?:[\w.]+\.)?actor|(?:periodiq|remoulade)\.(?:[\w.]+\.)?actor"),
    "rq": regex(r"(?:django_)?rq\.(?:decorators\.)?job(?:\(\))?"),
    "huey": regex(r"huey\.(?:.*\.)?(?:\w*Huey\(\)\.(?:periodic_|context_)?task|djhuey\.(?:db_)?(?:periodic_|context_)?task)"),
    "taskiq": regex(r"taskiq\w*\.(?:.*\.)?\w*Broker\(\)(?:\.with_\w+\(\))*\.task"),
    "procrastinate": regex(r"procrastinate\.(?:.*\.)?(?:App|Blueprint)\(\)(?:\.\w+\(\))*\.task"),
    "django": regex(r"django(?:\.tasks|_tasks)\.(?:[\w.]+\.)?task"),
    "apscheduler": regex(r"apscheduler\.(?:.*\.)?\w*Scheduler\(\)\.scheduled_job"),
}
_CLASS = regex(r"celery\.(?:.*\.)?(?:Task|PeriodicTask)")
_NAMED = {"dramatiq": "actor_name", "taskiq": "task_name", "apscheduler": "id"}
_BY_FUNCTION = ("dramatiq", "arq", "apscheduler")
_SCHEDULE = regex(r"(?:\w+_)?BEAT_?SCHEDULE|(?:[\w.]+\.)?beat_schedule", re.IGNORECASE)
SENT = frozenset(
    (
        *("delay", "apply_async", "s", "si", "signature", "subtask", "send", "send_with_options", "message", "schedule", "kiq"),
        *("kicker", "defer", "defer_async", "configure", "enqueue", "aenqueue", "call_local", "chunks", "starmap", "map"),
    )
)
"""What is called of a task to hand it over."""


def tasks(project: Project) -> Iterator[Task]:
    """Every task of the project, in the order of its files."""
    yield from project.of_all("tasks", _tasks)


def _tasks(project: Project) -> tuple[Task, ...]:
    found = {it.ref: it for path in project.paths for it in (*_decorated(project, path), *_listed(project, path))}
    times = dict(row for path in project.paths for row in _scheduled(project, path))
    return tuple(
        Task(it.ref, it.name, (*it.options, ("schedule", times[it.name])), it.framework) if it.name in times else it
        for it in found.values()
    )


def handed(project: Project, path: str, target: str, owner: str) -> FunctionSymbol | None:
    """The task that a call of `target` hands to a queue, or makes a signature of: `send_email.delay`; None for other calls."""
    head, _, last = target.rpartition(".")
    if not head or last not in SENT:
        return None
    symbol = project.resolve(path, head, owner)
    return symbol if isinstance(symbol, FunctionSymbol) and _kind(project, symbol.path, symbol.facts) else None


def waits_for_commit(project: Project, task: FunctionSymbol) -> bool:
    """Whether a task's class (`task(base=...)`) holds it back until the transaction is committed."""
    found = _kind(project, task.path, task.facts)
    base = found[1].keyword("base") if found is not None else None
    symbol = project.resolve(task.path, base.text) if base is not None and base.kind == "name" else None
    if not isinstance(symbol, ClassSymbol | Instance):
        return False
    for it in project.bases(symbol):
        if isinstance(it, ClassSymbol):
            own = (project.definition(it.path, f"{it.facts.qualname}.{name}") for name in ("apply_async", "delay"))
            if any(call.target.rpartition(".")[2] == "on_commit" for each in own if each is not None for call in each.calls):
                return True
    return False


def sends_its_own_way(project: Project) -> bool:
    """Whether a class of the project sends its tasks itself, and so may hand over a key where it is given a row."""
    return project.of_all("tasks sent their own way", _own_senders)


def _own_senders(project: Project) -> bool:
    return any(project.of_file(path, _own_sender) for path in project.paths)


def _own_sender(facts: Facts) -> bool:
    return any(it.partition(".")[0] == "celery" for _, it in facts.imports) and any(
        it.qualname.endswith(".apply_async") for it in facts.defs
    )


def _kind(project: Project, path: str, definition: Def) -> tuple[str, Value] | None:
    """(framework, decorator) of a task's function, None when it is none."""
    for it in definition.decorators:
        name = dotted(project.resolve(path, it.target, definition.owner))
        found = next((key for key, pattern in _DECORATORS.items() if pattern.fullmatch(name.removesuffix("()"))), None)
        if found is not None:
            return found, it.value
    return None


def _decorated(project: Project, path: str) -> Iterator[Task]:
    for it in project.decorated(path):
        found = _kind(project, path, it)
        if found is not None:
            framework, value = found
            name = text(project, path, value.keyword(_NAMED.get(framework, "name")))
            options = tuple((key, written(row)) for key, row in value.keywords if key != "**")
            yield Task(Ref(path, it.qualname, "def"), name or _name(project, path, it.qualname, framework), options, framework)


def _listed(project: Project, path: str) -> Iterator[Task]:
    """What a call or a class's list makes a task: `register_task(Clean())`, `WorkerSettings.functions`, `add_job(tidy)`."""
    for call in project.of_file(path, _makers):
        if call.last == "register_task":
            made = call.items[0]
            symbol = project.resolve(path, f"{made.text}()" if made.kind == "call" else made.text)
            if isinstance(symbol, Instance | ClassSymbol):
                yield from _of_class(project, ClassSymbol(symbol.path, symbol.facts))
        else:
            job = project.resolve(path, call.items[0].text) if call.items[0].kind == "name" else None
            host = dotted(project.resolve(path, call.text))
            if isinstance(job, FunctionSymbol) and "apscheduler" in host:
                name = text(project, path, call.keyword("id")) or _name(project, job.path, job.facts.qualname, "apscheduler")
                options = tuple((key, written(row)) for key, row in call.keywords if key not in ("**", "id"))
                yield Task(Ref(job.path, job.facts.qualname, "def"), name, options, "apscheduler")
    for it in project.classes(path):
        if it.qualname.endswith("WorkerSettings"):
            rows = [row.value for row in it.fields if row.name in ("functions", "cron_jobs") and row.value is not None]
            yield from (task for row in rows for item in row.items if (task := _arq(project, path, item)) is not None)


def _makers(facts: Facts) -> tuple[Value, ...]:
    """The calls of a file that may make a task of what they are given."""
    rows = (*(it.value for it in facts.registrations), *(it.value for it in facts.variables))
    return tuple(it for it in rows if it and it.kind == "call" and it.last in ("register_task", "add_job") and it.items)


def _of_class(project: Project, symbol: ClassSymbol) -> Iterator[Task]:
    rows = lineage(project, symbol)
    if any(_CLASS.fullmatch(dotted(it)) for it in rows[1:]):
        fields = {row.name: row.value for it in reversed(rows) if isinstance(it, ClassSymbol) for row in it.facts.fields}
        name = text(project, symbol.path, fields.get("name")) or _name(project, symbol.path, symbol.facts.qualname, "celery")
        options = tuple((key, written(it)) for key, it in fields.items() if it is not None and key != "name")
        yield Task(Ref(symbol.path, symbol.facts.qualname, "class"), name, options, "celery")


def _arq(project: Project, path: str, item: Value) -> Task | None:
    """A worker's function, as `func(...)` or `cron(...)` tell more of it."""
    options = tuple((key, written(row)) for key, row in item.keywords if key not in ("name", "**"))
    inner = item.items[0] if item.kind == "call" and item.items else item
    symbol = project.resolve(path, inner.text) if inner.kind == "name" else None
    if not isinstance(symbol, FunctionSymbol):
        return None
    name = text(project, path, item.keyword("name")) or ("cron:" if item.last == "cron" else "") + symbol.facts.qualname
    return Task(Ref(symbol.path, symbol.facts.qualname, "def"), name, options, "arq")


def _scheduled(project: Project, path: str) -> Iterator[tuple[str, str]]:
    """(task's name, when) of each entry of a schedule."""
    for table in project.of_file(path, _schedules):
        found = behind(project, path, table.text) if table.kind == "name" else (path, table)
        for _, entry in found[1].keywords if found is not None else ():
            name, when = text(project, path, entry.keyword("task")), entry.keyword("schedule")
            if name and when is not None:
                yield name, written(when)


def _schedules(facts: Facts) -> tuple[Value, ...]:
    tables = [it.value for it in facts.variables if it.value is not None and _SCHEDULE.fullmatch(it.name)]
    return (*tables, *(row for it in facts.registrations for key, row in it.value.keywords if _SCHEDULE.fullmatch(key)))


def _name(project: Project, path: str, qualname: str, framework: str) -> str:
    """What a task is called that has no name of its own."""
    last = qualname.rpartition(".")[2]
    if framework in _BY_FUNCTION:
        return last
    return f"{_module(project, path)}{':' if framework == 'taskiq' else '.'}{last}"


def _packages(project: Project) -> frozenset[str]:
    return frozenset(posixpath.dirname(it) for it in project.paths if it.endswith("__init__.py"))


def _module(project: Project, path: str) -> str:
    """The dotted name under which Python imports a file, its folder of packages being on the path."""
    folder, parts = posixpath.dirname(path), [posixpath.basename(path).removesuffix(".py")]
    known = project.of_all("packages", _packages)
    packaged = folder in known
    while folder and (folder in known or not packaged):
        parts.append(posixpath.basename(folder))
        folder = posixpath.dirname(folder)
    names = parts[::-1]
    if names[0] == "src" and len(names) > 1:
        names = names[1:]
    return ".".join(names[:-1] if names[-1] == "__init__" else names)
