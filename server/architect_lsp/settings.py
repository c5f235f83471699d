"""What a person can set: `[tool.architect]` of the project's pyproject.toml, the editor's settings, the environment.

Later wins over earlier: pyproject, editor; of a table, line by line. Where the code goes to (`base_url`) is never taken from the
project: a checkout must not be able to redirect it. The key is never a setting; it comes from the environment.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PERSONAL = (
    "base_url",
    "provider",
    "ledger",
    "max_usd_per_run",
    "max_usd_per_day",
    "max_usd_per_workspace",
    "max_tokens_per_day",
)
"""Settings a project's file may not hold: where code goes to, and what a person is willing to pay."""


class SettingsError(Exception):
    """A setting that can't be used; its text says which one and what to do."""


class Settings(BaseModel):
    """Every setting with its default. Names are snake_case in pyproject.toml and camelCase in editors."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)

    model: str = Field("claude-opus-5-5", description="Model that reviews, by its full id.")
    provider: Literal["anthropic", "bedrock", "vertex", "editor"] = Field(
        "anthropic",
        description="Whose service it is: anthropic, bedrock (Amazon), vertex (Google), each with its own credentials, or "
        "editor: the models that the editor itself has, without a key.",
    )
    base_url: str = Field(
        "",
        description='Server that speaks the Messages API; "" is the provider\'s own. Code goes there, so no project can set it.',
    )
    ledger: str = Field(
        "",
        pattern=r"^$|^(rediss?|unix)://",
        description='Redis of your team that keeps answers for all: `redis://host:6379/0`; "" keeps them in a file of your own. '
        "Answers quote code, so no project can set it.",
    )
    agent: str = Field(
        "architect",
        description='Agent file that reviews, by its name; "auto" takes the one whose description fits the file best.',
    )
    agents: dict[str, str] = Field(
        {}, description='Agent files for parts of a project, by globs: `{"billing/": "database"}`; the first that fits counts.'
    )
    effort: Literal["low", "medium", "high"] = Field("medium", description="How hard the model thinks: low, medium or high.")
    max_output_tokens: int = Field(16_000, ge=256, le=128_000, description="Cap on what one review may write, thinking included.")
    max_input_tokens: int = Field(
        12_000, ge=500, le=200_000, description="Budget of one review's request, estimated before it is sent."
    )
    timeout_s: float = Field(180, gt=0, le=3600, description="Seconds one review may take in all.")
    second_look: bool = Field(
        False,
        description="Whether the model looks at its remarks again before they are shown: fewer and surer, later and dearer.",
    )
    max_usd_per_run: float = Field(1.0, ge=0, description="Most that one review may cost, in US dollars; 0 sets no cap.")
    max_usd_per_day: float = Field(5.0, ge=0, description="Most that all reviews of a day may cost; 0 sets no cap.")
    max_usd_per_workspace: float = Field(
        0.0, ge=0, description="Most that a workspace's reviews of 30 days may cost; 0 sets no cap."
    )
    max_tokens_per_day: int = Field(
        2_000_000, ge=0, description="Most tokens of a day, in and out, price known or not; 0 sets no cap."
    )
    disable: tuple[str, ...] = Field((), description="Rules that stay quiet.")
    enable: tuple[str, ...] = Field((), description="Preview rules that speak.")
    never_send: tuple[str, ...] = Field(
        (), description="Globs of files of which nothing is ever sent to a model; the project's and yours together."
    )
    exclude: tuple[str, ...] = Field((), description="Globs of files that are not looked at, relative to the project's root.")
    base: str = Field(
        "",
        description='Reference of git that the API is compared with: `"origin/main"`; "" compares with none.',
    )
    layers: tuple[str, ...] = Field(
        (), description='Packages from the top down, none of which may import from one above it: `["shop.web", "shop.domain"]`.'
    )
    effects: dict[str, tuple[str, ...]] = Field(
        {}, description='What calls of your own libraries do: `{"acme.Client.{get,put}": ["http", "blocking"]}`.'
    )
    sources: tuple[str, ...] = Field(
        (), description="Calls and attributes of your own libraries that others fill: `acme.inbox.{receive,Message.body}`."
    )
    sinks: dict[str, tuple[str, ...]] = Field(
        {},
        description='Calls untrusted values must not reach, and by which arguments: `{"acme.db.run": ["sql:0,query"]}`.',
    )
    sanitisers: dict[str, tuple[str, ...]] = Field(
        {}, description='Calls whose result is harmless, and for which kinds of sink: `{"acme.text.clean": ["html"]}`.'
    )
    max_file_bytes: int = Field(2_000_000, ge=1_000, description="Larger files are skipped, and said to be.")


def parse(editor: Mapping[str, Any] | None, project: Mapping[str, Any] | None = None) -> Settings:
    """The settings of both sources together. Raises SettingsError with one line that names the setting and the source."""
    project = dict(project or {})
    for name in (*PERSONAL, *map(to_camel, PERSONAL)):
        if name in project:
            raise SettingsError(f"pyproject.toml [tool.architect] can't set `{name}`: set it in your editor's user settings.")
    _validated(project, "pyproject.toml [tool.architect]")
    merged = {to_camel(key): value for key, value in project.items()}
    for key, value in (editor or {}).items():
        if value is not None:
            name, before = to_camel(key), merged.get(to_camel(key))
            if name == "neverSend" and isinstance(value, list | tuple) and isinstance(before, list):
                merged[name] = [*before, *value]
            else:
                merged[name] = {**before, **value} if isinstance(value, dict) and isinstance(before, dict) else value
    return _validated(merged, "editor setting `architect`")


def project_table(root: Path) -> dict[str, Any]:
    """`[tool.architect]` of the root's pyproject.toml; {} where there is none. Raises SettingsError when it can't be read."""
    path = root / "pyproject.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{path} can't be read: {error}.") from error
    tool = document.get("tool", {})
    table = tool.get("architect", {}) if isinstance(tool, dict) else None
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: [tool.architect] must be a table.")
    return table


def _validated(values: Mapping[str, Any], source: str) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(it) for it in first["loc"]) or "settings"
        known = ", ".join(sorted(Settings.model_fields))
        what = f"is not known; known are {known}" if first["type"] == "extra_forbidden" else first["msg"].lower()
        raise SettingsError(f"{source}: `{name}` {what}.") from error
