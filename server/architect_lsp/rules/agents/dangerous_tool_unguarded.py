"""A model may delete, pay, send or run a command, and nobody is asked first.

Why: a model calls tools by what it read, and can be led by it. A tool that can't be taken back, without an approval, a list
of what is allowed or a sandbox, makes each such reading a deed.
Instead: let a person approve what can't be undone, and bound the rest by the code.

    @function_tool(needs_approval=True)
    async def delete_branch(name: str) -> str:
        if name in PROTECTED:
            return f"{name} is protected"
        await repository.delete(name)
        return f"deleted {name}"

Consequences: files, money and mails are gone by a sentence in a web page.
Trade-offs: approvals that come too often are clicked away; ask for the few deeds that hurt, and let a sandbox bound the
others.
Tests: script a model that calls the tool at once; assert that nothing happens before the approval.
Security: this is what turns prompt injection into damage.
Observability: keep who approved what, with the run.
Source: OWASP LLM06:2025 Excessive Agency
"""

import ast
import re
from collections.abc import Iterator

from architect_lsp.knowledge.approvals import is_asked_first
from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.origins import Origin
from architect_lsp.knowledge.reading import Function, Reading, constant, dotted
from architect_lsp.knowledge.running import is_reader
from architect_lsp.knowledge.sources import is_tool
from architect_lsp.knowledge.tool_arguments import is_numbered, mentions, of_model
from architect_lsp.knowledge.unattended import never_asked, switches
from architect_lsp.knowledge.wording import code, says
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["C3", "C4", "D4"],
    cwe=862,
    needs=["("],
    bad=[
        Bad("""
import shutil
from agents import function_tool

@function_tool
def remove_folder(path: str) -> str:
    [|shutil.rmtree(path)|]
    return "done"
"""),
        Bad("""
import stripe
from langchain_core.tools import tool

@tool
def refund(charge: str) -> str:
    \"\"\"Refund a charge.\"\"\"
    return [|stripe.Refund.create(charge=charge, idempotency_key=charge)|].id
"""),
        Bad("""
from claude_agent_sdk import ClaudeAgentOptions

options = ClaudeAgentOptions(allowed_tools=["Bash", "Write"], [|permission_mode="bypassPermissions"|])
"""),
        Bad("""
from langchain_community.tools import ShellTool

tools = [[|ShellTool()|]]
"""),
        Bad("""
-- app/tools.py --
from mcp.server.fastmcp import FastMCP
from app.shop import drop

mcp = FastMCP("shop")

@mcp.tool()
def remove(order: int) -> str:
    [|drop(order)|]
    return "done"
-- app/shop.py --
def drop(order):
    connection.execute("DELETE FROM orders WHERE id = ?", (order,))
"""),
        Bad("""
from langchain_core.tools import tool
from sqlalchemy import text

@tool
def forget(session, name: str) -> str:
    \"\"\"Forget a contact.\"\"\"
    [|session.execute(text("DELETE FROM contacts WHERE name = :name"), {"name": name})|]
    return "forgotten"
"""),
        Bad("""
import subprocess
from smolagents import CodeAgent
from sqlalchemy import delete
from pydantic_ai import Agent, RunContext

agent = Agent("m")
coder = CodeAgent(tools=[], model=model, [|additional_authorized_imports=["*"]|])

@agent.tool
async def remove(ctx: RunContext[Deps], customer: int) -> str:
    await [|ctx.deps.session.execute(delete(Customer).where(Customer.id == customer))|]
    return "removed"

def work(task):
    subprocess.run(["claude", "-p", task, [|"--dangerously-skip-permissions"|]], check=True, timeout=600)
"""),
        Bad("""
import resend
from crewai.tools import tool
from langchain_core.tools import StructuredTool
from shop.db import session
from twilio.rest import Client

client = Client()

@tool("send_sms")
def send_sms(number: str, text: str) -> str:
    \"\"\"Send a text message.\"\"\"
    [|client.messages.create(to=number, from_="+4930123", body=text)|]
    return "sent"

@tool("reply")
def reply(to: str, text: str) -> str:
    \"\"\"Answer a customer.\"\"\"
    [|resend.Emails.send({"from": OUR, "to": to, "subject": "Your question", "text": text})|]
    return "sent"

def forget(customer: int) -> str:
    \"\"\"Delete a customer.\"\"\"
    [|session.delete(session.get(Customer, customer))|]
    return "deleted"

forgetting = StructuredTool.from_function(forget)
"""),
        Bad("""
import os
from langchain_community.agent_toolkits import create_sql_agent
from langchain_community.utilities import SQLDatabase

agent = [|create_sql_agent(MODEL, db=SQLDatabase.from_uri(os.environ["DATABASE_URL"]), agent_type="tool-calling")|]
"""),
        Bad("""
from agents import Agent, HostedMCPTool
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from openai import OpenAI

MAIL = {"type": "mcp", "server_label": "mail", "server_url": "https://mail.example", "require_approval": [|"never"|]}
hosted = Agent(name="Mail", tools=[HostedMCPTool(tool_config=MAIL)])
client = OpenAI()

def build(tools, saver):
    ask = HumanInTheLoopMiddleware(interrupt_on={"transfer_money": [|False|], "balance": False, "write_file": True})
    return create_agent("m", tools=tools, middleware=[ask], checkpointer=saver)

def ask(question):
    servers = [{"type": "mcp", "server_label": "x", "server_url": URL, "require_approval": [|"never"|]}]
    return client.responses.create(model="m", input=question, tools=servers)
"""),
    ],
    good=[
        """
import shutil
from langchain_community.agent_toolkits import create_sql_agent
from langchain_community.utilities import SQLDatabase
from google.adk.agents import Agent
from google.adk.tools import FunctionTool
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool

def drop(path: str) -> dict:
    shutil.rmtree(path)
    return {"status": "removed"}

@tool
def remove(path: str) -> str:
    \"\"\"Remove a folder.\"\"\"
    shutil.rmtree(path)
    return "removed"

db = SQLDatabase.from_uri(READ_ONLY_URL)
analyst = create_sql_agent(MODEL, db=db)
janitor = Agent(name="janitor", model="m", tools=[FunctionTool(drop, require_confirmation=True)])
agent = create_agent("m", tools=[remove], middleware=[HumanInTheLoopMiddleware(interrupt_on={"remove": True})])
""",
        """
import os
import shutil
import subprocess
import tempfile
from agents import function_tool
from pydantic_ai import Agent
from claude_agent_sdk import ClaudeAgentOptions

agent = Agent("m")
docs = {"type": "mcp", "server_label": "docs", "allowed_tools": ["search"], "require_approval": "never"}
options = ClaudeAgentOptions(allowed_tools=["Bash"], permission_mode="default", can_use_tool=ask)

@function_tool(needs_approval=True)
def remove_folder(path: str) -> str:
    shutil.rmtree(path)
    return "done"

@agent.tool_plain(requires_approval=True)
def remove_file(path: str) -> str:
    os.remove(path)
    return "done"

@function_tool
def clear(name: str) -> str:
    if name not in ALLOWED:
        return "no"
    shutil.rmtree(ROOT / name)
    return "done"

@function_tool
def grep(pattern: str) -> str:
    subprocess.run(["git", "log", "-n", str(len(pattern)), "--", pattern], capture_output=True, text=True, timeout=9)
    return subprocess.run(["grep", "-rF", "--", pattern, "/var/log/app"], capture_output=True, text=True, timeout=9).stdout

@function_tool
def look(path: str) -> str:
    work = make_folder()
    shutil.rmtree(work)
    return path

@function_tool
def fetched(address: str) -> str:
    tmp_path = to_temp(address)
    os.remove(tmp_path)
    return address

def to_temp(address):
    os.unlink(tempfile.mkstemp(address)[1])

def plain(path):
    shutil.rmtree(path)
""",
    ],
)

