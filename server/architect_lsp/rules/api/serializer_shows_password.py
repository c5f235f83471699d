"""A serializer answers with the password of the row.

Why: a field of `Meta.fields` is read and written. Listed without `write_only`, the password's hash is part of every answer, for
whoever may see the row; and what a client sends is stored as it came.
Instead: take it, and never show it.

    extra_kwargs = {"password": {"write_only": True}}

Consequences: hashes of all users can be read and broken at leisure.
Tests: serialize a user, and assert that no key is called `password`.
Security: CWE-200.
Source: https://www.django-rest-framework.org/api-guide/serializers/#additional-keyword-arguments
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.lineage import attributes
from architect_lsp.knowledge.reading import constant
from architect_lsp.knowledge.schemas import serializer
from architect_lsp.knowledge.symbols import ClassSymbol
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=200,
    needs=["password", "secret"],
    bad=[
        Bad("""
from rest_framework import serializers
from shop.models import Account

class AccountSerializer(serializers.ModelSerializer):
    class Meta:
        model = Account
        fields = ["id", "email", [|"password"|]]
"""),
    ],
    good=[
        """
from rest_framework import serializers
from shop.models import Account

class AccountSerializer(serializers.ModelSerializer):
    class Meta:
        model = Account
        fields = ["id", "email", "password"]
        extra_kwargs = {"password": {"write_only": True}}

class Declared(serializers.ModelSerializer):
    password = serializers.CharField(write_only=True)

    class Meta:
        model = Account
        fields = ("id", "password")

class Written(serializers.ModelSerializer):
    class Meta:
        model = Account
        fields = ("id", "password")
        write_only_fields = ("password",)

class Shown(serializers.ModelSerializer):
    class Meta:
        model = Account
        fields = ("id", "password")

    def to_representation(self, row):
        return {"id": row.id}

class Other:
    class Meta:
        fields = ["password"]

class Change(serializers.ModelSerializer):
    new_password = serializers.CharField()

    class Meta:
        model = Account
        fields = ("password", "new_password")
"""
    ],
)

_SECRET = regex(r"password|password_hash|hashed_password|passwd|otp_secret|totp_secret|secret_key|client_secret")

_ASKED = regex(r"(?:new|old|current|confirm\w*|repeat\w*)_?password\w*|password_?(?:confirm\w*|repeat\w*|again|2)")
"""Fields that only a form has: what asks for them is sent by a client, not shown to one."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Passwords in the fields of a `Meta`, that are not only written."""
    for node in view.reading.each(ast.Assign):
        target = node.targets[0]
        if not isinstance(target, ast.Name) or target.id != "fields" or not isinstance(node.value, ast.List | ast.Tuple):
            continue
        found = [it for it in node.value.elts if isinstance(name := constant(it), str) and _SECRET.fullmatch(name)]
        if any(_ASKED.fullmatch(str(constant(it))) for it in node.value.elts):
            continue
        owner, _, meta = view.reading.owner(node).rpartition(".") if found else ("", "", "")
        facts = view.project.class_(view.path, owner) if meta == "Meta" else None
        if facts is None or not serializer(view.project, ClassSymbol(view.path, facts)):
            continue
        names = attributes(view.project, ClassSymbol(view.path, facts))
        said = view.project.class_(view.path, f"{owner}.Meta")
        told = {it.name for it in said.fields} if said is not None else set()
        if "to_representation" in names or told & {"extra_kwargs", "write_only_fields"}:
            continue
        for it in found:
            if constant(it) not in names:
                yield Hit(it, f"Every answer of `{owner.rpartition('.')[2]}` holds `{constant(it)!s}`: it must be `write_only`.")
