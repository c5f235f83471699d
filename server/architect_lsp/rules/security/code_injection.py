"""A value from outside is run as code.

Why: `eval`, `exec` and their kin give whoever writes the text everything the program may do. Taking names out of the namespace
does not help: any object leads back to all others.
Instead: parse the one thing that is meant, or look it up among what is allowed.

    OPERATIONS = {"sum": sum, "max": max}

    def run(name: str, values: list[float]) -> float:
        try:
            operation = OPERATIONS[name]
        except KeyError as error:
            raise HTTPException(422, f"no operation {name!r}") from error
        return operation(values)

Consequences: no test can say what the program does, since part of it arrives later.
Trade-offs: `ast.literal_eval` reads literals only (bound the size of its input); rules that users write need a small language of
their own, or a process without rights and network.
Tests: send `__import__('os').system('touch /tmp/canary')` and assert that it is refused.
Security: running any code as the service.
Observability: count refused expressions by user.
Source: CWE-94; CWE-95; https://docs.python.org/3/library/functions.html#eval
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.exposures import Exposure
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.knowledge.sources import is_terminal
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["A2", "D4"],
    cwe=94,
    equivalents=["S307", "S102", "B307", "B102"],
    bad=[
        Bad("""
from flask import Flask, request

app = Flask(__name__)

@app.post("/calculate")
def calculate():
    formula = request.form["formula"].strip()
    return str(eval([|formula|], {"__builtins__": {}}))
"""),
        Bad("""
import importlib

def report(request, kind):
    module = importlib.import_module([|"reports." + request.GET["kind"]|])
    return getattr(module, [|request.GET["call"]|])()
"""),
        Bad("""
def main():
    print(eval([|input("> ")|]))
"""),
        Bad("""
import logging.config
from xmlrpc.server import SimpleXMLRPCServer

def serve(api):
    [|logging.config.listen(9999)|].start()
    server = SimpleXMLRPCServer(("localhost", 8000))
    [|server.register_instance(api, allow_dotted_names=True)|]

def handler(event, context):
    exec([|event["script"]|])
"""),
        Bad("""
def dispatch(request):
    return [|globals()[request.GET["action"]]|](request)
"""),
        Bad("""
import os
import socket
from flask import request
from shop import builders

def configure():
    for key, value in request.form.items():
        [|os.environ[key]|] = value

def built():
    maker = getattr(builders, [|request.args["kind"]|])
    return maker()

def serve():
    with socket.create_server(("127.0.0.1", 9000)) as server:
        connection, _ = server.accept()
        text = connection.recv(1024).decode()
        connection.sendall(str(eval([|text|])).encode())
"""),
    ],
    good=[
        """
import ast
from flask import abort, request

FIELDS = {"name": 1}

def calculate():
    value = ast.literal_eval(request.form["value"])
    name = request.form["name"]
    if name not in FIELDS:
        abort(400)
    total = eval("1 + 1")
    getattr(value, request.form["field"])
    getattr(value, "do_%s" % request.form["action"].lower())(total)
    return eval(name), total

def build(source):
    exec(compile(source, "<made>", "exec"))
""",
        """
from flask import request

def text():
    word = request.args["word"]
    if not word.startswith("'") or not word.endswith("'") or "'" in word[1:-1]:
        return "a plain string, please"
    return eval(word)
""",
        """
import logging.config
from xmlrpc.server import SimpleXMLRPCServer
from shop.signing import opened

def serve(api):
    logging.config.listen(9999, verify=opened).start()
    SimpleXMLRPCServer(("localhost", 8000)).register_instance(api)
""",
        """
import datetime

def default_of(field):
    print(f"Enter the default of {field} as Python; `datetime` is there.")
    while True:
        code = input(">>> ")
        try:
            return eval(code, {}, {"datetime": datetime})
        except NameError as error:
            print(error)
""",
        """
import aiohttp
from fastapi import FastAPI

async def loaded(request, function=None):
    exec(function.content)
""",
        """
from django.conf import settings
from django.utils.module_loading import import_string

ACTIONS = {"show": print}
SessionStore = import_string(f"{settings.SESSION_ENGINE}.SessionStore")

def get_class(name):
    return import_string(settings.LOADER)(name)

SearchForm = get_class("SearchForm")

class Search:
    form_class = SearchForm

    def get(self, request):
        return self.form_class(request.GET)

def loaded(request):
    return SessionStore(request.POST.get("session")).load()

def dispatch(request):
    return ACTIONS[request.GET["action"]](request)
""",
        """
