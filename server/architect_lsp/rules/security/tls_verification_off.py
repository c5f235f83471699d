"""A connection does not check whom it talks to.

Why: without the check any certificate is accepted, so encryption ends at whoever answers first: a proxy, a neighbour in the
network, a stolen name.
Instead: leave the check on and trust the right authority; a private one is named, not waved through.

    session = requests.Session()
    session.verify = settings.ca_bundle  # path of the private authority's certificate

Consequences: the switch is copied from the test script to production, where nothing fails to remind anyone.
Trade-offs: a private authority's certificate has to be shipped and renewed; that is the price of knowing who answers.
Tests: serve a self-signed certificate on loopback and assert that the client refuses it.
Security: reading and changing everything sent, tokens first.
Source: CWE-295; https://requests.readthedocs.io/en/latest/user/advanced/#ssl-cert-verification
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=295,
    equivalents=["S501", "S323", "B501", "B323"],
    needs=[
        "verify",
        "VERIFY",
        "ssl=False",
        "cert_reqs",
        "check_hostname",
        "_create_unverified_context",
        "CERT_NONE",
        "ssl",
        "tlsAllow",
    ],
    bad=[
        Bad(
            """
import requests

def fetch(url):
    return [|requests.get(url, verify=False, timeout=5)|]
""",
            fixed="""
import requests

def fetch(url):
    return requests.get(url, timeout=5)
""",
        ),
        Bad("""
import ssl
import httpx

client = [|httpx.AsyncClient(verify=False)|]
context = [|ssl._create_unverified_context()|]

def context_of():
    context = ssl.create_default_context()
    context.check_hostname = False
    [|context.verify_mode = ssl.CERT_NONE|]
    return context
"""),
        Bad(
            """

import requests

SENDING = {"verify": [|False|], "timeout": 5}

def fetch(url):
    session = requests.Session()
    [|session.verify = False|]
    return session.get(url, **SENDING)
""",
        ),
        Bad(
            """

import ssl
import urllib3

def pool():
    return urllib3.PoolManager(cert_reqs=[|ssl.CERT_NONE|])

def context():
    made = ssl.create_default_context()
    [|made.check_hostname = False|]
    return made
""",
        ),
        Bad("""
import pycurl
import socket
import ssl
from OpenSSL import SSL

[|ssl._create_default_https_context = ssl._create_unverified_context|]

def connect(host):
    return [|ssl.wrap_socket(socket.create_connection((host, 993)))|]

def prepare(context: SSL.Context):
    curl = pycurl.Curl()
    curl.setopt(pycurl.SSL_VERIFYPEER, [|0|])
    made = SSL.Context(SSL.TLS_CLIENT_METHOD)
    made.set_verify([|SSL.VERIFY_NONE|], None)
"""),
        Bad("""
import pymongo
from elasticsearch import Elasticsearch

def stores():
    yield pymongo.MongoClient("mongodb://db.example.com", tlsAllowInvalidCertificates=[|True|])
    yield Elasticsearch("https://es.example.com", verify_certs=[|False|])
"""),
    ],
    good=[
        """
import socket
import ssl

def certificate_of(host):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((host, 443), 5) as plain, context.wrap_socket(plain, server_hostname=host) as connection:
        return connection.getpeercert(True)
""",
        """
import requests
import ssl

class SSLIgnoreAdapter(requests.adapters.HTTPAdapter):
    def init_poolmanager(self, *given, **named):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        super().init_poolmanager(*given, ssl_context=context, **named)

    def send(self, request, **named):
        return super().send(request, **{**named, "verify": False})
""",
        """
import jwt
import requests
import ssl

def context(verified):
    if verified:
        return ssl.create_default_context()
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not verified:
        made.verify_mode = ssl.CERT_NONE
    return made

def fetch(url, token, verify, insecure):
    jwt.decode(token, verify=False)
    requests.get("https://localhost:8443/health", verify=False)
    requests.get(url, verify="/etc/ca.pem")
    unverified_context = ssl._create_unverified_context()
    if insecure:
        return requests.get(url, verify=False)
    return requests.get(url, verify=verify)
