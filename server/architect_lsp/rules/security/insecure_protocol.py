"""Passwords or files travel in the clear.

Why: FTP, Telnet and plain HTTP with a login show the password to every network on the way, and let it change the answer.
Instead: SFTP or FTPS, SSH, HTTPS.

    with ftplib.FTP_TLS(host, timeout=10) as ftp:
        try:
            ftp.login(user, password)
            ftp.prot_p()
        except ftplib.all_errors as error:
            raise Unavailable(host) from error
        ftp.storbinary("STOR report.csv", file)

Trade-offs: devices that speak nothing else belong in a network of their own.
Security: reading the password, changing files.
Source: CWE-319; https://docs.python.org/3/library/ftplib.html
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=319,
    equivalents=["S321", "S312", "B321", "B312"],
    needs=[
        "FTP",
        "Telnet",
        "http://",
        "SMTP",
        "IMAP4",
        "POP3",
        "PROTOCOL_",
        "TLSVersion",
        "OP_NO_",
        "use_ssl",
        "_METHOD",
        "ldap://",
    ],
    bad=[
        Bad("""
import ftplib
import telnetlib
import requests

def send(host, user, password):
    ftp = [|ftplib.FTP(host)|]
    ftp.login(user, password)
    shell = [|telnetlib.Telnet(host)|]
    return shell, requests.get([|"http://api.example.com/me"|], auth=(user, password), timeout=5)
"""),
        Bad(
            """

import smtplib
import ssl

def send(message, user, password):
    with [|smtplib.SMTP("mail.example.org")|] as server:
        server.login(user, password)
        server.send_message(message)

def context():
    return ssl.SSLContext([|ssl.PROTOCOL_TLSv1_1|])
""",
        ),
        Bad("""
import ssl
import ldap
from OpenSSL import SSL

def contexts():
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.minimum_version = [|ssl.TLSVersion.TLSv1_1|]
    return made, SSL.Context([|SSL.SSLv3_METHOD|])

def signed_in(name, password):
    directory = [|ldap.initialize("ldap://directory.example.org")|]
    directory.simple_bind_s(name, password)
"""),
        Bad("""
import requests

def charge(card, key):
    body = {"card": card}
    return requests.post([|"http://pay.example.com/charge"|], json=body, headers={"Authorization": key}, timeout=5)
"""),
        Bad("""
import boto3
import ssl

def context():
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    [|made.options &= ~ssl.OP_NO_SSLv3|]
    return made, boto3.client("sqs", use_ssl=[|False|])
"""),
        Bad("""
import requests

def login(user, password):
    return requests.post([|"http://portal.example.com/login"|], data={"user": user, "password": password}, timeout=5)
"""),
    ],
    good=[
        """
import ftplib
import requests

def send(host, user, password):
    ftp = ftplib.FTP_TLS(host)
    public = ftplib.FTP("ftp.example.com")
    public.login()
    requests.get("http://localhost:8080/me", auth=(user, password), timeout=5)
    requests.get("http://example.com/news", timeout=5)
    return requests.get("https://api.example.com/me", auth=(user, password), timeout=5)
""",
        """

import smtplib
import ssl

def send(message, user, password):
    with smtplib.SMTP("mail.example.org") as server:
        server.starttls(context=ssl.create_default_context())
        server.login(user, password)
        server.send_message(message)

def send_inside(message):
    with smtplib.SMTP("localhost") as server:
        server.send_message(message)

def context():
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
""",
        """
import ssl
import ldap
from OpenSSL import SSL

def contexts():
    made = ssl.create_default_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.maximum_version = ssl.TLSVersion.TLSv1_3
    return made, SSL.Context(SSL.TLS_METHOD)

def signed_in(name, password):
    directory = ldap.initialize("ldap://directory.example.org")
    directory.start_tls_s()
    directory.simple_bind_s(name, password)
    ldap.initialize("ldaps://directory.example.org").simple_bind_s(name, password)

def local(name, password):
    ldap.initialize("ldap://localhost").simple_bind_s(name, password)
""",
        """
import boto3
import ssl

def context():
    made = ssl.create_default_context()
    made.options |= ssl.OP_NO_TLSv1
    return made, boto3.client("s3", endpoint_url="http://localhost:9000", use_ssl=False)
""",
        """
import requests

def login(user, password):
    requests.post("http://localhost:8080/login", data={"user": user, "password": password}, timeout=5)
    return requests.post("https://portal.example.com/login", data={"user": user, "password": password}, timeout=5)
