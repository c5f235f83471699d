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

import re
from collections.abc import Iterator

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
    ],
    good=[
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


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Filters and names of a directory with a part that someone outside writes."""
    for it in view.exposures("ldap"):
        text = "".join(piece if isinstance(piece, str) else "x" for piece in it.parts)
        if _LOOKS.search(text) or it.used_by.startswith(("ldap.", "ldap3.")):
            message = f"`{it.source}` becomes part of the LDAP query: `*` or `)` in it finds others; escape it."
            yield Hit(it.argument, message, (), it.steps)