_DELETES = regex(
    r"^(?:os\.(?:remove|unlink|rmdir|removedirs)|shutil\.(?:rmtree|move)|pathlib\.Path\.(?:unlink|rmdir)"
    r"|stripe\.(?:\w+\.)*(?:Refund|Charge|PaymentIntent|Transfer|Payout)\.(?:create|capture|cancel)"
    r"|smtplib\.SMTP(?:_SSL)?\.(?:send_message|sendmail)|sendgrid\.[\w.]*send"
    r"|subprocess\.(?:run|call|check_call|check_output|Popen|getoutput)|os\.(?:system|popen)"
    r"|asyncio\.create_subprocess_(?:shell|exec)|boto3[\w.]*\.(?:delete_\w+|terminate_instances)"
    r"|twilio\.rest\.Client(?:\(\))?\.(?:messages|calls)\.create|kubernetes[\w.]*\.delete_\w+|(?:requests|httpx|aiohttp)\.(?:[\w()]+\.)?delete)$"
)
_METHODS = regex(
    r"(?:^|\.)(?:(?:stripe\.)?(?:\w+\.)*(?:refunds?|payment_intents|charges|transfers|payouts)\.create|Refund\.create"
    r"|delete_(?:user|account|order|record|file|branch|repo|bucket|object|row|customer)s?|send_(?:email|mail|payment|money)"
    r"|transfer_(?:funds|money)|terminate_instances|drop_table|sendmail|session\.delete)$"
)
_SQL = regex(r"^\s*(?:DELETE\s+FROM|DROP\s+|TRUNCATE\s+)", re.IGNORECASE)
_GUARD = regex(
    r"approv|confirm|allow(?:ed|_?list)|whitelist|permission|human|interrupt|sandbox|dry_?run|authoriz|is_safe|denied|deny|protected|forbidden"
    r"|blocked|refus|validat|restrict|docker|container|relative_to|commonpath|resolve\(\)|require_",
    re.IGNORECASE,
)
_BOXED = regex(r"sandbox|docker|container", re.IGNORECASE)
_APPROVALS = ("needs_approval", "requires_approval", "requires_confirmation", "confirm", "interrupt_before", "approval_mode")
_SHELLS = regex(
    r"^(?:langchain_community|langchain_experimental|langchain)\.[\w.]*(?:ShellTool|BashProcess|TerminalTool|PythonREPLTool"
    r"|PythonAstREPLTool|PythonREPL)$|^(?:autogen|ag2)[\w.]*LocalCommandLineCodeExecutor$|^google\.adk[\w.]*\.UnsafeLocalCodeExecutor$"
    r"|^(?:agno|phi)\.[\w.]*\.(?:ShellTools|PythonTools)$|^llama_index\.[\w.]*\.CodeInterpreterToolSpec$"
)
_NAMES = regex(r"Tools?$|REPL$|Process$|Executor$|ToolSpec$")
_OWN_FILES = regex(r"\bte?mp_(?:path|file|dir|name)\b.*\.?unlink|(?:unlink|remove|rmtree)\(te?mp_\w+")
_TEMPORARY = ("NamedTemporaryFile", "mkstemp", "mkdtemp", "TemporaryDirectory", "SpooledTemporaryFile", "TemporaryFile")
_SQL_KITS = ("create_sql_agent", "SQLDatabaseToolkit", "QuerySQLDatabaseTool", "QuerySQLDataBaseTool", "SQLTools")
_KITS = regex(r"(?:langchain_community|langchain_experimental|langchain|agno|phi)\.")
_READS_ONLY = regex(
    r"read_?only|_ro\b|\bro_|mode=ro|approv|confirm|human_in|interrupt|select_only|is_select|sandbox", re.IGNORECASE
)
_FLAGS = ("--dangerously-skip-permissions", "--dangerously-bypass-approvals-and-sandbox")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Tools whose own body, or a function they call, does what can't be undone; kits told to ask nobody."""
    if is_script(view.path):
        return
    reading = view.reading
    boxed = says(reading, _BOXED)
    for call in reading.each(ast.Call):
        yield from _told(view, call, boxed=boxed)
    for table in reading.each(ast.Dict) if "require_approval" in reading.unit.text else ():
        if not isinstance(reading.parent(table), ast.keyword):
            yield from (Hit(node, message) for node, message in never_asked(table))
    for it in reading.each(ast.Constant) if "--dangerously" in reading.unit.text else ():
        if it.value in _FLAGS and isinstance(reading.parent(it), ast.List | ast.Call):
            yield Hit(it, f"`{it.value}` lets the agent that is started act with nobody asked.")
    for function in reading.functions:
        if not is_tool(view.project, view.path, reading, function) or _is_guarded(reading, function):
            continue
        if is_asked_first(view.project, function.name):
            continue
        given = of_model(reading, function)
        for node in reading.within(function):
            if isinstance(node, ast.Call) and _is_of(node, given):
                deed = _deed(view, node)
                if deed and not _is_checked(view, node):
                    yield Hit(
                        node, f"The model decides alone that the tool `{function.name}` {deed}: no approval, no list, no sandbox."
                    )
                    break


