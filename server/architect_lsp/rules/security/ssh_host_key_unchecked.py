"""An SSH client takes any server for the right one.

Why: with `AutoAddPolicy` or no known hosts, whoever stands in between answers as the server, and gets the password, the commands
and the files.
Instead: know the server's key beforehand.

    client = paramiko.SSHClient()
    client.load_host_keys(KNOWN_HOSTS)
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    try:
        client.connect(host, timeout=10)
    except paramiko.SSHException as error:
        raise Unavailable(f"{host} can't be trusted or reached") from error

Trade-offs: machines that come and go sign their host keys by one authority.
Tests: a server with another key is refused.
Security: reading and changing all that is sent.
Source: CWE-295; https://docs.paramiko.org/en/stable/api/client.html
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=295,
    equivalents=["S507", "B507"],
    needs=["set_missing_host_key_policy", "known_hosts"],
    bad=[
        Bad(
            """
import paramiko

def connected(host):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy([|paramiko.AutoAddPolicy()|])
    client.connect(host)
    return client
""",
            fixed="""
import paramiko

def connected(host):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    client.connect(host)
    return client
""",
        ),
        Bad("""
import asyncssh

async def connected(host):
    return await asyncssh.connect(host, known_hosts=[|None|])
"""),
    ],
    good=[
        """
import paramiko

def connected(host):
    client = paramiko.SSHClient()
    client.load_system_host_keys()
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    return client
""",
    ],
)

_TRUSTING = ("AutoAddPolicy", "WarningPolicy")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Clients that accept keys they do not know."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        if last == "set_missing_host_key_policy" and call.args:
            policy = call.args[0]
            made = policy.func if isinstance(policy, ast.Call) else policy
            if dotted(made).rpartition(".")[2] in _TRUSTING:
                fix = (
                    Draft("Refuse unknown servers", (Change(made, "paramiko.RejectPolicy"),))
                    if dotted(made).startswith("paramiko.")
                    else None
                )
                yield Hit(
                    policy,
                    "Any server is taken for the right one: whoever is in between gets what is sent.",
                    (fix,) if fix else (),
                )
        known = keyword(call, "known_hosts")
        if isinstance(known, ast.Constant) and known.value is None and view.callee(call).startswith("asyncssh."):
            yield Hit(
                known, "Without known hosts any server is taken for the right one: whoever is in between gets what is sent."
            )
