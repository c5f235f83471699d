"""The extension's manifest says what the server knows; its lock file works anywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic.alias_generators import to_camel

from architect_lsp import __version__
from architect_lsp.settings import Settings
from architect_lsp.syntax.languages import OTHERS, PYTHON, language_of
from editors.world import EXTENSION

MANIFEST: dict[str, Any] = json.loads((EXTENSION / "package.json").read_text())
PROPERTIES: dict[str, Any] = MANIFEST["contributes"]["configuration"]["properties"]
OWN = {"architect.server.path", "architect.trace.server"}


def test_every_setting_is_in_the_manifest() -> None:
    """No more and no fewer than the server's, beside the extension's own two."""
    assert PROPERTIES.keys() - OWN == {f"architect.{to_camel(it)}" for it in Settings.model_fields}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_has_the_servers_default_and_bounds(name: str) -> None:
    """What the settings page shows is what happens."""
    shown = PROPERTIES[f"architect.{to_camel(name)}"]
    schema = Settings.model_json_schema(by_alias=False)["properties"][name]
    default = Settings.model_fields[name].default
    assert shown["default"] == (list(default) if isinstance(default, tuple) else default)
    for bound in ("minimum", "maximum", "exclusiveMinimum"):
        assert shown.get(bound) == schema.get(bound), bound
    assert shown["type"] == schema["type"]


def test_the_extension_wakes_for_every_language_the_server_takes() -> None:
    """Editors' own ids: each language has one among those the extension wakes for, and no other does."""
    woken = [it.removeprefix("onLanguage:") for it in MANIFEST["activationEvents"]]
    languages = {language_of("", it) for it in woken}
    assert languages == {PYTHON, *OTHERS}


def test_where_code_goes_is_never_the_workspaces_choice() -> None:
    """`machine` settings are read from the person's settings only; the others that matter wait for trust."""
    assert PROPERTIES["architect.baseUrl"]["scope"] == "machine"
    restricted = set(MANIFEST["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"])
    assert {"architect.server.path", "architect.baseUrl", "architect.model", "architect.agent"} <= restricted


def test_every_setting_and_command_is_on_the_extensions_page() -> None:
    """README.md is the page that the marketplace shows."""
    page = (EXTENSION / "README.md").read_text()
    settings = [it for it in PROPERTIES if f"`{it}`" not in page]
    commands = [it["title"] for it in MANIFEST["contributes"]["commands"] if it["title"].lower() not in page.lower()]
    assert settings + commands == ["architect.trace.server"], "for those who mend the extension, not for its readers"


def test_the_extension_and_its_server_have_one_version() -> None:
    """The .vsix carries the wheel, so the versions go together."""
    assert MANIFEST["version"] == __version__
    assert f"## {__version__}" in (EXTENSION / "CHANGELOG.md").read_text()


def test_the_lock_file_names_no_registry() -> None:
    """`npm ci` takes each package from the registry that is set where it runs."""
    assert "resolved" not in (EXTENSION / "package-lock.json").read_text()


def test_the_extension_stays_thin() -> None:
    """What the server could do is not done in TypeScript."""
    lines = [line for it in (EXTENSION / "src").glob("*.ts") for line in it.read_text().splitlines() if line.strip()]
    assert len(lines) < 850
