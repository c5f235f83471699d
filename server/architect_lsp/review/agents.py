"""Agent files: who reviews. Markdown with a front matter, the format that `.claude/agents/*.md` uses.

What had to be guessed to read one is in `Agent.notes`. Reads files; whoever calls decides which folders are trusted.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from pathspec import PathSpec

if TYPE_CHECKING:
    from architect_lsp.settings import Settings

from architect_lsp.knowledge.front_matter import front_matter, listed
from architect_lsp.patterns import regex

MODELS = {
    "opus": "claude-opus-5-5",
    "sonnet": "claude-sonnet-5-5",
    "haiku": "claude-haiku-5-5",
    "fable": "claude-fable-5-1",
}
"""Short names of models that agent files use; `inherit` means the model of the settings."""

SHIPPED = ("architect",)
"""Agents that come with the product."""

MAX_BYTES = 256_000
"""A longer agent file is refused."""

_NAME = regex(r"[\w][\w .-]{0,99}")
_SOURCE = Path(__file__).parents[3] / "prompts"
"""Where prompts lie in a source checkout; a wheel has them inside the package."""


class PromptError(Exception):
    """A prompt or agent file that can't be used; its text says which and what to do."""


class Agent(Struct, frozen=True):
    """One reviewer. `model` is a full id, "" means the model of the settings; `version` is a hash of the whole file.

    `tools` are what the file asks for; reviews give none. `notes` say, one a line, what the reader had to guess.
    """

    name: str
    description: str
    model: str
    tools: tuple[str, ...]
    body: str
    version: str
    color: str = ""
    notes: tuple[str, ...] = ()


_IDLE = frozenset(
    [
        "this",
        "that",
        "with",
        "when",
        "from",
        "your",
        "code",
        "agent",
        "agents",
        "should",
        "user",
        "assistant",
        "example",
        "context",
        "used",
        "into",
        "have",
        "will",
    ]
)
"""Words of descriptions that tell no agent from another."""


def load(name: str, folders: Sequence[Path] = ()) -> Agent:
    """The agent of that name: one that comes with the product, else from the first folder that has it.

    A name of ours always means ours, so that no checkout can change who reviews without a change of settings. Raises PromptError
    when nobody has the name or its file can't be read.
    """
    if name in SHIPPED:
        return parsed(prompt(f"{name}.md"), name)
    if not _NAME.fullmatch(name):
        raise PromptError(f"`{name[:100]}` can't be an agent's name: set `architect.agent` to the name of an agent file.")
    names = set(SHIPPED)
    for folder in folders:
        for path in _candidates(folder, name):
            try:
                agent = parsed(_read(path), path.stem)
            except PromptError:
                if path.stem == name:
                    raise
                continue
            if name in (agent.name, path.stem):
                return agent
            names.add(agent.name)
    raise PromptError(f"No agent is called `{name}`: set `architect.agent` to one of {', '.join(sorted(names))}.")


def chosen(settings: Settings, path: str, folders: Sequence[Path], about: Sequence[str] = ()) -> Agent:
    """Who reviews a file: by the globs of the settings, else the agent they name.

    "auto" takes the agent whose description shares most words with the file's path and with what it is `about`; ours, where none
    shares two. Raises PromptError.
    """
    globs = (name for glob, name in settings.agents.items() if PathSpec.from_lines("gitignore", [glob]).match_file(path))
    name = next(globs, settings.agent)
    if name != "auto":
        return load(name, folders)
    words = _words(" ".join((path, *about)))
    known = every(folders)
    best = max(known, key=lambda it: (len(words & _words(it.description)), it.name in SHIPPED))
    return best if len(words & _words(best.description)) > 1 else known[0]


def _words(text: str) -> set[str]:
    return {it for it in re.findall(r"[a-z]{4,}", text.lower()) if it not in _IDLE}


def every(folders: Sequence[Path]) -> list[Agent]:
    """Every agent that can review: ours, then those of the folders, of one name the first. Unreadable files are left out."""
    found = {name: parsed(prompt(f"{name}.md"), name) for name in SHIPPED}
    for folder in folders:
        for path in _candidates(folder, ""):
            try:
                agent = parsed(_read(path), path.stem)
            except PromptError:
                continue
            found.setdefault(agent.name, agent)
    return list(found.values())


def prompt(file_name: str) -> str:
    """The text of a prompt that comes with the product. Raises PromptError when there is none."""
    shipped = resources.files("architect_lsp").joinpath("prompts").joinpath(file_name)
    try:
        if shipped.is_file():
            return shipped.read_text(encoding="utf-8")
        return (_SOURCE / file_name).read_text(encoding="utf-8")
    except OSError as error:
        raise PromptError(f"The prompt {file_name} is missing: install architect-lsp anew.") from error


def parsed(text: str, file_stem: str) -> Agent:
    """The agent in a file's text. Raises PromptError when there is nothing to say to a model."""
    version = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
    front = front_matter(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
    notes, name = list(front.notes), front.text("name")
    if not _NAME.fullmatch(name):
        notes.append(f"`name` is {'missing' if not name else 'not a plain name'}; the file's name is taken: {file_stem}")
        name = file_stem
    if not front.body.strip():
        raise PromptError(f"The agent `{name}` has no text below its front matter: write there what it shall do.")
    return Agent(
        name=name,
        description=front.text("description"),
        model=_model(front.text("model"), notes),
        tools=listed(front.text("tools")),
        body=front.body.strip() + "\n",
        version=version,
        color=front.text("color"),
        notes=tuple(notes),
    )


def _candidates(folder: Path, name: str) -> list[Path]:
    paths = sorted(folder.glob("*.md")) if folder.is_dir() else []
    return sorted(paths, key=lambda it: it.stem != name)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PromptError(f"The agent file {path.name} can't be read ({error.strerror}): check its permissions.") from error
    if len(content) > MAX_BYTES:
        raise PromptError(f"The agent file {path.name} is larger than {MAX_BYTES // 1000} kB: shorten it.")
    return content.decode("utf-8", "replace")


def _model(value: str, notes: list[str]) -> str:
    value = value.strip()
    if value.lower() in ("", "inherit", "default"):
        return ""
    if value.lower() in MODELS:
        return MODELS[value.lower()]
    if re.fullmatch(r"[A-Za-z0-9][\w.:/-]*[-:/.\d][\w.:/-]*", value):
        return value
    notes.append(f"`model: {value[:40]}` is not known; the model of the settings is taken")
    return ""
