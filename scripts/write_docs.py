"""Writes what pages repeat of the code: the README's tables of rules and settings, a page for each rule, the map's schema.

`--check` writes nothing and names the pages that are not up to date; it exits with 1 when there are any.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from pydantic.alias_generators import to_camel

from architect_lsp import rulebook
from architect_lsp.knowledge.effects import KINDS
from architect_lsp.map.chart import schema
from architect_lsp.rules.rule import all_rules
from architect_lsp.settings import PERSONAL, Settings

REPOSITORY = Path(__file__).resolve().parent.parent
EXTENSION = REPOSITORY / "client-extension"
BEYOND_TRUST = ("model", "agent", "effort", "maxOutputTokens", "maxInputTokens", "timeoutS", "secondLook")
"""Settings that a workspace may hold, and that count only once it is trusted."""
EFFECTS = {"type": "array", "items": {"type": "string", "enum": list(KINDS)}}


def main(arguments: list[str]) -> int:
    """Write or check every generated page."""
    pages = wanted()
    folder = REPOSITORY / "docs" / "rules"
    stale = {it for it in folder.glob("*.md") if it not in pages} if folder.exists() else set()
    old = {path for path, text in pages.items() if not path.exists() or path.read_text(encoding="utf-8") != text}
    if "--check" in arguments:
        for path in sorted(old | stale):
            print(f"{path.relative_to(REPOSITORY).as_posix()} is not up to date: run `make docs`")
        return 1 if old or stale else 0
    for path in old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pages[path], encoding="utf-8", newline="\n")
    for path in stale:
        path.unlink()
    return 0


def wanted() -> dict[Path, str]:
    """path -> the text it should have."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    readme = between(readme, "settings", settings_table())
    readme = between(readme, "rules", rulebook.as_markdown("docs/rules/"))
    extension = (EXTENSION / "README.md").read_text(encoding="utf-8")
    pages = {
        REPOSITORY / "README.md": readme,
        REPOSITORY / "docs" / "map.schema.json": schema(),
        EXTENSION / "README.md": between(extension, "settings", settings_table()),
        EXTENSION / "package.json": manifest(),
    }
    for it in all_rules():
        pages[REPOSITORY / "docs" / "rules" / f"{it.name}.md"] = rulebook.page_markdown(it, title=True) + "\n"
    return pages


def between(page: str, name: str, text: str) -> str:
    """The page with what stands between the marks of `name` replaced."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    assert pattern.search(page), f"README.md has lost its marks for {name}"
    return pattern.sub(lambda it: it[1] + text + it[2], page)


def settings_table() -> str:
    """A row for each setting, by its name in editors."""
    lines = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for field in Settings.model_fields.values():
        default = json.dumps(field.default)
        lines.append(f"| `architect.{field.alias}` | `{default}` | {field.description} |")
    return "\n".join(lines) + "\n"


def manifest() -> str:
    """The extension's package.json with the server's settings in it, as they are here."""
    path = EXTENSION / "package.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    properties = document["contributes"]["configuration"]["properties"]
    own = {key: it for key, it in properties.items() if key in ("architect.server.path", "architect.trace.server")}
    found = {"architect.server.path": own["architect.server.path"]}
    schemas = Settings.model_json_schema(by_alias=True)["properties"]
    personal = [to_camel(it) for it in PERSONAL]
    for name, field in Settings.model_fields.items():
        told = schemas[str(field.alias)]
        found[f"architect.{field.alias}"] = {
            **{key: it for key, it in told.items() if key not in ("title", "description", "default")},
            **({"uniqueItems": True} if told["type"] == "array" else {}),
            **({"additionalProperties": EFFECTS} if name == "effects" else {}),
            "default": list(field.default) if isinstance(field.default, tuple) else field.default,
            "scope": "machine" if field.alias in personal else "resource",
            "markdownDescription": field.description,
        }
    found["architect.trace.server"] = own["architect.trace.server"]
    for order, it in enumerate(found.values()):
        it["order"] = order
    document["contributes"]["configuration"]["properties"] = found
    restricted = ["server.path", *personal, *BEYOND_TRUST]
    document["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"] = [f"architect.{it}" for it in restricted]
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
