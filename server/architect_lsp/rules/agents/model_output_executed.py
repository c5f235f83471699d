"""What a model wrote is executed as it is.

Why: a model's text is chosen by whoever wrote the text it read: a web page, a mail, a file, a user. Handed to a shell, an
interpreter, a database or a file name, that text runs with the rights of the service.
Instead: let the model choose among your own functions and values, check each one, and run code only where it can do no harm.

    REPORTS = {"by_day": "SELECT day, total FROM sales WHERE shop = :shop"}

    def run_report(choice: ReportChoice, shop: int) -> list[Row]:
        try:
            return session.execute(text(REPORTS[choice.name]), {"shop": shop}).all()
        except KeyError as error:
            raise ToolError(f"no report {choice.name!r}") from error

Consequences: a sentence in a document becomes a command on your machine, and the log shows only the service's own account.
Trade-offs: where free code or SQL is the product, a sandbox without network and secrets, a read-only account with a row limit,
or a person's approval of each command keeps the freedom and bounds the harm.
Tests: script a model that answers `rm -rf /tmp/canary` or `DROP TABLE users` and assert that the tool refuses.
Security: this turns prompt injection into remote code execution.
Observability: log each command with the run it came from, before it starts; alert on refused ones.
Source: OWASP LLM05:2025 Improper Output Handling; CWE-94
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.catalogue import asks_models
from architect_lsp.knowledge.facts import Facts
from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.reading import constant, dotted, keyword
from architect_lsp.knowledge.request_handlers import is_handler
from architect_lsp.knowledge.running import CODE, PROCESSES, REMOVERS, SHELLS, is_interpreter, is_writing, names_of_path
from architect_lsp.knowledge.sources import is_model_output, parts
from architect_lsp.knowledge.streams import described
from architect_lsp.knowledge.symbols import Ref
from architect_lsp.knowledge.wording import says
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    rows=["C4", "D4"],
    yields_to=["dangerous-tool-unguarded", "tool-path-unconfined"],
    cwe=94,
    needs=["("],
    bad=[
        Bad("""
import subprocess
import anthropic

client = anthropic.Anthropic()

def handle(messages):
    answer = client.messages.create(model="m", max_tokens=1024, messages=messages)
    for block in answer.content:
        if block.type == "tool_use" and block.name == "shell":
            subprocess.run([|block.input["command"]|], shell=True)
        if block.type == "tool_use" and block.name == "write":
            with open([|block.input["path"]|], "w") as file:
                file.write(block.input["text"])
"""),
        Bad("""
from openai import OpenAI

client = OpenAI()

def calculate(question):
    answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": question}])
    return eval([|answer.choices[0].message.content.strip()|])
"""),
        Bad("""
-- app/agent.py --
from app.tools import run_sql

def use(block, connection):
    if block.name == "run_sql":
        return run_sql(connection, [|block.input["query"]|])
-- app/tools.py --
def run_sql(connection, query):
    cursor = connection.cursor()
    cursor.execute(query)
    return cursor.fetchall()
"""),
        Bad("""
import os
from langchain_core.tools import tool

@tool
def terminal(command: str) -> str:
    \"\"\"Run a command.\"\"\"
    return os.popen([|command|]).read()
"""),
        Bad("""
import json
from pathlib import Path
import requests
from jinja2 import Template
from openai import OpenAI

client = OpenAI()

def ask(prompt):
    return client.responses.create(model="m", input=prompt).output_text

def build(prompt):
    try:
        file = json.loads(ask(prompt))
    except ValueError:
        return None
    Path([|file["path"]|]).write_text(file["text"])
    page = requests.get([|file["url"]|], timeout=5)
    return Template([|file["template"]|]).render(page=page)
"""),
        Bad("""
import asyncio
import subprocess
from fastapi.responses import HTMLResponse
from mcp.server.lowlevel import Server
from openai import OpenAI

server = Server("ops")
client = OpenAI()

@server.call_tool()
async def call_tool(name: str, arguments: dict) -> list:
    return [await asyncio.to_thread(subprocess.getoutput, [|arguments["command"]|])]

def draft(topic):
    title = client.responses.create(model="m", input=topic).output_text
    path = OUT / [|f"{title}.md"|]
    path.write_text(topic)

def page(topic):
    answer = client.responses.create(model="m", input=topic)
    return HTMLResponse([|f"<article>{answer.output_text}</article>"|])
"""),
        Bad("""
import requests
import sqlite3
from google.adk.agents import LlmAgent
from langchain_core.tools import BaseTool
from llama_index.core.tools import FunctionTool

def fetch(url: str) -> str:
    return requests.get([|url|], timeout=5).text

def query(sql: str) -> list:
    with sqlite3.connect("sales.db") as connection:
        return connection.execute([|sql|]).fetchall()

class PythonTool(BaseTool):
    name: str = "python"

    def _run(self, code: str) -> str:
        return str(eval([|code|]))

