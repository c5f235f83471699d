"""A directory lets anyone in who gives no password.

Why: an LDAP server takes a bind with an empty password for a visitor's and answers that it went well, whoever's name is on it; a
login that asks no more than this lets everyone in.
Instead: refuse an empty password before the directory is asked.

    def signed_in(name: str, password: str) -> bool:
        if not password:
            return False
        directory = ldap.initialize("ldaps://directory.example.com")
        try:
            directory.simple_bind_s(f"uid={escape_dn_chars(name)},{PEOPLE}", password)
        except ldap.INVALID_CREDENTIALS:
            return False
        return True

Trade-offs: a directory that is public on purpose is read without a name; say so by giving none.
Tests: sign in with a name that exists and an empty password, and expect a refusal.
Security: CWE-521. Every account is open to who knows its name.
Source: RFC 4513, section 5.1.2; CWE-521
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    rows=["D4"],
    cwe=521,
    needs=["bind"],
    bad=[
        Bad("""
import ldap

def entries(name):
    directory = ldap.initialize("ldaps://directory.example.com")
    [|directory.simple_bind_s("cn=reader", "")|]
    return directory.search_s("dc=example", ldap.SCOPE_SUBTREE)
"""),
        Bad("""
import ldap
from flask import Flask, request

app = Flask(__name__)

@app.post("/login")
def login():
    directory = ldap.initialize("ldaps://directory.example.com")
    password = request.form["password"]
    [|directory.simple_bind_s("uid=mia,ou=people", password)|]
    return "welcome"
"""),
    ],
    good=[
        """
import ldap
from flask import Flask, abort, request

app = Flask(__name__)

@app.post("/login")
def login():
    directory = ldap.initialize("ldaps://directory.example.com")
    password = request.form["password"]
    if not password:
        abort(401)
    directory.simple_bind_s("uid=mia,ou=people", password)
    return "welcome"

def public(secret):
    directory = ldap.initialize("ldaps://directory.example.com")
    directory.simple_bind_s()
    directory.simple_bind_s("cn=reader", secret)
    return directory
""",
    ],
)

_BINDS = ("simple_bind_s", "simple_bind", "bind_s", "bind")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Binds with a name whose password is empty, or may be."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if last not in _BINDS or not view.callee(call).startswith("ldap."):
            continue
        name = keyword(call, "who") or (call.args[0] if call.args else None)
        password = keyword(call, "cred") or (call.args[1] if len(call.args) > 1 else None)
        if name is None or (isinstance(name, ast.Constant) and name.value in ("", None)):
            continue
        if isinstance(password, ast.Constant) and password.value in ("", None, b""):
            yield Hit(call, "The directory takes a name without a password for a visitor, and answers that the bind went well.")
        elif password is not None and view.untrusted(password, "ldap") is not None and not _is_looked_at(view, call, password):
            message = f"`{ast.unparse(password)}` may be empty, and the directory takes that for a visitor: everyone is let in."
            yield Hit(call, message)


def _is_looked_at(view: View, call: ast.Call, password: ast.expr) -> bool:
    """Whether the function asks anything of the password."""
    function = view.reading.function(call)
    name = dotted(password)
    tests = (it.test for it in view.reading.within(function) if isinstance(it, ast.If | ast.IfExp | ast.Assert | ast.While))
    words = {it for test in tests for each in ast.walk(test) if (it := dotted(each))}
    return name in words or not name
