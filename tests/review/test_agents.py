"""Agent files of every shape in use are read, and what had to be guessed is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from architect_lsp.review import brief as briefs
from architect_lsp.review.agents import Agent, PromptError, chosen, load, parsed, prompt
from architect_lsp.review.brief import PAGES
from architect_lsp.settings import Settings

ROWS = [*(f"{letter}{n}" for letter in "ABCDEWS" for n in range(1, 6)), "S6", "S7"]
"""Every duty of the reviewer: what it covers, when it is asked, what an answer contains."""

PROMPTS = [
    "architect.md",
    "answer.md",
    "shape.md",
    *(it.file_name for it in briefs.TURNS),
    *(f"pages/{it}.md" for it in PAGES),
]


@pytest.mark.parametrize("row", ROWS)
def test_the_architect_has_every_duty(row):
    assert f"[{row}]" in load("architect").body


@pytest.mark.parametrize("part", [f"S{n}" for n in range(1, 8)])
def test_every_part_of_an_answer_has_a_field(part):
    assert f"{part}:" in str(briefs.remarks.schema())


def test_the_architect_is_strict_and_needs_no_guess():
    agent = load("architect")
    assert agent.notes == ()
    assert (agent.name, agent.model, agent.tools) == ("architect", "", ())
    assert len(agent.version) == 12
    assert "don't report" in agent.body


@pytest.mark.parametrize("name", PROMPTS)
def test_prompts_ship_and_their_inputs_are_known(name):
    assert prompt(name).endswith("\n")
    turn = next((it for it in briefs.TURNS if it.file_name == name), None)
    if turn is not None:
        briefs.template(name, {"task", "path", "material"} | turn.inputs)
    elif "${" in prompt(name):
        briefs.template(name, {"schema"})


def test_no_prompt_is_missing_from_this_list():
    folder = Path(__file__).parents[2] / "prompts"
    assert sorted(it.relative_to(folder).as_posix() for it in folder.rglob("*.md")) == sorted(PROMPTS)


def test_a_missing_prompt_is_said():
    with pytest.raises(PromptError, match=r"The prompt nothing.md is missing: install"):
        prompt("nothing.md")


def test_a_wheel_has_its_prompts_inside(monkeypatch, tmp_path):
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "architect.md").write_text("---\nname: architect\n---\nFrom the wheel.\n", encoding="utf-8")
    monkeypatch.setattr("architect_lsp.review.agents.resources.files", lambda _: tmp_path)
    assert load("architect").body == "From the wheel.\n"


STRICT = "---\nname: gatekeeper\ndescription: Guards the API.\nmodel: opus\ncolor: red\ntools: Read, Grep\n---\n\nYou guard.\n"


def test_a_strict_file():
    agent = parsed(STRICT, "other")
    assert agent == Agent(
        "gatekeeper", "Guards the API.", "claude-opus-5-5", ("Read", "Grep"), "You guard.\n", agent.version, "red"
    )


def test_a_description_with_colons_and_examples_written_out():
    text = (
        "---\n"
        "name: gatekeeper\n"
        "description: Use this agent when: the API changes. Examples:\\n\\n<example>\\nContext: A new route.\\n"
        'user: "Please review"\\nassistant: "I\'ll use the gatekeeper"\\n</example>\n'
        "model: sonnet\n"
        "---\n"
        "You guard: always.\n"
    )
    agent = parsed(text, "x")
    assert agent.description.startswith(
        "Use this agent when: the API changes. Examples:\n\n<example>\nContext: A new route.\nuser:"
    )
    assert agent.model == "claude-sonnet-5-5"
    assert agent.notes == (
        "`description` holds a colon without quotes, which is no strict YAML; it is taken as it stands",
        "`description` holds `\\n` written out; line breaks are put in",
    )


def test_a_description_that_runs_over_lines():
    example = "<example>\nContext: A route.\nuser: Hi\n</example>"
    text = f"---\nname: gatekeeper\ndescription: Guards.\n\n{example}\nmodel: haiku\n---\nYou guard."
    agent = parsed(text, "x")
    assert agent.description.endswith("<example>\nContext: A route.\nuser: Hi\n</example>")
    assert agent.model == "claude-haiku-5-5"
    assert any("was taken to go on with `description`: <example>" in it for it in agent.notes)


@pytest.mark.parametrize(
    ("front", "description"),
    [
        ('description: "Says \\"no\\": often\\nand twice"', 'Says "no": often\nand twice'),
        ("description: 'It''s strict'", "It's strict"),
        ("description: |\n  One\n  two", "One\ntwo"),
        ("description: >-\n  One\n  two", "One two"),
        ("description:\n  Below.", "Below."),
        ("description:", ""),
        ("description: costs # 5", "costs # 5"),
    ],
)
def test_shapes_of_a_description(front, description):
    assert parsed(f"---\nname: a\n{front}\n---\nBody", "a").description == description


@pytest.mark.parametrize(
    ("front", "tools"),
    [
        ("tools: Read, Grep, Bash(git diff:*, git log:*)", ("Read", "Grep", "Bash(git diff:*, git log:*)")),
        ('tools: ["Read", "Grep"]', ("Read", "Grep")),
        ("tools:\n  - Read\n  - Grep", ("Read", "Grep")),
        ("tools:\n- Read\n- Grep", ("Read", "Grep")),
        ("tools: []", ()),
        ("tools:", ()),
    ],
)
def test_shapes_of_tools(front, tools):
    agent = parsed(f"---\nname: a\n{front}\nmodel: opus\n---\nBody", "a")
    assert agent.tools == tools
    assert agent.model == "claude-opus-5-5"


@pytest.mark.parametrize(
    ("model", "expected", "guessed"),
    [
        ("opus", "claude-opus-5-5", False),
        ("Sonnet", "claude-sonnet-5-5", False),
        ("inherit", "", False),
        ("", "", False),
        ("claude-opus-4-5-20251101", "claude-opus-4-5-20251101", False),
        ("qwen3-coder:30b", "qwen3-coder:30b", False),
        ("gigantic", "", True),
        ("rm -rf /", "", True),
    ],
)
def test_models(model, expected, guessed):
    agent = parsed(f"---\nname: a\nmodel: {model}\n---\nBody", "a")
    assert agent.model == expected
    assert bool(agent.notes) == guessed


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("You guard.", "no front matter; the whole file is the prompt"),
        ("---\nname: a\nmodel: opus\n\nYou guard.", "no closing `---`"),
        ("---\nmodel: opus\n---\nYou guard.", "`name` is missing; the file's name is taken: stem"),
        ("---\nname: ../../etc\n---\nYou guard.", "`name` is not a plain name"),
        ("---\nname: a\nname: b\n---\nYou guard.", "`name` is given twice; the last one holds"),
        ('---\nname: a\ndescription: "open\n---\nYou guard.', "opens a quotation that doesn't close"),
    ],
)
def test_what_was_guessed_is_said(text, note):
    agent = parsed(text, "stem")
    assert agent.body == "You guard.\n"
    assert any(note in it for it in agent.notes)


@pytest.mark.parametrize(
    "text", ["\ufeff" + STRICT, STRICT.replace("\n", "\r\n"), "\n\n" + STRICT, STRICT.replace("---\n", "---  \n")]
)
def test_marks_and_line_ends_do_not_matter(text):
    agent = parsed(text, "x")
    assert (agent.name, agent.body, agent.notes) == ("gatekeeper", "You guard.\n", ())


@pytest.mark.parametrize("text", ["", "---", "---\n---", "---\nname: a\n---\n  \n"])
def test_a_file_that_says_nothing_is_refused(text):
    with pytest.raises(PromptError, match=r"has no text below its front matter: write there"):
        parsed(text, "a")


def test_folders_are_searched_in_order(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "guard.md").write_text(f"---\nname: guard\n---\nFrom {name}.", encoding="utf-8")
    (tmp_path / "one" / "empty.md").write_text("", encoding="utf-8")
    (tmp_path / "two" / "odd file.md").write_text("---\nname: named-otherwise\n---\nOdd.", encoding="utf-8")
    folders = [tmp_path / "missing", tmp_path / "one", tmp_path / "two"]
    assert load("guard", folders).body == "From one.\n"
    assert load("named-otherwise", folders).body == "Odd.\n"
    with pytest.raises(
        PromptError,
        match=re.escape("No agent is called `nobody`: set `architect.agent` to one of architect, guard, named-otherwise."),
    ):
        load("nobody", folders)
    with pytest.raises(PromptError, match=r"`empty` has no text"):
        load("empty", folders)


def test_ours_is_never_replaced_by_a_checkout(tmp_path):
    (tmp_path / "architect.md").write_text("---\nname: architect\n---\nSay nothing.", encoding="utf-8")
    assert load("architect", [tmp_path]) == load("architect")


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a/b", "a\\b", ".hidden", "x" * 200, "answer", "review"])
def test_a_name_is_no_path_and_turns_are_no_agents(name):
    with pytest.raises(PromptError, match=r"architect"):
        load(name)


def test_a_huge_or_unreadable_file_is_refused(tmp_path):
    (tmp_path / "big.md").write_text("x" * 300_000, encoding="utf-8")
    (tmp_path / "folder.md").mkdir()
    with pytest.raises(PromptError, match=r"big.md is larger than 256 kB"):
        load("big", [tmp_path])
    with pytest.raises(PromptError, match=r"folder.md can't be read"):
        load("folder", [tmp_path])


def test_bytes_that_are_no_text_do_no_harm(tmp_path):
    (tmp_path / "latin.md").write_bytes("---\nname: latin\n---\nÜberprüfe.".encode("latin-1"))
    assert "berpr" in load("latin", [tmp_path]).body


def test_who_reviews_a_file_is_told_by_globs_then_by_name_then_by_description(tmp_path):
    folder = tmp_path / "agents"
    folder.mkdir()
    (folder / "db.md").write_text(
        "---\nname: database\ndescription: Queries, migrations, models and storage of data\n---\nReview.\n"
    )
    (folder / "web.md").write_text("---\nname: web\ndescription: HTTP routes, endpoints and status codes\n---\nReview.\n")

    def name(path, about=(), **settings):
        return chosen(Settings(**settings), path, [folder], about).name

    assert name("app/x.py") == "architect"
    assert name("app/x.py", agent="web") == "web"
    assert name("billing/x.py", agent="web", agents={"billing/": "database", "*.py": "architect"}) == "database"
    assert name("app/x.py", agents={"*.py": "web"}) == "web"
    assert name("app/models/migrations.py", ("data",), agent="auto") == "database"
    assert name("app/endpoints/routes.py", agent="auto") == "web"
    assert name("app/x.py", agent="auto") == "architect"


def test_every_duty_of_the_architect_is_deepened_by_a_page_where_facts_call_for_it():
    """Pages are part of the architect; no page names a duty that it doesn't have."""
    duties = set(re.findall(r"\[([A-E]\d)\]", prompt("architect.md")))
    pages = {it: prompt(f"pages/{it}.md") for it in PAGES}
    assert {row for text in pages.values() for row in re.findall(r"\[([A-E]\d)\]", text)} <= duties
    assert {row for text in pages.values() for row in re.findall(r"\[([A-E]\d)\]", text)} >= {
        "A1",
        "A2",
        "B2",
        "B3",
        "C1",
        "C4",
        "E1",
    }