agent = LlmAgent(name="reader", model="m", tools=[fetch])
tool = FunctionTool.from_defaults(fn=query)
"""),
        Bad("""
import subprocess
import gradio
from langchain_openai import ChatOpenAI

llm = ChatOpenAI()

def write(state: State) -> dict:
    return {"code": llm.invoke(state["task"]).content, "tries": 1}

def run(state: State) -> dict:
    subprocess.run(["python", "-c", [|state["code"]|]], timeout=9)
    subprocess.run(["python", "-c", state["check_code"]], timeout=9)
    return {"result": gradio.HTML([|llm.invoke(state["task"]).content|])}
"""),
        Bad("""
from fastapi.responses import RedirectResponse, StreamingResponse
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import PromptTemplate
from langchain_openai import ChatOpenAI

to_sql = PromptTemplate.from_template("SQL for: {question}") | ChatOpenAI() | StrOutputParser()
model = ChatOpenAI()

def ask(connection, question):
    return connection.execute([|to_sql.invoke({"question": question})|]).fetchall()

def help(question):
    to_address = PromptTemplate.from_template("The page on {question}") | model | StrOutputParser()
    return RedirectResponse([|to_address.invoke({"question": question})|])

async def written(question):
    async for chunk in model.astream(question):
        yield chunk.content

def page(question):
    return StreamingResponse([|written(question)|], media_type="text/html")
"""),
    ],
    good=[
        """
import html
from pathlib import Path
import requests
from fastapi.responses import HTMLResponse
from flask import Response
from openai import OpenAI

client = OpenAI()

def page(topic):
    answer = client.responses.create(model="m", input=topic)
    return HTMLResponse(f"<article>{html.escape(answer.output_text)}</article>")

def text(topic):
    return Response(client.responses.create(model="m", input=topic).output_text, mimetype="text/plain")

def ask(prompt):
    return client.responses.create(model="m", input=prompt).output_text

def build(prompt):
    Path("page.txt").write_text(ask(prompt))
    return requests.get("https://api.example/search", params={"q": ask(prompt)}, timeout=5)

def look(prompt):
    return requests.get(f"https://api.example/items/{ask(prompt)}", timeout=5)
""",
        """
import shlex
import subprocess
import anthropic

client = anthropic.Anthropic()
ALLOWED = {"ls", "pwd"}

def handle(messages):
    answer = client.messages.create(model="m", max_tokens=1024, messages=messages)
    command = answer.content[0].text
    if command not in ALLOWED:
        raise ValueError(command)
    subprocess.run(command, shell=True)
    subprocess.run(["grep", answer.content[0].text, "notes.txt"])
    subprocess.run([])
    subprocess.run("grep " + shlex.quote(answer.content[0].text), shell=True)
""",
        """
-- app/agent.py --
from app.tools import find_user

def use(block, connection):
    return find_user(connection, block.input["name"])
-- app/tools.py --
def find_user(connection, name):
    return connection.execute("SELECT * FROM users WHERE name = ?", (name,)).fetchall()
""",
    ],
)

_DOES = {"code": "code", "command": "a shell command", "sql": "SQL"}
_SQL = ("execute", "executescript", "exec_driver_sql", "read_sql", "read_sql_query")
_CONFINED = regex(
    r"is_relative_to|relative_to|commonpath|commonprefix|resolve|realpath|abspath|startswith|safe|workspace|\.\.|base_dir|root_dir|basename"
)
_THREADS = {"to_thread": 0, "run_sync": 0, "run_in_threadpool": 0, "run_in_executor": 1}
"""Calls that run a function in a thread, and which of their arguments it is."""
_LAST = frozenset(it.rpartition(".")[2] for it in (*CODE, *SHELLS, *PROCESSES, *_SQL, *REMOVERS, "open"))
_REACHED = {
    "url": "an address to ask",
    "redirect": "an address to send the browser to",
    "template": "a template",
    "html": "markup of a page",
}
_WHOLE = ("SQL", "an address to ask", "an address to send the browser to", "a template")
"""Uses that are told only where no text of ours stands around it."""
_TAG = regex(r"<[a-zA-Z!/]")
_OTHERS = ("import_module", "markdown", "write", "StreamingResponse")
_PAGES = regex(r"\.(?:HTMLResponse|mark_safe|SafeString|SafeText|Markup|HTML|html|DangerouslySetInnerHTML)$")
"""Calls that take any text for markup; others do where tags stand around it."""
_WRITERS = ("write_text", "write_bytes", "unlink", "rmdir")
_HOSTS = regex(r"urlparse|urlsplit|hostname|netloc|ipaddress|startswith|allowed_(?:hosts|domains)", re.IGNORECASE)
_GUARDED = regex(
    r"approv|confirm|sandbox|allow(?:ed|_?list)|whitelist|permission|human|restrict|is_safe|denied|deny|dry_run|docker|container|e2b|validat",
    re.IGNORECASE,
)


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Calls that run what a model wrote, here or in the function they call."""
    reading = view.reading
    if not asks_models(view.project):
        return
    for call in reading.each(ast.Call):
        for argument, does, steps in _executed(view, call):
            origin = _said(view, argument, whole=does in _WHOLE)
            if origin is not None and not _GUARDED.search(reading.unit.scope) and not says(reading, _GUARDED):
                what = origin.name or "This text"
                yield Hit(
                    argument,
                    f"`{what}`, which a model wrote, is used as {does}; check it against what is allowed first.",
                    (),
                    steps,
                )
                break
    if view.project.of_file(view.path, _speaks_flask):
        yield from _returned(view)


