"""For which kinds of sink a value is harmless, by what it went through: checks, sanitisers, fields of a type."""

from __future__ import annotations

from architect_lsp.knowledge.facts import FIELD, SENT
from architect_lsp.knowledge.fields import is_typed_field
from architect_lsp.knowledge.forms import harmless_for
from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.symbols import External, FunctionSymbol, module_name
from architect_lsp.knowledge.threats import ALL


def cleaned(project: Project, path: str, through: str) -> frozenset[str]:
    """The kinds of sink that a value may reach which went through this call or check, as the file `path` writes it."""
    if through.startswith("kind:"):
        return frozenset([through[5:]])
    if through.startswith(FIELD):
        return frozenset([ALL]) if is_typed_field(project, path, through) else frozenset()
    if through.startswith(SENT):
        return harmless_for(project, path, through)
    if through.startswith("guard"):
        return project.threats.cleans(through) if through != "guard" else frozenset([ALL])
    symbol = project.resolve(path, through)
    name = symbol.name if isinstance(symbol, External) else module_name(symbol) if isinstance(symbol, FunctionSymbol) else through
    return project.threats.cleans(name.removeprefix("builtins."))
