"""A view loads its object itself, and never asks the permission that is about objects.

Why: Django REST framework calls `has_object_permission` from its own `get_object`. A view that loads the row by hand must call
`check_object_permissions`; otherwise the permission stands in the list and is never asked.
Instead: ask.

    def get_object(self):
        note = get_object_or_404(Note, slug=self.kwargs["slug"])
        self.check_object_permissions(self.request, note)
        return note

Consequences: everyone who is signed in reads and changes everybody's rows.
Tests: ask for the row of somebody else, and assert 403 or 404.
Security: broken object level authorization, the first of OWASP's ten for APIs.
Source: https://www.django-rest-framework.org/api-guide/permissions/#object-level-permissions
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.lineage import attributes, methods
from architect_lsp.knowledge.reading import dotted
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=639,
    needs=["get_object"],
    bad=[
        Bad("""
from django.shortcuts import get_object_or_404
from rest_framework import generics, permissions
from shop.models import Note

class IsOwner(permissions.BasePermission):
    def has_object_permission(self, request, view, obj):
        return obj.owner_id == request.user.id

class NoteDetail(generics.RetrieveUpdateAPIView):
    permission_classes = [permissions.IsAuthenticated, IsOwner]

    [|def get_object(self):|]
        return get_object_or_404(Note, slug=self.kwargs["slug"])
"""),
    ],
    good=[
        """
from django.shortcuts import get_object_or_404
from rest_framework import generics, permissions
from shop.models import Note

class IsOwner(permissions.BasePermission):
    def has_object_permission(self, request, view, obj):
        return obj.owner_id == request.user.id

class NoteDetail(generics.RetrieveUpdateAPIView):
    permission_classes = [permissions.IsAuthenticated, IsOwner]

    def get_object(self):
        note = get_object_or_404(Note, slug=self.kwargs["slug"])
        self.check_object_permissions(self.request, note)
        return note

class MyNote(generics.RetrieveUpdateAPIView):
    permission_classes = [permissions.IsAuthenticated, IsOwner]

    def get_object(self):
        return get_object_or_404(Note, owner=self.request.user)

class Anyones(generics.RetrieveAPIView):
    permission_classes = [permissions.IsAuthenticated]

    def get_object(self):
        return get_object_or_404(Note, slug=self.kwargs["slug"])
"""
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """`get_object` of views with a permission about objects, that neither asks it nor looks at the user."""
    for function in view.reading.functions:
        owner = view.reading.owner(function)
        if function.name != "get_object" or not owner:
            continue
        facts = view.project.class_(view.path, owner)
        said = [it for it in view.reading.within(function) if isinstance(it, ast.Call | ast.Attribute)]
        asks = any(
            dotted(it.func).rpartition(".")[2] in ("check_object_permissions", "super", "get_object")
            if isinstance(it, ast.Call)
            else it.attr in ("user", "get_object", "check_object_permissions", "has_object_permission")
            for it in said
        )
        loads = any(isinstance(it, ast.Call) and dotted(it.func).endswith(("get_object_or_404", ".objects.get")) for it in said)
        if facts is None or asks or not loads:
            continue
        listed = attributes(view.project, ClassSymbol(view.path, facts)).get("permission_classes")
        for it in listed.value.items if listed is not None and listed.value is not None else ():
            symbol = view.project.resolve(listed.path, it.text) if listed is not None else None
            if isinstance(symbol, ClassSymbol) and "has_object_permission" in methods(view.project, symbol):
                yield Hit(function, f"Nothing asks `{it.last}` about the object: call `self.check_object_permissions`.")
                break
