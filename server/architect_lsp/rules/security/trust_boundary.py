"""A value from outside is stored in the session unchecked.

Why: later code trusts the session: it takes what is there for something the program decided. A value that came straight from the
request carries the attacker's choice past that line.
Instead: store what you looked up.

    def choose(request: HttpRequest) -> HttpResponse:
        try:
            shop = request.user.shops.get(pk=request.POST["shop"])
        except (KeyError, ValueError, Shop.DoesNotExist):
            return HttpResponseBadRequest("no such shop")
        request.session["shop"] = shop.pk
        return redirect("home")

Tests: post a value that the user may not have, and assert that the session does not hold it.
Security: whatever later code lets the stored value decide: a role, a tenant, a file.
Source: CWE-501
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["A2", "D4"],
    cwe=501,
    preview=True,  # on real code what is stored is mostly the user's own: both hits read in Django and Wagtail were
    needs=["session"],
    bad=[
        Bad("""
from flask import request, session

def choose():
    tenant = request.form["tenant"]
    session["tenant"] = [|tenant|]
"""),
        Bad("""
def keep(request):
    request.session[[|request.POST["name"]|]] = "1"
"""),
    ],
    good=[
        """
from flask import abort, request, session

def choose(users):
    session["csrf"] = "x"
    name = request.form["name"]
    user = users.find(name)
    session["user"] = user.id
    session["name"] = name
    tenant = request.form["tenant"]
    if tenant not in user.tenants:
        abort(403)
    session["tenant"] = tenant
    session["page"] = int(request.args["page"])
""",
    ],
)

_SESSION = regex(r"^(?:flask\.|self\.|cherrypy\.)?(?:request\.)?session$")
_HARMLESS = regex(
    r"next|url|redirect|referr?er|page|lang|locale|theme|search|query|filter|sort|message|flash|form|draft|cart", re.IGNORECASE
)
"""Keys of what belongs to the user anyway: where they were, how they look at it."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Sessions that take what the request says."""
    for node in view.reading.each(ast.Assign):
        for target in node.targets:
            if not isinstance(target, ast.Subscript) or not _SESSION.match(dotted(target.value)):
                continue
            key = constant(target.slice)
            for it in (target.slice, node.value):
                origin = view.untrusted(it, "session")
                if origin is None or _is_looked_at(view, it) or (isinstance(key, str) and _HARMLESS.search(key)):
                    continue
                yield Hit(
                    it,
                    f"`{origin.name}` goes into the session unchecked, where later code takes it for its own; look it up first.",
                )
                break


def _is_looked_at(view: View, node: ast.expr) -> bool:
    """Whether the function asks something about the value: compares it, or hands it to a call."""
    name = dotted(node)
    if not name:
        return False
    function = view.reading.function(node)
    for it in view.reading.within(function):
        if isinstance(it, ast.Compare) and any(dotted(side) == name for side in (it.left, *it.comparators)):
            return True
        if isinstance(it, ast.Call) and any(dotted(argument) == name for argument in (*it.args, *(k.value for k in it.keywords))):
            return True
    return False
