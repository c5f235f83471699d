"""What runs before a handler and may refuse the request, and whether it asks who the user is or what they may do."""

from __future__ import annotations

from collections.abc import Iterator

from architect_lsp.knowledge.constants import behind
from architect_lsp.knowledge.facts import Def
from architect_lsp.knowledge.frameworks.scoped import Where, handler_of, items, symbol_at
from architect_lsp.knowledge.lineage import dotted, lineage
from architect_lsp.knowledge.nouns import Dependency
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import ClassSymbol, External, FunctionSymbol, Instance, Symbol
from architect_lsp.knowledge.values import Value, quoted
from architect_lsp.patterns import regex

_GUARD = regex(
    r"(?<![a-z])(?:auth(?!or)\w*|unauth\w*|authori[sz]\w*|log(?:ged_?)?in|permissions?|perms?|permitted|oauth2?\w*|jwt\w*|bearer|api_?keys?"
    r"|principal|identity|superuser|is_admin|is_staff|admin_only|credentials|access_control|guard|protected|rbac|acl|authenticated)(?![a-z])"
    r"|(?:current|active|verified|logged_in|session)_?(?:\w+_)?(?:user|account|member|admin|customer|person|actor|caller|viewer|employee)"
    r"|(?:tokens?|user|admin|roles?|scopes?|key|staff|owner|member|session|signed_?in)_(?:required|only)(?![a-z])"
    r"|(?:require|verify|check|ensure|validate|needs?)_?(?:\w+_)?(?:user|admin|token|key|roles?|scopes?|access|superuser|signature|owner)"
)
_SECURITY = regex(
    r"(?:fastapi\.security|starlette\.authentication|fastapi_(?:users|login|jwt_auth)|flask_(?:login|jwt_extended|httpauth))\."
)
_DECODES = ("jwt.decode", "jose.jwt.decode", "verify_jwt_in_request", "flask_jwt_extended.verify_jwt_in_request")
_REFUSES = (401, 403)
_DEPTH = 4
"""How deep dependencies are followed into each other."""
_WORDS = ("Depends", "Security")
_CAMEL = regex(r"(?<=[a-z0-9])(?=[A-Z])")


def guarding(name: str) -> bool:
    """Whether a name says that it asks who the user is or what they may do."""
    return bool(_GUARD.search(_CAMEL.sub("_", name.rpartition(".")[2]).lower()))


def dependency(project: Project, where: Where, value: Value, depth: int = _DEPTH) -> Dependency | None:
    """What a `Depends(...)`, a guard's name or a call that makes one means; None for anything else."""
    if value.kind == "call" and value.last in _WORDS:
        inner = value.argument(0, "dependency")
        return dependency(project, where, inner, depth) if inner is not None else None
    if value.kind not in ("name", "call") or not value.text:
        return None
    bound = where.bound(value.text)
    if bound is not None:
        return dependency(project, *bound, depth)
    ref = handler_of(project, where, Value("name", value.text))
    symbol = symbol_at(project, where, Value("name", value.text))
    return Dependency(value.text, ref, guards(project, symbol, value.text, depth))


def listed(project: Project, where: Where, value: Value | None) -> tuple[Dependency, ...]:
    """The dependencies that a list holds."""
    found = (dependency(project, there, it) for there, it in items(project, where, value))
    return tuple(it for it in found if it is not None)


def of_signature(project: Project, path: str, definition: Def, depth: int = _DEPTH) -> tuple[Dependency, ...]:
    """What the parameters of a function depend on: in defaults, in `Annotated`, and behind names for those."""
    scope = definition.qualname.rpartition(".")[0]
    where = Where(path, scope)
    said = dict(definition.parameters)
    found: dict[str, Dependency] = {}
    for name, value in definition.injected:
        if value.last in _WORDS:
            it = dependency(project, where, value.argument(0, "dependency") or Value("name", said.get(name, "")), depth)
            if it is not None:
                found.setdefault(it.name, it)
    for name, kind in definition.parameters:
        for it in _aliased(project, path, kind, depth) if kind and name not in dict(definition.injected) else ():
            found.setdefault(it.name, it)
    return tuple(found.values())


def decorators(project: Project, path: str, definition: Def, words: frozenset[str]) -> Iterator[Dependency]:
    """The decorators of a handler that run before it, outermost first; not those that register it."""
    where = Where(path, definition.qualname.rpartition(".")[0])
    for it in definition.decorators:
        if it.value.last not in words or it.value.kind == "name":
            found = dependency(project, where, it.value)
            if found is not None:
                yield found


def _aliased(project: Project, path: str, name: str, depth: int) -> tuple[Dependency, ...]:
    """The dependencies of a name that stands for an `Annotated[...]`."""
    return project.kept("dependencies of names", (path, name, depth), _behind, project, path, name, depth)


def _behind(project: Project, path: str, name: str, depth: int) -> tuple[Dependency, ...]:
    at = behind(project, path, name)
    if at is not None and at[1].kind == "text":
        at = at[0], quoted(at[1].text)
    rows = at[1].items if at is not None and at[1].kind == "index" and at[1].last == "Annotated" else ()
    home = Where(at[0]) if at is not None else Where(path)
    calls = [it for it in rows[1:] if it.kind == "call" and it.last in _WORDS]
    return tuple(it for call in calls if (it := dependency(project, home, call, depth)) is not None)


def guards(project: Project, symbol: Symbol | None, name: str, depth: int = _DEPTH) -> bool:
    """Whether what runs asks who the user is or what they may do: by its name, by what it is made of, by its body."""
    if guarding(name):
        return True
    if depth <= 0:
        return False
    if isinstance(symbol, External):
        return bool(_SECURITY.match(symbol.name))
    if isinstance(symbol, FunctionSymbol):
        return project.kept("guards", (symbol.path, symbol.facts.qualname, depth), _asks, project, symbol, depth)
    if isinstance(symbol, ClassSymbol | Instance):
        rows = lineage(project, ClassSymbol(symbol.path, symbol.facts))
        if any(_SECURITY.match(dotted(it)) for it in rows):
            return True
        call = project.resolve(symbol.path, f"{symbol.facts.qualname}().__call__")
        made = project.resolve(symbol.path, f"{symbol.facts.qualname}.__init__")
        return any(guards(project, it, "", depth - 1) for it in (call, made) if isinstance(it, FunctionSymbol))
    return False


def _asks(project: Project, symbol: FunctionSymbol, depth: int) -> bool:
    definition = symbol.facts
    refusals = {status for _, status, _ in definition.statuses} & {*_REFUSES}
    if 401 in refusals or (refusals and definition.asks):
        return True
    if any(it.guards for it in of_signature(project, symbol.path, definition, depth - 1)):
        return True
    for it in definition.calls:
        last = it.target.rpartition(".")[2]
        if it.target.endswith(_DECODES) or (definition.asks and (guarding(last) or last in ("redirect", "unauthorized"))):
            return True
        inner = project.resolve(symbol.path, it.target, definition.owner) if definition.asks or refusals else None
        if isinstance(inner, FunctionSymbol) and inner.facts is not definition and guards(project, inner, "", depth - 1):
            return True
    return _made_inside(project, symbol, depth)


def _made_inside(project: Project, symbol: FunctionSymbol, depth: int) -> bool:
    """Whether a function hands back one of its own that asks: `def require(role): def check(...): ...; return check`."""
    name = symbol.facts.hands
    inner = project.definition(symbol.path, f"{symbol.facts.qualname}.{name}") if name and "." not in name else None
    return inner is not None and guards(project, FunctionSymbol(symbol.path, inner), name, depth - 1)