""",
        """

import requests

def fetch(url, bundle):
    session = requests.Session()
    session.verify = bundle
    return session.get(url, **{"verify": True})

def check(form, model):
    model.verify = False
    return form
""",
        """
import pycurl
import ssl
from OpenSSL import SSL

def prepare(connection):
    curl = pycurl.Curl()
    curl.setopt(pycurl.SSL_VERIFYPEER, 1)
    made = SSL.Context(SSL.TLS_CLIENT_METHOD)
    made.set_verify(SSL.VERIFY_PEER, None)
    return ssl.wrap_socket(connection, cert_reqs=ssl.CERT_REQUIRED)
""",
    ],
)

_CLIENTS = regex(r"^(?:requests|httpx|niquests|boto3|curl_cffi(?:\.requests)?)\.(?:\w+\.)*\w+$")
_SESSIONS = regex(r"(?:^|[._])(?:session|client|http|requests)$", re.IGNORECASE)
_ASKED = regex(r"insecure|verif|ssl|tls|cert|self_?signed|debug|localhost|is_dev|trust", re.IGNORECASE)
_NAMED = regex(r"insecure|unverified|no_verify|self_?signed", re.IGNORECASE)
_CLASSES = regex(
    r"insecure|self_?signed|(?:ignor|skip|disabl|bypass|without|un|no)(?:e|ing|d)?_?(?:ssl|tls|cert|verif)"
    r"|(?:ssl|tls|cert(?:ificate)?|verif\w*?)_?(?:ignor|skip|disabl|bypass|off)",
    re.IGNORECASE,
)
"""A class that is there for those who ask for it."""
_LOCAL = regex(r"localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]|unix:|169\.254")
_OPTIONS = regex(r"(?:^|\.)SSL_VERIFY(?:PEER|HOST)$")
_DATABASES = (
    ("pymongo.", "tlsAllowInvalidCertificates", True),
    ("motor.", "tlsAllowInvalidCertificates", True),
    ("elasticsearch.", "verify_certs", False),
    ("opensearchpy.", "verify_certs", False),
)
"""(beginning of what is called, keyword, what switches the check off)."""
_METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "request", "send", "stream")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Certificate checks that are switched off without anyone having asked for it."""
    reading = view.reading
    for call in reading.each(ast.Call):
        name = view.callee(call)
        if name == "ssl._create_unverified_context" and not _is_asked_for(reading, call):
            yield Hit(call, "This TLS context accepts any certificate.")
        elif (off := _other_switch(call, name)) is not None and not _is_excused(reading, call):
            yield Hit(off, "This accepts any certificate: whoever is in between reads and changes the traffic.")
        elif (
            constant(keyword(call, "verify")) in (False, 0)
            and keyword(call, "verify") is not None
            and _is_client(call, name)
            and not _is_excused(reading, call)
        ):
            message = "`verify=False` accepts any certificate: whoever is in between reads and changes the traffic."
            yield Hit(call, message, tuple(_fix(reading, call)))
    places: tuple[ast.Assign | ast.Dict, ...] = (*reading.each(ast.Assign), *reading.each(ast.Dict))
    for node in places:
        switch = _switched_off(view, node)
        if switch is not None and not _is_asked_for(reading, node):
            yield Hit(switch, "`verify` is switched off: whoever is in between reads and changes the traffic.")
    for it in reading.each(ast.Assign):
        is_name = any(isinstance(target, ast.Attribute) and target.attr == "check_hostname" for target in it.targets)
        if is_name and constant(it.value) is False and not _is_asked_for(reading, it) and "CERT_NONE" not in reading.unit.text:
            yield Hit(it, "A certificate of any host will do: whoever has one for another name stands in between.")
        is_mode = any(isinstance(target, ast.Attribute) and target.attr == "verify_mode" for target in it.targets)
        is_default = any(dotted(target) == "ssl._create_default_https_context" for target in it.targets)
        if is_default and dotted(it.value).endswith("_create_unverified_context") and not _is_asked_for(reading, it):
            yield Hit(it, "From here on every HTTPS request of the process accepts any certificate.")
        if is_mode and dotted(it.value) == "ssl.CERT_NONE" and not _is_asked_for(reading, it) and not _is_looked_at(reading):
            yield Hit(it, "`CERT_NONE` accepts any certificate: whoever is in between reads and changes the traffic.")