import os
from flask import request

def configure():
    os.environ["THEME"] = "dark" if request.form["theme"] == "dark" else "light"
""",
        """
import argparse
import importlib

def main():
    options = argparse.ArgumentParser().parse_args()
    module = importlib.import_module(options.module)
    run = getattr(module, options.function)
    return run()
""",
    ],
)


_CHOOSE = ("getattr", "import_module", "__import__", "import_string", "locate")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls that run text which someone outside wrote."""
    for it in view.exposures("code", terminal=True):
        if (it.origin.name.startswith("sys.stdin") or _is_console(it)) or (
            it.sink.endswith("getattr") and (not _is_called(view, it.call) or _is_prefixed(view, it.argument))
        ):
            continue
        if is_terminal(it.origin) and it.sink.endswith(_CHOOSE):
            continue  # who starts a program may say which module it loads
        if it.sink.endswith(_CHOOSE) and not it.steps and dotted(it.call.func).rpartition(".")[2] not in _CHOOSE:
            continue  # what was loaded before is called, and loads nothing
        what = "chooses what is called" if it.sink.endswith(_CHOOSE) else "is run as code"
        yield Hit(
            it.argument,
            f"`{it.source}` {what} by `{it.used_by}`; look it up among what is allowed.",
            (),
            it.steps,
        )
    yield from _opened(view)
    yield from _environment(view)
    yield from _looked_up(view)


def _is_console(exposure: Exposure) -> bool:
    """Whether who sits before the terminal is asked for code on purpose: what it may name is given with it."""
    if not is_terminal(exposure.origin) or exposure.used_by not in ("eval", "exec"):
        return False
    given = (each for it in exposure.call.args[1:] if isinstance(it, ast.Dict) for each in it.keys if each is not None)
    return any(constant(it) != "__builtins__" for it in given)


def _looked_up(view: View) -> Iterator[Hit]:
    """Functions that are called by a name from outside, of all that the module holds."""
    for call in view.reading.each(ast.Call):
        held = call.func.value if isinstance(call.func, ast.Subscript) else None
        if (
            isinstance(held, ast.Call)
            and dotted(held.func) in ("globals", "locals", "vars")
            and isinstance(call.func, ast.Subscript)
        ):
            origin = view.untrusted(call.func.slice, "code")
            if origin is not None:
                yield Hit(
                    call.func, f"`{origin.name}` chooses what is called, of all the module holds; keep a table of what may be."
                )


def _environment(view: View) -> Iterator[Hit]:
    """Variables of the environment that a client names: `PATH`, `LD_PRELOAD` and others decide what programs run."""
    for node in view.reading.each(ast.Assign):
        target = node.targets[0]
        if (
            isinstance(target, ast.Subscript)
            and dotted(target.value) == "os.environ"
            and not isinstance(target.slice, ast.Constant)
        ):
            origin = view.untrusted(target.slice, "code")
            if origin is not None and not is_terminal(origin):
                yield Hit(target, f"`{origin.name}` names the variable: `PATH` or `LD_PRELOAD` decide what programs run.")


def _opened(view: View) -> Iterator[Hit]:
    """Servers that run what anyone who reaches their port sends."""
    for call in view.reading.each(ast.Call):
        last = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if last == "listen" and view.callee(call) == "logging.config.listen" and keyword(call, "verify") is None:
            yield Hit(call, "A logging configuration names what is called: whoever reaches the port runs code; pass `verify`.")
        elif last == "register_instance" and any(
            constant(it) is True for it in (keyword(call, "allow_dotted_names"), *call.args[1:])
        ):
            yield Hit(call, "`allow_dotted_names` lets clients reach the module's globals through the object, and run code.")


def _is_prefixed(view: View, argument: ast.expr) -> bool:
    """Whether the name begins with a text of the program's own, which confines it to what is meant to be chosen: `do_...`."""
    begin = next(iter(view.parts(argument, "code")), None)
    return isinstance(begin, str) and len(begin) > 2


def _is_called(view: View, call: ast.Call) -> bool:
    """Whether what the call gives is called, at once or by the name it is kept under."""
    up = view.reading.parent(call)
    if isinstance(up, ast.Assign) and len(up.targets) == 1 and isinstance(up.targets[0], ast.Name):
        name = up.targets[0].id
        inside = view.reading.within(view.reading.function(call))
        return any(isinstance(it, ast.Call) and isinstance(it.func, ast.Name) and it.func.id == name for it in inside)
    return isinstance(up, ast.Call) and up.func is call
