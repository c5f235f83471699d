"""An agent starts a tool server in whatever version its registry offers that day.

Why: `npx -y package` fetches and runs the newest version at every start, with the agent's rights and environment. Whoever takes
the package over, or its author tomorrow, decides what the tools do and what they tell the model.
Instead: name the version, or install it from a lock file and start what is installed.

    StdioServerParameters(command="npx", args=["-y", "@modelcontextprotocol/server-filesystem@2026.1.14", "/srv/files"])

Consequences: tools that change between two runs; a release that steals tokens runs everywhere within a day.
Trade-offs: a pinned version must be moved forward; a bot can propose that, and a person reads the change.
Security: `postmark-mcp` was honest for fifteen releases and sent all mail to a stranger from the sixteenth.
Source: https://modelcontextprotocol.io/specification/2025-06-18/basic/security_best_practices; OWASP LLM03:2025; CWE-1357
"""

import ast
from collections.abc import Iterator

from architect_lsp.knowledge.kinds import is_script
from architect_lsp.knowledge.reading import constant, keyword
from architect_lsp.model import Confidence, Severity
from architect_lsp.patterns import regex
from architect_lsp.rules.rule import Bad, Hit, Rule, View

rule = Rule(
    __name__,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    rows=["C4", "D4"],
    cwe=1357,
    needs=["npx", "uvx", "bunx"],
    bad=[
        Bad("""
from agents.mcp import MCPServerStdio
from mcp import StdioServerParameters

server = MCPServerStdio(params={"command": "npx", "args": ["-y", [|"some-notes-mcp@latest"|]]})
files = StdioServerParameters(command="npx", args=["-y", [|"@modelcontextprotocol/server-filesystem"|], "/srv"])
times = StdioServerParameters(command="uvx", args=[[|"mcp-server-time"|], "--local-timezone=UTC"])
"""),
    ],
    good=[
        """
BLANK = Template(name="yours", command="npx", args=["-y", "your-mcp-server-package"])
""",
        """
from agents.mcp import MCPServerStdio
from mcp import StdioServerParameters

server = MCPServerStdio(params={"command": "npx", "args": ["-y", "some-notes-mcp@1.4.2"]})
files = StdioServerParameters(command="npx", args=["--yes", "@modelcontextprotocol/server-filesystem@2026.1.14", "/srv"])
times = StdioServerParameters(command="uvx", args=["mcp-server-time==0.6.2"])
more = StdioServerParameters(command="uvx", args=["--from", "mcp-tools==1.0", "serve"])
own = StdioServerParameters(command="npx", args=["-y", "./server"])
any_of = StdioServerParameters(command="npx", args=["-y", PACKAGE])
other = StdioServerParameters(command="python", args=["-m", "server"])
""",
    ],
)

_RUNNERS = ("npx", "uvx", "bunx")
_TAKES_VALUE = ("--from", "--with", "--package", "-p", "--python", "--index-url", "--registry")
_OWN = regex(r"[./~<].*|(?:your|my)-.*|file:.*|.*://.*|.*\$.*|\w:\\.*")
_NPM = regex(r"@?[^@]+@v?\d[\w.-]*")
_PYPI = regex(r".+(?:==|@)v?\d[\w.+-]*")


@rule.check
def find(view: View) -> Iterator[Hit]:
    """Packages without a version that a runner fetches for a client of MCP."""
    if is_script(view.path):
        return
    for table in view.reading.each(ast.Dict):
        rows = {constant(key): value for key, value in zip(table.keys, table.values, strict=True) if key is not None}
        yield from _started(rows.get("command"), rows.get("args"))
    for call in view.reading.each(ast.Call):
        yield from _started(keyword(call, "command"), keyword(call, "args"))


def _started(command: ast.expr | None, given: ast.expr | None) -> Iterator[Hit]:
    runner = str(constant(command)).rpartition("/")[2]
    if runner not in _RUNNERS or not isinstance(given, ast.List):
        return
    before = ""
    for it in given.elts:
        said = constant(it)
        if not isinstance(said, str):
            return
        if before in ("--from", "--package", "-p") or not (said.startswith("-") or before in _TAKES_VALUE):
            pinned = (_PYPI if runner == "uvx" else _NPM).fullmatch(said)
            if not pinned and not _OWN.fullmatch(said):
                yield Hit(it, f"`{said}` is fetched anew at each start, in whatever version there is; name the version.")
            return
        before = said
