"""A text that says "False" stands where a boolean is asked for, and is true.

Why: any text that is not empty is true: `bool("False")`, `required="False"`, `if os.getenv("DEBUG", "false"):`. The switch
can only be on.
Instead: write the boolean, or compare the text.

    DEBUG = os.getenv("DEBUG", "false").lower() == "true"

Consequences: what was to be off is on, and turning it off changes nothing.
Tests: start with the switch off, and assert that it is.
Security: debugging, or a check that is to be skipped in development alone, stays on in production.
Source: https://docs.python.org/3/library/stdtypes.html#truth-value-testing
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.reading import Reading, constant, dotted, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Change, Draft, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["E1", "D4"],
    cwe=704,
    needs=['"False"', "'False'", '"false"', "'false'", '"0"', "'0'", '"no"', "'no'", "type=bool"],
    bad=[
        Bad(
            """
from django import forms

class Filter(forms.Form):
    used = forms.NullBooleanField(required=[|"False"|])
""",
            fixed="""
from django import forms

class Filter(forms.Form):
    used = forms.NullBooleanField(required=False)
""",
        ),
        Bad("""
import os
import requests

DEBUG = [|os.getenv("DEBUG", "False")|]
STRICT = bool([|os.environ.get("STRICT", "false")|])

def fetch(url):
    if [|os.environ.get("OFFLINE", "0")|] or not [|os.getenv("NET", "no")|]:
        return None
    return requests.get(url, verify=[|"False"|], timeout=5)
"""),
        Bad("""
import argparse
from flask import Flask, request

app = Flask(__name__)
parser = argparse.ArgumentParser()
parser.add_argument("--reload", type=[|bool|], default=True)

@app.get("/rows")
def rows():
    return {"all": request.args.get("all", False, type=[|bool|])}
"""),
    ],
    good=[
        """
import os
import click
from django import forms

DEBUG = os.getenv("DEBUG", "False") == "True"
TRACE = os.getenv("TRACE", "false").lower() in ("1", "true")
LEVEL = os.getenv("LEVEL", "0")
STEPS = int(os.getenv("STEPS", "0") or 1)
VERBOSE = bool(int(os.getenv("VERBOSE", "0")))
NAME = os.getenv("NAME") or os.getenv("NICK", "no")

class Filter(forms.Form):
    used = forms.CharField(required=False, initial="False", help_text="no")

@click.option("--reload", type=bool)
def run(reload, settings):
    if os.getenv("PROXY", ""):
        return settings.get("all", as_type=bool)
    DEBUG = os.getenv("DEBUG", "False")
    return DEBUG == "True"
""",
    ],
)

_OFF = frozenset(("false", "no", "off", "0"))
_SWITCHES = frozenset(
    (
        *(
            "required",
            "null",
            "blank",
            "unique",
            "verify",
            "shell",
            "debug",
            "read_only",
            "write_only",
            "allow_null",
            "allow_blank",
        ),
        *("nullable", "primary_key", "db_index", "use_reloader", "editable", "secure", "httponly", "autocommit", "echo", "many"),
        *("follow_redirects", "allow_redirects", "verify_ssl", "check_same_thread", "trust_env", "use_ssl", "deprecated"),
    )
)
"""Parameters that are booleans wherever libraries have them."""
_READS = ("os.getenv", "os.environ.get", "environ.get", "getenv")
_DJANGO = frozenset(
    (
        *("DEBUG", "TESTING", "USE_TZ", "SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "EMAIL_USE_TLS"),
        *("EMAIL_USE_SSL", "CORS_ALLOW_ALL_ORIGINS", "CORS_ORIGIN_ALLOW_ALL", "CORS_ALLOW_CREDENTIALS", "SECURE_HSTS_PRELOAD"),
        *("SESSION_COOKIE_HTTPONLY", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "CELERY_TASK_ALWAYS_EAGER"),
    )
)
"""Settings that frameworks take for booleans as they are."""


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Texts of "False" as booleans, and conversions that take any text for true."""
    reading = view.reading
    for call in reading.each(ast.Call):
        for it in call.keywords:
            text = constant(it.value)
            if it.arg in _SWITCHES and isinstance(text, str) and text.lower() in _OFF and _is_python(view, call, text):
                fix = Draft("Write the boolean", (Change(it.value, "False"),))
                yield Hit(it.value, f'`{it.arg}="{text}"` is true: a text that is not empty always is.', (fix,))
        given = keyword(call, "type")
        if isinstance(given, ast.Name) and given.id == "bool" and _converts(call):
            yield Hit(given, '`bool` takes any text for true, "False" too.')
        text = constant(call.args[1]) if dotted(call.func) in _READS and len(call.args) == 2 else None
        if isinstance(text, str) and text.lower() in _OFF and (_is_asked(reading, call) or _is_setting(reading, call)):
            yield Hit(call, f'`"{text}"` is true: a text that is not empty always is. Compare it.')


def _is_python(view: View, call: ast.Call, text: str) -> bool:
    """Whether the call takes Python's booleans: one of a library, or one that is given the way Python spells them."""
    return text == "False" or bool(view.callee(call))


def _converts(call: ast.Call) -> bool:
    """`parser.add_argument(type=bool)` and `request.args.get(name, type=bool)`, which call it with a text."""
    if not isinstance(call.func, ast.Attribute):
        return False
    held = dotted(call.func.value).rpartition(".")
    return call.func.attr == "add_argument" or (
        call.func.attr == "get" and held[2] in ("args", "form", "values") and "request" in held[0]
    )


def _is_asked(reading: Reading, call: ast.Call) -> bool:
    """Whether the text itself is what a condition or `bool` asks."""
    below: ast.AST = call
    for up in reading.ancestors(call):
        if isinstance(up, ast.UnaryOp):
            return isinstance(up.op, ast.Not)
        if isinstance(up, ast.If | ast.While | ast.IfExp | ast.Assert):
            return up.test is below
        if isinstance(up, ast.Call):
            return dotted(up.func) == "bool" and below in up.args
        if not isinstance(up, ast.BoolOp):
            return False
        below = up
    return False


def _is_setting(reading: Reading, call: ast.Call) -> bool:
    """Whether it becomes a setting of a framework at the top of a module, which nothing there compares."""
    row = reading.parent(call)
    if not isinstance(row, ast.Assign) or reading.function(call) is not None or not isinstance(row.targets[0], ast.Name):
        return False
    name = row.targets[0].id
    compared = (
        it for it in reading.each(ast.Compare) if any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(it))
    )
    return name in _DJANGO and next(compared, None) is None and f"{name}." not in "\n".join(reading.parsed.lines)
