"""Whether a guard stands before a route, and which routes are open by their nature: what rules on missing guards ask."""

from __future__ import annotations

import re

from architect_lsp.knowledge.frameworks.dependencies import guarding, guards
from architect_lsp.knowledge.nouns import Route
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import FunctionSymbol
from architect_lsp.patterns import regex

OPEN = regex(
    r"log_?in|log_?out|sign_?(in|up|out)|regist(er|ration)|token|auth|oauth|oidc|sso|saml|callback|webhook|hook|health|ready|live|ping|status"
    r"|version|metrics|docs|openapi|schema|favicon|static|assets|robots|public|forgot|reset|verify|confirm|activat|invit|refresh|csrf"
    r"|captcha|well.known|error|about|terms|privacy|contact|setup|install|init|config|settings|feature|locale|language|i18n|manifest"
    r"|anonymous|guest|shared?|embed|preview|unsubscribe|password|first_?user|bootstrap|index|home|root|landing|info|license|\.\w{2,4}$|worker|manifest",
    re.IGNORECASE,
)
"""What is open by its nature, in a path or a handler's name."""


_ROUTES = regex(r"\.(?:get|post|put|patch|delete|route|api_route)$")
_SIGNED = regex(r"signature|construct_event|compare_digest|webhook", re.IGNORECASE)
"""Calls that check who wrote a message, in place of who sends it."""


def is_guarded(project: Project, route: Route, *, grave: bool = False) -> bool | None:
    """Whether a guard stands before a route; None for one that is open by its nature, or that asks in its body.

    For what is `grave` the decorator that registers the route says nothing.
    """
    if any(it.guards for it in route.dependencies):
        return True
    words = f"{route.path} {route.handler.qualname}" if route.handler is not None else ""
    if "WEBSOCKET" in route.methods:
        words = words.replace("live", "")  # of what goes on, not of what is well
    if route.handler is None or route.path in ("", "/") or OPEN.search(words):
        return None
    definition = project.definition(route.handler.path, route.handler.qualname)
    if definition is None or definition.asks:
        return None
    if any(OPEN.search(it.target) and not (grave and _ROUTES.search(it.target)) for it in definition.decorators):
        return None
    if any(guarding(call.target) or _SIGNED.search(call.target) for call in definition.calls):
        return None
    return None if guards(project, FunctionSymbol(route.handler.path, definition), "") else False