def _told(view: View, call: ast.Call, *, boxed: bool) -> Iterator[Hit]:
    """What a kit is told, and tools that run anything."""
    if call.keywords:
        yield from (Hit(node, message) for node, message in switches(call, boxed=boxed))
    name = dotted(call.func)
    if _NAMES.search(name) and _SHELLS.match(view.callee(call)) and not _GUARD.search(_near(view.reading, call)):
        yield Hit(call, f"`{name}` runs what the model writes, on this machine, with nobody asked.")
    if name.rpartition(".")[2] in _SQL_KITS and _KITS.match(view.callee(call)) and not says(view.reading, _READS_ONLY):
        yield Hit(call, f"`{name}` runs whatever SQL the model writes, with all that this account may do to the database.")


def _near(reading: Reading, node: ast.AST) -> str:
    """The text of the statement around, and of the function."""
    function = reading.function(node)
    return code(reading, function if function is not None else node)


def _is_guarded(reading: Reading, function: Function) -> bool:
    for it in function.decorator_list:
        if isinstance(it, ast.Call) and any(
            row.arg in _APPROVALS and constant(row.value) is not False and constant(row.value) != "never_require"
            for row in it.keywords
        ):
            return True
    return bool(_GUARD.search("".join(code(reading, it) for it in function.body) + function.name))