def _speaks_flask(facts: Facts) -> bool:
    return any(target.partition(".")[0] in ("flask", "quart", "bottle") for _, target in facts.imports)


def _returned(view: View) -> Iterator[Hit]:
    """Pages that a handler of Flask returns as text around what a model wrote."""
    for node in view.reading.each(ast.Return):
        function = view.reading.function(node)
        if not isinstance(node.value, ast.JoinedStr | ast.BinOp) or not _TAG.search(ast.unparse(node.value)):
            continue
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and is_handler(view.reading, function):
            origin = _said(view, node.value, whole=False)
            if origin is not None:
                yield Hit(node.value, f"`{origin.name}`, which a model wrote, is sent to the browser as markup; escape it first.")


def _executed(view: View, call: ast.Call) -> Iterator[tuple[ast.expr, str, tuple[tuple[Ref, str], ...]]]:
    """(argument, what it is run as, steps) of a call."""
    if not call.args and not call.keywords:
        return
    last = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
    first = call.args[0] if call.args else None
    if last in _THREADS and len(call.args) > (at := _THREADS[last]) + 1:
        name = view.name(call.args[at])
        if name in (*CODE, *SHELLS) or (name in PROCESSES and constant(keyword(call, "shell")) is True):
            yield call.args[at + 1], "code" if name in CODE else "a shell command", ()
    if first is not None and last in _LAST:
        name = view.callee(call)
        if name in CODE:
            yield first, "code", ()
        elif name in SHELLS:
            yield first, "a shell command", ()
        elif name in PROCESSES:
            if constant(keyword(call, "shell")) is True:
                yield first, "a shell command", ()
            elif isinstance(first, ast.List | ast.Tuple) and is_interpreter(first):
                yield from ((it, "a command", ()) for it in first.elts[2:3])
        elif name in REMOVERS or (name in ("builtins.open", "open") and is_writing(call)):
            if not says(view.reading, _CONFINED):
                yield first, "a file name", ()
        elif isinstance(call.func, ast.Attribute) and call.func.attr in _SQL:
            inner = first.args[0] if isinstance(first, ast.Call) and dotted(first.func).endswith("text") and first.args else first
            yield inner, "SQL", ()
    yield from _reached(view, call, last)
    found = view.definition(call)
    if found is None or not found[1].flows or _GUARDED.search(found[1].qualname):
        return
    if any(_GUARDED.search(it.target) for it in found[1].calls):
        return
    for kind, does in _DOES.items():
        for argument, it in view.handed(call, kind):
            yield argument, does, described(it, view.project)


def _reached(view: View, call: ast.Call, last: str) -> Iterator[tuple[ast.expr, str, tuple[tuple[Ref, str], ...]]]:
    """What decides an address, a template, a module to import or a file to write."""
    on = call.func.value if isinstance(call.func, ast.Attribute) else None
    if on is not None and last in _WRITERS and not says(view.reading, _CONFINED):
        yield from ((it, "a file name", ()) for it in names_of_path(view.project, view.path, view.reading, on))
    if not view.project.threats.is_sink_name(last) and last not in _OTHERS:
        return
    name = view.callee(call)
    if name == "importlib.import_module" and call.args:
        yield call.args[0], "the name of a module to import", ()
    if constant(keyword(call, "unsafe_allow_html")) is True and call.args:
        yield call.args[0], "markup of a page", ()
    if last == "StreamingResponse" and call.args and constant(keyword(call, "media_type")) == "text/html":
        yield call.args[0], "markup of a page", ()
    for sink in view.project.threats.sinks(name) if name else ():
        does = _REACHED.get(sink.kind)
        if does is None or (sink.kind in ("url", "redirect") and says(view.reading, _HOSTS)):
            continue
        if sink.kind == "html" and not _PAGES.search(name) and not _TAG.search(ast.unparse(call)):
            continue
        for index, argument in enumerate(call.args):
            if str(index) in sink.slots:
                yield argument, does, ()
        yield from ((it.value, does, ()) for it in call.keywords if it.arg in sink.slots)


def _said(view: View, node: ast.expr, *, whole: bool) -> Origin | None:
    """The part that a model wrote; with `whole`, only when no text of ours stands around it."""
    found = parts(view.project, view.path, view.reading, node)
    if whole and any(it.strip("\n; ") for it in found if isinstance(it, str)):
        return None
    return next(
        (it for it in found if isinstance(it, Origin) and is_model_output(view.project, view.path, view.reading, it)), None
    )