""",
    ],
)

_OLD = ("SSLContext", "wrap_socket", "Context")
_OLD_VERSIONS = ("SSLv2", "SSLv3", "TLSv1", "TLSv1_1", "MINIMUM_SUPPORTED")
_PROOFS = regex(r"authorization|cookie|x-(?:api|auth)-(?:key|token)", re.IGNORECASE)
_PASSWORD = regex(r"passw(?:or)?d|passphrase|client_secret|refresh_token", re.IGNORECASE)
_REFUSED = regex(r"(?:^|\.)OP_NO_(?:SSLv2|SSLv3|TLSv1|TLSv1_1)$")
_BINDS = ("simple_bind_s", "simple_bind", "bind_s", "bind")
_PROTOCOL = regex(r"(?:ssl\.)?PROTOCOL_(?:SSLv2|SSLv3|TLSv1|TLSv1_1)$|(?:SSL\.)?(?:SSLv2|SSLv3|TLSv1|TLSv1_1)_METHOD$")
_STARTS = regex(r"starttls|stls|_ssl|tls", re.IGNORECASE)
"""A function that says so chooses by its settings."""
_OWN = regex(r"^http://(?:localhost|127\.|0\.0\.0\.0|\[::1\]|[\w-]+(?:[:/]|$)|[\w.-]+\.(?:local|internal|test|svc)\b)")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Clients of protocols without encryption, where something secret travels."""
    yield from _old_versions(view)
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        if last == "FTP" and view.callee(call) == "ftplib.FTP":
            secret = keyword(call, "passwd") or (call.args[2] if len(call.args) > 2 else None)
            if secret is not None or _logs_in(view, call):
                yield Hit(call, "FTP sends the password and the files in the clear; use `FTP_TLS` or SFTP.")
        elif last in _OLD and view.callee(call) in ("ssl.SSLContext", "ssl.wrap_socket", "OpenSSL.SSL.Context"):
            said = next((it for it in (*call.args, *(row.value for row in call.keywords)) if _PROTOCOL.match(dotted(it))), None)
            if said is not None:
                yield Hit(said, f"`{dotted(said)}` is broken; use `ssl.create_default_context()`, which takes TLS 1.2 and later.")
        elif (
            constant(plain := keyword(call, "use_ssl")) is False and plain is not None and view.callee(call).startswith("boto3.")
        ):
            if not _OWN.match(str(constant(keyword(call, "endpoint_url")) or "https://")):
                yield Hit(plain, "Keys and data go over plain HTTP, where every network on the way reads them.")
        elif last == "initialize" and call.args and view.callee(call) == "ldap.initialize":
            if _is_plain_directory(call.args[0]) and _binds(view, call) and not _STARTS.search(view.reading.unit.text):
                yield Hit(call, "The password goes to the directory in the clear; use `ldaps://`, or call `start_tls_s()` first.")
        elif last in ("SMTP", "IMAP4", "POP3") and view.callee(call) in ("smtplib.SMTP", "imaplib.IMAP4", "poplib.POP3"):
            if _logs_in(view, call) and not _STARTS.search(view.reading.unit.text):
                yield Hit(call, f"`{last}` sends the password in the clear; call `starttls()` before `login`.")
        elif last == "Telnet" and view.callee(call) == "telnetlib.Telnet":
            yield Hit(call, "Telnet sends what is typed, passwords too, in the clear; use SSH.")
        elif last == "CommunityData" and constant(keyword(call, "mpModel")) in (0, 1) and "pysnmp" in view.callee(call):
            yield Hit(call, "SNMP 1 and 2 send the community, which is the password, in the clear; use SNMP 3.")
        elif call.args and (
            keyword(call, "auth") is not None
            or _carries_secret(keyword(call, "headers"))
            or _holds_password(keyword(call, "data"))
            or _holds_password(keyword(call, "json"))
        ):
            url = call.args[0]
            if (
                isinstance(url, ast.Constant)
                and isinstance(url.value, str)
                and url.value.startswith("http://")
                and not _OWN.match(url.value)
            ):
                yield Hit(url, "The password goes over plain HTTP, where every network on the way reads it; use HTTPS.")


def _carries_secret(headers: ast.expr | None) -> bool:
    """Whether headers that are written out name what signs in."""
    return isinstance(headers, ast.Dict) and any(_PROOFS.fullmatch(str(constant(it))) for it in headers.keys if it is not None)


def _holds_password(body: ast.expr | None) -> bool:
    """Whether a body that is written out has a field for a password."""
    return isinstance(body, ast.Dict) and any(_PASSWORD.fullmatch(str(constant(it))) for it in body.keys if it is not None)


def _old_versions(view: View) -> Iterator[Hit]:
    """Contexts that agree to a version of TLS that is broken."""
    for node in view.reading.each(ast.Assign):
        target = node.targets[0]
        if isinstance(target, ast.Attribute) and target.attr == "minimum_version":
            said = dotted(node.value).rpartition("TLSVersion.")[2]
            if said in _OLD_VERSIONS:
                yield Hit(node.value, f"`{said}` is broken, and this connection agrees to it; begin with `TLSVersion.TLSv1_2`.")
    for change in view.reading.each(ast.AugAssign):
        allowed = change.value.operand if isinstance(change.value, ast.UnaryOp) and isinstance(change.op, ast.BitAnd) else None
        if allowed is not None and _REFUSED.search(dotted(allowed)):
            yield Hit(change, f"`{dotted(allowed)}` is taken back: this connection agrees to a broken version.")


def _is_plain_directory(node: ast.expr) -> bool:
    address = constant(node)
    return isinstance(address, str) and address.startswith("ldap://") and not _OWN.match(address.replace("ldap:", "http:"))


def _binds(view: View, made: ast.Call) -> bool:
    """Whether the function of the call gives a password to a directory."""
    function = view.reading.function(made)
    calls = (it for it in view.reading.within(function) if isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute))
    return any(it.func.attr in _BINDS and len(it.args) > 1 for it in calls if isinstance(it.func, ast.Attribute))


def _logs_in(view: View, made: ast.Call) -> bool:
    """Whether the function, or the file's top, logs in with a name."""
    function = view.reading.function(made)
    calls = (it for it in view.reading.within(function) if isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute))
    up = view.reading.parent(made)
    names = {dotted(it) for it in up.targets} if isinstance(up, ast.Assign) else set()
    if isinstance(up, ast.withitem) and up.optional_vars is not None:
        names = {dotted(up.optional_vars)}
    return any(
        it.func.attr == "login" and it.args and dotted(it.func.value) in names
        for it in calls
        if isinstance(it.func, ast.Attribute)
    )
