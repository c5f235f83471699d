"""A value from outside becomes part of an LDAP filter or name.

Why: `*`, `(` and `)` in the value change the filter: `*)(uid=*` finds everyone, and a check of a password passes.
Instead: escape the value for where it stands.

    def find_user(connection: Connection, name: str) -> Entry:
        wanted = f"(&(objectclass=person)(uid={escape_filter_chars(name)}))"
        try:
            connection.search(BASE, wanted, attributes=["cn"])
        except LDAPException as error:
            raise Unavailable("the directory does not answer") from error
        return one_of(connection.entries)

Trade-offs: a filter and a distinguished name are escaped differently (`escape_filter_chars`, `escape_rdn`).
Tests: log in as `*` and as `x)(uid=*`; both fail like an unknown user.
Security: logging in as others; reading the directory.
Source: CWE-90; https://cheatsheetseries.owasp.org/cheatsheets/LDAP_Injection_Prevention_Cheat_Sheet.html
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.definitions import definitions
from architect_lsp.knowledge.reading import dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=90,
    bad=[
        Bad("""
import ldap3
from flask import request

def user():
    server = ldap3.Server("ldap.example.com")
    connection = ldap3.Connection(server, auto_bind=True)
    wanted = "(uid=" + request.args["name"] + ")"
    connection.search("dc=example,dc=com", [|wanted|])
    return connection.entries
"""),
        Bad("""
import ldap

def user(request):
    connection = ldap.initialize("ldap://ldap.example.com")
    return connection.search_s("dc=example", ldap.SCOPE_SUBTREE, [|f"(uid={request.GET['name']})"|])
"""),
        Bad("""
import ldap

def found(connection: ldap.ldapobject.LDAPObject, base, field, username):
    wanted = "({0}={1})".format(field, username)
    return connection.search_s(base, ldap.SCOPE_SUBTREE, [|wanted|], ["mail"])
"""),
    ],
    good=[
        """
import ldap
from ldap.filter import escape_filter_chars, filter_format

def found(connection, base, username, group):
    safe = escape_filter_chars(username)
    connection.search_s(base, ldap.SCOPE_SUBTREE, f"(uid={safe})")
    connection.search_s(base, ldap.SCOPE_SUBTREE, filter_format("(uid=%s)", [username]))
    connection.search_s(base, ldap.SCOPE_SUBTREE, f"(&(objectClass=person)({group}=x))")
    return connection.search_s(base, ldap.SCOPE_BASE, wanted)
""",
        """
import ldap
from flask import request
from ldap.filter import escape_filter_chars

def user(index):
    connection = ldap.initialize("ldap://ldap.example.com")
    name = escape_filter_chars(request.args["name"])
    index.search(request.args["text"])
    return connection.search_s("dc=example", ldap.SCOPE_SUBTREE, f"(uid={name})")
""",
    ],
)

_LOOKS = regex(r"\(\s*[&|!]?\s*\(?\s*[\w;-]+\s*[~<>]?=|(?:^|,)\s*(?:dc|ou|cn|uid|o)=", re.IGNORECASE)


_SEARCHES = ("search_s", "search_st", "search_ext", "search_ext_s")
_LOGINS = regex(
    r"^(?:user_?name|login(?:_?name)?|user_?id|e?mail|user_?email|uid|sam_?account_?name|account_?name)$", re.IGNORECASE
)
"""Parameters that hold what somebody typed to log in."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Filters and names of a directory with a part that someone outside writes."""
    told: set[ast.AST] = set()
    for it in view.exposures("ldap"):
        told.add(it.argument)
        text = "".join(piece if isinstance(piece, str) else "x" for piece in it.parts)
        if _LOOKS.search(text) or it.used_by.startswith(("ldap.", "ldap3.")):
            message = f"`{it.source}` becomes part of the LDAP query: `*` or `)` in it finds others; escape it."
            yield Hit(it.argument, message, (), it.steps)
    for call in view.reading.each(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _SEARCHES or len(call.args) < 3:
            continue
        name = _login(view, call.args[2])
        if name and call.args[2] not in told:
            yield Hit(call.args[2], f"`{name}` becomes part of the LDAP query: `*` or `)` in it finds others; escape it.")


def _login(view: View, node: ast.expr) -> str:
    """The parameter with a login's name that a filter is put together from, as it came."""
    function = view.reading.function(node)
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return ""
    rows = definitions(view.reading, function)
    built = [it.value for it in rows.get(node.id, ()) if it.value is not None] if isinstance(node, ast.Name) else [node]
    names = {
        it.arg
        for it in (*function.args.args, *function.args.kwonlyargs)
        if _LOGINS.match(it.arg) and len(rows.get(it.arg, ())) <= 1
    }
    for value in built:
        for it in ast.walk(value):
            if isinstance(it, ast.Call) and dotted(it.func).rpartition(".")[2] in ("escape_filter_chars", "filter_format"):
                break
            if isinstance(it, ast.Name) and it.id in names and not isinstance(value, ast.Name):
                return it.id
    return ""
