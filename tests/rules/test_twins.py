"""Of each pair of programs one hands a request's value to a sink and one does not: the rule tells them apart.

The shapes are ways in which a value comes to a sink, or almost does; each is tried with several sinks.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from architect_lsp.engine import Workspace
from architect_lsp.settings import Settings

SINKS = {
    "sql-injection": "cursor.execute(f\"SELECT * FROM users WHERE name = '{bar}'\")",
    "command-injection": "os.system(f'echo {bar}')",
    "path-traversal": "open(f'/srv/{bar}')",
    "code-injection": "eval(bar)",
    "open-redirect": "return redirect(bar)",
    "server-side-request-forgery": "requests.get(bar, timeout=5)",
    "xpath-injection": "root.xpath(f\"//user[@name='{bar}']\")",
    "ldap-injection": "connection.search('dc=example', f'(uid={bar})')",
    "cross-site-scripting": "return f'<p>{bar}</p>'",
    "template-injection": "return render_template_string(bar)",
}

HEAD = """
import base64, configparser, html, io, os, random, shlex
from urllib.parse import unquote_plus
import requests
from flask import Flask, redirect, render_template_string, request
from app import helpers

app = Flask(__name__)

@app.route("/x", methods=["POST"])
def handler(cursor, root, connection):
    param = request.form.get("name")
    if not param:
        param = ""
"""

HELPERS = """
import html

class Wrapper:
    def __init__(self, request):
        self.request = request

    def field(self, name):
        value = self.request.form.get(name)
        return value if value else ""

    def fixed(self, name):
        return "constant"

class Thing:
    def act(self, value):
        return value

    def drop(self, value):
        return "fixed"

def thing():
    return Thing()

def through(value):
    parts = []
    for it in value.split(" "):
        parts.append(it)
    return " ".join(parts)

def number(value):
    return str(int(value))

def deeper(value):
    return through(through(value))

def chosen(value):
    names = {"a": "first", "b": "second"}
    return names.get(value, "first")

def keyed(value):
    held = {"kept": "safe", "other": value}
    return held["kept"]
"""

CONFIG = "c = configparser.ConfigParser()\nc.add_section('s')\nc.set('s', 'a', 'no')\nc.set('s', 'b', param)\n"
MATCH = """kinds = 'ABC'
k = kinds[1]
match k:
    case 'A':
        bar = {}
    case 'B':
        bar = {}
    case 'C' | 'D':
        bar = {}
    case _:
        bar = 'x'