def _is_looked_at(reading: Reading) -> bool:
    """Whether the certificate is fetched to be looked at: who does takes any."""
    return "getpeercert" in reading.unit.text


def _other_switch(call: ast.Call, name: str) -> ast.expr | None:
    """What switches the check off in aiohttp, urllib3, pycurl, pyOpenSSL and sockets, None when nothing does."""
    if name.startswith("aiohttp.") and constant(said := keyword(call, "ssl") or keyword(call, "verify_ssl")) is False:
        return said
    if name == "ssl.wrap_socket" and constant(keyword(call, "server_side")) is not True:
        said = keyword(call, "cert_reqs") or (call.args[4] if len(call.args) > 4 else None)
        return call if said is None or dotted(said).endswith("CERT_NONE") else None
    if name == "OpenSSL.SSL.Context.set_verify" and call.args and dotted(call.args[0]).endswith("VERIFY_NONE"):
        return call.args[0]
    if name == "pycurl.Curl.setopt" and len(call.args) > 1 and _OPTIONS.search(dotted(call.args[0])):
        return call.args[1] if constant(call.args[1]) in (0, False) else None
    for module, option, value in _DATABASES:
        if name.startswith(module) and constant(said := keyword(call, option)) is value:
            return said
    if name.startswith("urllib3.") and (said := keyword(call, "cert_reqs")) is not None:
        is_none = constant(said) == "CERT_NONE" or dotted(said) == "ssl.CERT_NONE"
        return said if is_none else None
    return None


def _switched_off(view: View, node: ast.Assign | ast.Dict) -> ast.AST | None:
    """What says `session.verify = False`, or `{"verify": False}` among options that requests are sent with."""
    if isinstance(node, ast.Assign):
        target = node.targets[0]
        if constant(node.value) is not False or not isinstance(target, ast.Attribute) or target.attr != "verify":
            return None
        owner = view.name(target)
        return node if _CLIENTS.match(owner) or _SESSIONS.search(dotted(target.value)) else None
    if not view.project.uses(view.path, "requests", "httpx", "niquests"):
        return None
    rows = zip(node.keys, node.values, strict=True)
    return next(
        (value for key, value in rows if key is not None and constant(key) == "verify" and constant(value) is False), None
    )


def _is_client(call: ast.Call, name: str) -> bool:
    if name:
        return bool(_CLIENTS.match(name))
    return isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS and bool(_SESSIONS.search(dotted(call.func.value)))


def _is_asked_for(reading: Reading, node: ast.AST) -> bool:
    """Whether a condition around it, or a name it is given, says that someone chose this."""
    if _CLASSES.search(reading.unit.scope):
        return True
    for up in reading.ancestors(node):
        if isinstance(up, ast.If | ast.IfExp) and _ASKED.search(ast.unparse(up.test)):
            return True
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef) and _NAMED.search(up.name):
            return True
        if isinstance(up, ast.Assign) and any(_NAMED.search(dotted(it)) for it in up.targets):
            return True
    return isinstance(node, ast.Assign) and any(_NAMED.search(dotted(it)) for it in node.targets)


def _is_excused(reading: Reading, call: ast.Call) -> bool:
    """Whether someone chose this, or it talks to its own machine."""
    return _is_asked_for(reading, call) or bool(_LOCAL.search(reading.source(call)))


def _fix(reading: Reading, call: ast.Call) -> Iterator[Draft]:
    source = reading.source(call)
    text, count = re.subn(r",\s*verify\s*=\s*False(?=\s*[,)])|(?<=\()\s*verify\s*=\s*False\s*(?:,\s*|(?=\)))", "", source)
    if count == 1:
        yield Draft("Check the certificate", (Change(call, text),))
