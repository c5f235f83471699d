"""A socket of the program's own listens on every network that the machine is in.

Why: a protocol of one's own mostly asks nobody who they are. On all addresses whoever reaches the machine speaks it, those of a
guest network and, behind a public address, everyone.
Instead: the address that is meant, 127.0.0.1 where both ends are on this machine.

    server.bind(("127.0.0.1", 9999))

Trade-offs: in a container the address has to be every one; say so with a setting, and publish the port where it is needed.
Security: CWE-605, as CVE-2018-1281.
Source: https://codeql.github.com/codeql-query-help/python/py-bind-socket-all-network-interfaces/
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, constant, dotted
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.NOTE,
    confidence=Confidence.MEDIUM,
    rows=["D4"],
    cwe=605,
    equivalents=["S104", "B104"],
    needs=["bind(", "XMLRPC"],
    bad=[
        Bad("""
import socket
from xmlrpc.server import SimpleXMLRPCServer

def listen():
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    [|server.bind(("0.0.0.0", 9999))|]
    server.listen(5)
    return server

def serve():
    return [|SimpleXMLRPCServer(("0.0.0.0", 8000))|]
"""),
    ],
    good=[
        """
import socket

def listen(host):
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.bind(("127.0.0.1", 9999))
    server.listen(5)
    other = socket.socket()
    other.bind((host, 9998))
    other.listen(5)

def free_port():
    probe = socket.socket()
    probe.bind(("", 0))
    return probe.getsockname()[1]
""",
    ],
)

_ALL = ("0.0.0.0", "", "::")  # noqa: S104  (words that are looked for)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Sockets that are bound to all addresses and listen."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        if last not in ("bind", "SimpleXMLRPCServer") or not call.args or not isinstance(call.args[0], ast.Tuple):
            continue
        host, *rest = call.args[0].elts
        if constant(host) not in _ALL or not rest or constant(rest[0]) == 0:
            continue
        if last == "SimpleXMLRPCServer" or _listens(view.reading, call):
            yield Hit(call, "Whoever reaches the machine by any of its networks speaks to this: name the address that is meant.")


def _listens(reading: Reading, call: ast.Call) -> bool:
    """Whether the same socket waits for connections."""
    name = dotted(call.func).rpartition(".")[0]
    calls = (it for it in reading.within(reading.function(call)) if isinstance(it, ast.Call))
    return bool(name) and any(dotted(it.func) in (f"{name}.listen", f"{name}.accept") for it in calls)
