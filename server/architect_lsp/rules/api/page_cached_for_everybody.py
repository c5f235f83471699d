"""A page for one user is cached for all.

Why: `cache_page` keeps what a view answered under the address. Above `login_required` it answers the next visitor before anyone
asks who that is, and the header `Vary: Cookie` is added by the session's middleware after the page was kept.
Instead: the guard outside, and a cache that knows the user.

    @login_required
    @vary_on_cookie
    @cache_page(600)
    def my_leads(request): ...

Consequences: visitors see each other's pages, and those who are not signed in see them too.
Tests: ask as two users in turn, and assert that each sees their own.
Security: private data in a shared cache.
Source: https://docs.djangoproject.com/en/stable/topics/cache/#using-vary-headers
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4", "B4"],
    cwe=524,
    needs=["cache_page"],
    bad=[
        Bad("""
from django.contrib.auth.decorators import login_required
from django.shortcuts import render
from django.views.decorators.cache import cache_page

@[|cache_page(600)|]
@login_required
def my_leads(request):
    return render(request, "leads.html", {"leads": request.user.leads})
"""),
    ],
    good=[
        """
from django.contrib.auth.decorators import login_required
from django.shortcuts import render
from django.views.decorators.cache import cache_page
from django.views.decorators.vary import vary_on_cookie

@cache_page(600)
def pricing(request):
    return render(request, "pricing.html", {})

@login_required
@vary_on_cookie
@cache_page(600)
def my_leads(request):
    return render(request, "leads.html", {"leads": request.user.leads})
"""
    ],
)

_GUARDS = frozenset(("login_required", "permission_required", "user_passes_test", "staff_member_required"))


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`cache_page` over a view that is about the user, with nothing that tells users apart."""
    for function in view.reading.functions:
        names = [dotted(it.func if isinstance(it, ast.Call) else it).rpartition(".")[2] for it in function.decorator_list]
        if "cache_page" not in names or any(it.startswith("vary_on") for it in names):
            continue
        at = names.index("cache_page")
        guarded = bool(_GUARDS & {*names[at + 1 :]})
        personal = any(isinstance(it, ast.Attribute) and dotted(it) == "request.user" for it in view.reading.within(function))
        if guarded or personal:
            yield Hit(function.decorator_list[at], f"What `{function.name}` shows one user is kept for whoever asks next.")
