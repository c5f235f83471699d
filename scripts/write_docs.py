"""Writes what pages repeat of the code: the README's tables of rules and settings, a page for each rule, the map's schema.

`--check` writes nothing and names the pages that are not up to date; it exits with 1 when there are any.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from architect_lsp import rulebook
from architect_lsp.map.chart import schema
from architect_lsp.rules.rule import all_rules
from architect_lsp.settings import Settings

REPOSITORY = Path(__file__).resolve().parent.parent


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
    pages = {REPOSITORY / "README.md": readme, REPOSITORY / "docs" / "map.schema.json": schema()}
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


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
