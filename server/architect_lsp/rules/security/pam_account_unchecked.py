"""PAM is asked whether the password is right, and not whether the account may be used.

Why: `pam_authenticate` says who someone is. Whether the account is locked, has expired, or may not come in at this hour is what
`pam_acct_mgmt` says.
Instead: both, and let in only when both answer `PAM_SUCCESS`.

    if pam_authenticate(handle, 0) == PAM_SUCCESS and pam_acct_mgmt(handle, 0) == PAM_SUCCESS:
        ...

Tests: lock an account and sign in with its right password.
Security: CWE-285, as CVE-2022-0860 in Cobbler.
Source: https://man7.org/linux/man-pages/man3/pam_acct_mgmt.3.html
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
    rows=["D4"],
    cwe=285,
    needs=["pam_authenticate", "PAM_AUTHENTICATE"],
    bad=[
        Bad("""
from ctypes import CDLL

libpam = CDLL("libpam.so.0")
pam_authenticate = libpam.pam_authenticate
pam_acct_mgmt = libpam.pam_acct_mgmt

def is_allowed(handle):
    return [|pam_authenticate(handle, 0)|] == 0
"""),
    ],
    good=[
        """
from ctypes import CDLL

libpam = CDLL("libpam.so.0")

def is_allowed(handle):
    done = libpam.pam_authenticate(handle, 0)
    return done == 0 and libpam.pam_acct_mgmt(handle, 0) == 0
""",
    ],
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Functions that ask the one and not the other."""
    for call in view.reading.each(ast.Call):
        function = view.reading.function(call)
        is_asked = dotted(call.func).rpartition(".")[2].lower() == "pam_authenticate" and function is not None
        if is_asked and function is not None and "acct_mgmt" not in view.reading.source(function).lower():
            yield Hit(call, "Locked and expired accounts are let in, too: ask `pam_acct_mgmt` after this.")