"""

UNSAFE = {
    "as it is": "bar = param",
    "query string": "bar = request.query_string.decode('utf-8')",
    "header": "bar = request.headers.get('X-Name')",
    "cookie": "bar = unquote_plus(request.cookies.get('name', ''))",
    "list of a field": "bar = request.form.getlist('name')[0]",
    "names of fields": "bar = ''\nfor it in request.form.keys():\n    if 'x' in request.form.getlist(it):\n        bar = it",
    "map": "held = {}\nheld['a'] = 'no'\nheld['b'] = param\nbar = held['b']",
    "map overwritten back": "held = {'a': 'no'}\nbar = held['a']\nheld['a'] = param\nbar = held['a']",
    "list": "held = []\nheld.append('safe')\nheld.append(param)\nheld.append('more')\nheld.pop(0)\nbar = held[0]",
    "list insert": "held = ['a']\nheld.insert(0, param)\nbar = held[0]",
    "config": CONFIG + "bar = c.get('s', 'b')",
    "builder": "out = io.StringIO()\nout.write(param)\nout.write('a')\nbar = out.getvalue()",
    "encoded and back": "bar = base64.b64decode(base64.b64encode(param.encode('utf-8'))).decode('utf-8')",
    "format": "bar = 'a {} b'.format(param)[2:]",
    "f-string grown": "text = f'help{param}'\ntext += 'snapes on a plane'\nbar = text[4:-17]",
    "condition that holds": "n = 86\nif 7 * 42 - n > 200:\n    bar = param\nelse:\n    bar = 'never'",
    "conditional expression": "n = 106\nbar = 'never' if 7 * 18 + n < 200 else param",
    "match": MATCH.format("'no'", "param", "'no'"),
    "loop": "bar = ''\nfor letter in param:\n    bar += letter",
    "walrus": "if (bar := param):\n    pass",
    "unpacked": "first, bar = 'no', param",
    "unpacked list": "held = ['no', param]\nfirst, bar = held",
    "helper": "bar = helpers.through(param)",
    "helper of helper": "bar = helpers.deeper(param)",
    "object": "bar = helpers.thing().act(param)",
    "object in a name": "it = helpers.thing()\nbar = it.act(param)",
    "wrapper": "wrapped = helpers.Wrapper(request)\nbar = wrapped.field('name')",
    "inner function": "def inner(value):\n    return value.strip()\nbar = inner(param)",
    "lambda": "turn = lambda value: value + ''\nbar = turn(param)",
    "tried": "try:\n    bar = param.strip()\nexcept ValueError:\n    bar = ''",
    "dict of it": "bar = dict(a='no', b=param)['b']",
    "comprehension": "bar = ''.join([it for it in param])",
    "replaced": "bar = param.replace('a', 'b')",
    "json": "bar = request.get_json()['name']",
}

SAFE = {
    "constant": "bar = 'constant'",
    "overwritten": "bar = param\nbar = 'constant'",
    "other key": "held = {}\nheld['a'] = 'no'\nheld['b'] = param\nbar = held['b']\nbar = held['a']",
    "other element": "held = []\nheld.append('safe')\nheld.append(param)\nheld.append('more')\nheld.pop(0)\nbar = held[1]",
    "element before an insert": "held = ['a', param]\nheld.insert(0, 'b')\nbar = held[1]",
    "other config": CONFIG + "bar = c.get('s', 'a')",
    "condition that never holds": "n = 106\nif 7 * 42 - n > 200:\n    bar = param\nelse:\n    bar = 'never'",
    "conditional expression": "n = 106\nbar = 'always' if 7 * 18 + n > 200 else param",
    "match": MATCH.format("param", "'bob'", "param"),
    "unpacked": "bar, other = 'no', param",
    "unpacked list": "held = ['no', param]\nbar, other = held",
    "helper that keeps to itself": "bar = helpers.thing().drop(param)",
    "helper of another key": "bar = helpers.keyed(param)",
    "looked up": "bar = helpers.chosen(param)",
    "number": "bar = int(param)",
    "number by a helper": "bar = helpers.number(param)",
    "wrapper": "wrapped = helpers.Wrapper(request)\nbar = wrapped.fixed('name')",
    "allow list": "if param not in ('a', 'b'):\n    return 'no'\nbar = param",
    "allow list around": "bar = 'a'\nif param in ('a', 'b'):\n    bar = param",
    "digits": "if not param.isdigit():\n    return 'no'\nbar = param",
    "inner function": "def inner(value):\n    return 'x'\nbar = inner(param)",
    "dict of it": "bar = dict(a='no', b=param)['a']",
    "length": "bar = str(len(param))",
    "compared": "bar = 'yes' if param == 'x' else 'no'",
    "deleted": "held = {'a': param}\nheld['a'] = 'no'\nbar = held['a']",
}


def found(shape: str, rule: str) -> bool:
    """Whether the rule speaks about the program of this shape."""
    code = HEAD + textwrap.indent(f"{shape}\n{SINKS[rule]}\n", "    ")
    workspace = Workspace(Path("/project"), Settings())
    workspace.open("app/helpers.py", HELPERS)
    workspace.open("app/__init__.py", "")
    document = workspace.open("app/views.py", code) or workspace.documents["app/views.py"]
    checked = workspace.check(document)
    assert checked.broken == ()
    assert checked.unread == 0, code
    return any(it.rule == rule for it in checked.findings)


@pytest.mark.parametrize("rule", SINKS)
@pytest.mark.parametrize("shape", UNSAFE)
def test_the_value_of_a_request_is_found(shape: str, rule: str) -> None:
    assert found(UNSAFE[shape], rule), "missing"


@pytest.mark.parametrize("rule", SINKS)
@pytest.mark.parametrize("shape", SAFE)
def test_the_safe_twin_is_not(shape: str, rule: str) -> None:
    assert not found(SAFE[shape], rule), "noisy"
