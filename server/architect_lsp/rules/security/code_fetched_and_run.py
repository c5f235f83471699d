"""Code is fetched from another machine and run, and nothing says that it is the right code.

Why: whoever holds that machine, its name, or, over plain HTTP, any network on the way, runs what they like here.
Instead: pin what is run, by its version and a digest in the source, or ship it with the program.

    code = httpx.get(URL, timeout=30).content
    if hashlib.sha256(code).hexdigest() != DIGEST:
        raise ValueError("not the agent we know")

Tests: serve other bytes, and expect that nothing is run.
Security: CWE-494.
Source: https://cwe.mitre.org/data/definitions/494.html
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
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["D4"],
    cwe=494,
    needs=["exec", "eval", "urlretrieve", "curl", "wget"],
    bad=[
        Bad("""
import requests
import subprocess
import urllib.request

def rules():
    code = requests.get("https://rules.example.com/rules.py", timeout=5).text
    scope = {}
    exec([|code|], scope)
    return scope["RULES"]

def update():
    urllib.request.urlretrieve([|"http://updates.example.org/agent.py"|], "/opt/agent/agent.py")
    subprocess.run(["python3", "/opt/agent/agent.py"], check=True)

def install():
    subprocess.run([|"curl -s http://get.example.org/install.sh | sh"|], shell=True, check=True)
"""),
    ],
    good=[
        """
import requests
import urllib.request

def rules():
    return requests.get("https://rules.example.com/rules.json", timeout=5).json()

def picture():
    urllib.request.urlretrieve("http://pictures.example.org/cat.png", "cat.png")

def update(digest):
    urllib.request.urlretrieve("http://updates.example.org/agent.py", "agent.py")
    check_sha256("agent.py", digest)
""",
    ],
)

_FETCHED = regex(
    r"^(?:requests|httpx|urllib\d?|aiohttp|http\.client)\.(?:[\w.]+\(\))+(?:\.(?:text|content|data|body|read\(\)|decode\(\)))*$"
)
_RUNS = ("builtins.exec", "builtins.eval", "builtins.compile")
_PROGRAM = regex(r"^http://(?!localhost|127\.)\S+\.(?:py|sh|exe|bin|deb|rpm|whl|jar|msi|pkg|so|dll|run|ps1|bat)$", re.IGNORECASE)
_PIPED = regex(r"\b(?:curl|wget)\b[^|;&]*\bhttp://[^|;&]*\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b")
_PROVES = regex(r"sha\d+|digest|checksum|signature|verify|gpg", re.IGNORECASE)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Answers that are run as code, programs that come over plain HTTP, and scripts that are piped into a shell."""
    for call in view.reading.each(ast.Call):
        if not call.args:
            continue
        first = call.args[0]
        last = call.func.attr if isinstance(call.func, ast.Attribute) else dotted(call.func)
        if last in ("exec", "eval", "compile") and view.callee(call) in _RUNS:
            names = [it.name for it in view.parts(first, "code") if not isinstance(it, str) and it.kind == "call"]
            if any(_FETCHED.match(it) for it in names) and not _is_proven(view, call):
                yield Hit(first, "Whoever holds that server runs what they like here: ship the code, or check its digest.")
        elif last == "urlretrieve" and _PROGRAM.match(str(constant(first))) and not _is_proven(view, call):
            yield Hit(first, "A program that comes over plain HTTP is any network's on the way: use HTTPS, and check its digest.")
        elif (
            isinstance(first, ast.Constant)
            and _PIPED.search(str(first.value))
            and (last in ("system", "popen") or constant(keyword(call, "shell")) is True)
        ):
            yield Hit(first, "A script that comes over plain HTTP is any network's on the way: use HTTPS, and check its digest.")


def _is_proven(view: View, call: ast.Call) -> bool:
    """Whether the function speaks of a digest or a signature."""
    function = view.reading.function(call)
    return function is not None and bool(_PROVES.search(view.reading.source(function)))
