"""Passwords may be tried without end.

Why: a sign-in answers whoever asks, as often as they ask. Lists of passwords that leaked elsewhere are tried by thousands a
minute, and the account whose owner used one of them is open.
Instead: count failures by account and by address, and slow down or refuse what is too often.

    @router.post("/login")
    @limiter.limit("5/minute")
    async def login(request: Request, form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Token: ...

Consequences: accounts are taken over without one line of the service failing.
Trade-offs: a limit by address alone shuts out an office behind one address; a lock of the account lets anyone lock it.
Tests: fail more often than allowed, and assert on a 429 with `Retry-After`.
Security: CWE-307.
Observability: count failed sign-ins by account and by address; the shape of an attack shows there first.
Source: OWASP API Security Top 10 2023, API2: Broken Authentication
"""

import re
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.kinds import is_script, is_test
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.operations import spoken
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A2", "D4"],
    cwe=307,
    bad=[
        Bad("""
-- app/routes.py --
from fastapi import APIRouter
from app.passwords import verify_password

router = APIRouter()

@[|router.post("/login")|]
def login(name: str, password: str):
    return verify_password(password, find(name).hashed)
-- app/passwords.py --
from passlib.context import CryptContext

def verify_password(password, hashed): ...
"""),
    ],
    good=[
        """
-- app/routes.py --
from fastapi import APIRouter, Request
from slowapi import Limiter
from app.passwords import verify_password

router = APIRouter()
limiter = Limiter(key_func=str)

@router.post("/login")
@limiter.limit("5/minute")
def login(request: Request, name: str, password: str):
    return verify_password(password, find(name).hashed)
-- app/passwords.py --
def verify_password(password, hashed): ...
""",
        """
from fastapi import APIRouter

router = APIRouter()

@router.post("/login")
def login(code: str):
    return exchange(code)

@router.post("/orders")
def orders(password: str):
    verify_password(password)
""",
    ],
)

_LOGIN = regex(r"(?:^|[/_])(?:log_?in|sign_?in|token|authenticate|session)s?(?:$|[/_])", re.IGNORECASE)
_VERIFIES = regex(
    r"(?:verify|check|validate|authenticate|compare)_?(?:\w+_)?(?:password|pwd|credential)\w*|check_password_hash|authenticate_user"
    r"|checkpw|verify_and_update|password_(?:matches|verify|check)",
    re.IGNORECASE,
)
_LIMITS = regex(
    r"rate_?limit|throttl|limiter|lock_?out|attempt|brute|too_?many|slowapi|captcha|backoff|failed_?log", re.IGNORECASE
)
_DEPTH = 2


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Sign-ins that check a password, in a project without a word of a limit."""
    routes = {it.at: it for it in catalogue(project).routes if _signs_in(project, it)}
    if routes and not project.of_all("login limits", _is_limited):
        for route in routes.values():
            yield ProjectHit(route.at, f"`{spoken(route)}` checks a password as often as it is asked to.")


def _signs_in(project: Project, route: Route) -> bool:
    if "POST" not in route.methods or route.handler is None or route.framework == "django":
        return False
    name = route.handler.qualname.rpartition(".")[2]
    if is_test(route.at.path) or is_script(route.at.path) or not (_LOGIN.search(route.path) or _LOGIN.search(name)):
        return False
    definition = project.definition(route.handler.path, route.handler.qualname)
    return definition is not None and _verifies(project, FunctionSymbol(route.handler.path, definition), _DEPTH)


def _verifies(project: Project, symbol: FunctionSymbol, depth: int) -> bool:
    for it in symbol.facts.calls:
        if _VERIFIES.search(it.target.rpartition(".")[2]):
            return True
        inner = project.resolve(symbol.path, it.target, symbol.facts.owner) if depth > 0 else None
        if isinstance(inner, FunctionSymbol) and inner.facts is not symbol.facts and _verifies(project, inner, depth - 1):
            return True
    return False


def _is_limited(project: Project) -> bool:
    """Whether anything here is named after a limit of requests or of failures."""
    paths = [it for it in project.paths if not is_test(it)]
    return any(_LIMITS.search(it) or project.of_file(it, _speaks_of_limits) for it in paths)


def _speaks_of_limits(facts: Facts) -> bool:
    names = [name for row in facts.imports for name in row]
    names += [it.qualname for it in facts.defs] + [it.qualname for it in facts.classes] + [it.name for it in facts.variables]
    names += [field.name for it in facts.classes for field in it.fields]
    return any(_LIMITS.search(it) for it in names)
