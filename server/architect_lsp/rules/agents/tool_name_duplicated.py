"""Two tools that a model is given have one name.

Why: a model asks for a tool by its name. Of two with the same name one is refused, dropped or called in place of the other,
as the kit decides; where one of them comes from outside, it shadows yours.
Instead: give each a name that says what it works on, with a prefix for each server.

    search_docs, search_tickets

Consequences: the request for tickets is answered from the documentation, or the API refuses the whole call.
Security: a server that names its tool as yours is called with what was meant for you ("tool shadowing").
Source: https://modelcontextprotocol.io/specification/2025-06-18/server/tools; OWASP Agentic AI T2 Tool Misuse
"""

from collections.abc import Iterable, Iterator, Mapping

from architect_lsp.knowledge.assembly import calls, parts
from architect_lsp.knowledge.catalogue import catalogue
from architect_lsp.knowledge.frameworks.tools import function_at
from architect_lsp.knowledge.kinds import is_test
from architect_lsp.knowledge.nouns import Tool
from architect_lsp.knowledge.project import Project
from architect_lsp.model import Confidence, Severity
from architect_lsp.rules.rule import Bad, ProjectHit, Rule

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    rows=["C3", "C4"],
    bad=[
        Bad("""
from langchain.agents import create_agent
from langchain_core.tools import tool

@tool("search")
def search_docs(query: str) -> str:
    \"\"\"Search the documentation.\"\"\"
    return query

@[|tool("search")|]
def search_tickets(query: str) -> str:
    \"\"\"Search the tickets.\"\"\"
    return query

agent = create_agent("m", tools=[search_docs, search_tickets])
"""),
        Bad("""
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("shop")

@mcp.tool()
def find(name: str) -> str:
    \"\"\"Find a customer.\"\"\"
    return name

@[|mcp.tool(name="find")|]
def find_order(number: int) -> str:
    \"\"\"Find an order.\"\"\"
    return str(number)
"""),
    ],
    good=[
        """
from langchain.agents import create_agent
from langchain_core.tools import tool
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("shop")
other = FastMCP("warehouse")

@mcp.tool()
def find(name: str) -> str:
    \"\"\"Find a customer.\"\"\"
    return name

@other.tool(name="find")
def find_item(number: int) -> str:
    \"\"\"Find an item.\"\"\"
    return str(number)

@tool("search")
def search_docs(query: str) -> str:
    \"\"\"Search the documentation.\"\"\"
    return query

@tool("search")
def search_tickets(query: str) -> str:
    \"\"\"Search the tickets.\"\"\"
    return query

first = create_agent("m", tools=[search_docs])
second = create_agent("m", tools=[search_tickets])
""",
    ],
)


@rule.check_project
def find(project: Project) -> Iterator[ProjectHit]:
    """Functions of one name in one server of MCP, or among the tools of one agent."""
    tools = {(it.ref.path, it.ref.qualname): it for it in catalogue(project).tools if it.ref is not None and it.ref.kind == "def"}
    told: set[tuple[str, str]] = set()
    for rows in (*_servers(tools.values()), *_lists(project, tools)):
        first: dict[str, Tool] = {}
        for it in rows:
            other = first.setdefault(it.name, it)
            if it.ref is None or other.ref is None or it.ref.qualname == other.ref.qualname or is_test(it.ref.path):
                continue
            if (it.ref.path, it.ref.qualname) not in told:
                told.add((it.ref.path, it.ref.qualname))
                evidence = ((other.ref, f"the other `{it.name}`"),)
                yield ProjectHit(it.at, f"The model is given two tools `{it.name}`: only one of them can be meant.", evidence)


def _servers(tools: Iterable[Tool]) -> Iterator[list[Tool]]:
    """The tools of each server that one file makes."""
    found: dict[tuple[str, str], list[Tool]] = {}
    for it in tools:
        if it.framework == "mcp" and it.owner and it.ref is not None:
            found.setdefault((it.ref.path, it.owner), []).append(it)
    yield from found.values()


def _lists(project: Project, tools: Mapping[tuple[str, str], Tool]) -> Iterator[list[Tool]]:
    """The tools that each agent, or each call of a model, is given together."""
    for path in project.paths:
        for spot in calls(project, path):
            given = spot.argument(-1, "tools")
            found = [function_at(project, part) for part in parts(project, given)] if given is not None else []
            yield [tools[key] for it in found if it is not None and (key := (it.path, it.facts.qualname)) in tools]