def _is_of(call: ast.Call, given: set[str]) -> bool:
    """Whether an argument of the tool has a say in the call."""
    return mentions([*call.args, *(it.value for it in call.keywords), call.func], given)


def _is_delete(view: View, node: ast.expr) -> bool:
    """Whether a statement is SQLAlchemy's `delete(Model)`, with what is chained to it."""
    while isinstance(node, ast.Call):
        if view.callee(node) in ("sqlalchemy.delete", "sqlalchemy.sql.delete", "sqlmodel.delete"):
            return True
        node = node.func.value if isinstance(node.func, ast.Attribute) else ast.Constant(None)
    return False


def _is_checked(view: View, call: ast.Call) -> bool:
    """Whether the model only chooses among commands and files that are listed."""
    if not _DELETES.match(view.callee(call)) and (view.definition(call) is None or is_numbered(view.reading, call)):
        return False
    given = [*call.args, *(it.value for it in call.keywords)]
    found = [it for node in given for it in view.parts(node, "command") if isinstance(it, Origin)]
    return any(it.kind == "checked" for it in found) and not any(it.kind == "parameter" for it in found)


def _deed(view: View, call: ast.Call) -> str:
    """What the call does that can't be undone; "" for others."""
    name = view.callee(call) or dotted(call.func)
    if is_reader(call) or _OWN_FILES.search(ast.unparse(call)):
        return ""
    if _DELETES.match(name) or _METHODS.search(dotted(call.func)) or "mail" in view.effects(call):
        return f"calls `{dotted(call.func) or name}`"
    first = call.args[0] if call.args else None
    if isinstance(first, ast.Call) and dotted(first.func).rpartition(".")[2] in ("text", "SQL") and first.args:
        first = first.args[0]
    if isinstance(first, ast.JoinedStr) and first.values:
        first = first.values[0]
    if first is not None and isinstance(sql := constant(first), str) and _SQL.match(sql):
        return "deletes rows"
    if first is not None and dotted(call.func).rpartition(".")[2] in ("execute", "scalars", "exec") and _is_delete(view, first):
        return "deletes rows"
    found = view.definition(call)
    if found is not None and not _GUARD.search(found[1].qualname):
        path, definition = found
        for it in definition.calls:
            if _GUARD.search(it.target) or it.target.rpartition(".")[2] in _TEMPORARY:
                return ""  # it asks first, or takes away a file that it made
        for it in definition.calls:
            outside = view.project.external(path, it.target, definition.owner)
            if _DELETES.match(outside) and not outside.startswith("shutil.move"):
                return f"calls `{outside}` in `{definition.qualname}`"
            if it.writes and re.search(r"delete|drop|remove|purge", definition.qualname):
                return f"writes to the database in `{definition.qualname}`"
    return ""
