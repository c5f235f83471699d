"""The languages a model may review: a row each. Rules, facts and effects are Python's alone.

A language is one grammar (a package of PyPI) and its queries, `queries/<name>.scm`; `outline.py` reads them all.
"""

from __future__ import annotations

from msgspec import Struct

from architect_lsp.patterns import regex


class Language(Struct, frozen=True):
    """`name` is the word for Markdown's fences, `ids` are editors' language ids, `suffixes` the ends of file names.

    `grammar` is the module and the function that gives it, "" where the language has no outline. `comments` are the openings and
    closings that a comment may have, usual ones first. `own_methods` says whether a bare `f()` may call a method of the class.
    """

    name: str
    title: str
    ids: tuple[str, ...]
    suffixes: tuple[str, ...]
    grammar: tuple[str, str] = ("", "")
    queries: tuple[str, ...] = ()
    comments: tuple[tuple[str, str], ...] = (("// ", ""),)
    own_methods: bool = False


PYTHON = Language("python", "Python", ("python",), (".py", ".pyi"), comments=(("# ", ""),))

MARKDOWN = Language("markdown", "Markdown", ("markdown",), (".md",), comments=(("# ", ""), ("<!-- ", " -->")))
"""Only the files that tell agents what to do: `is_agent_file`."""

YAML = Language("yaml", "YAML", ("yaml", "dockercompose"), (".yaml", ".yml"), comments=(("# ", ""),))
JSON = Language("json", "JSON", ("json", "jsonc"), (".json",), comments=())
GRAPHQL = Language("graphql", "GraphQL", ("graphql",), (".graphql", ".graphqls", ".gql"), comments=(("# ", ""),))
SCHEMAS = (YAML, JSON, GRAPHQL)
"""Only the files that describe an API: see `describes_api`."""

_AGENT_FILE = regex(
    r"(?:^|/)(?:\.claude/(?:agents|commands)/.+|\.claude/skills/[^/]+/SKILL|(?:agents|commands)/[^/]+|skills/[^/]+/SKILL)\.md$"
)

_OPENAPI = regex(r"""(?m)(?:^|[{,]\s*)["']?(?:openapi|swagger)["']?[ \t]*:[ \t]*["']?[23](?:\.\d|["'\s])""")
_SDL = regex(r"(?m)^[ \t]*(?:extend[ \t]+)?(?:type|interface|input|enum|union|schema)\b(?![ \t]*[:(])")
_HEAD = 2_000
"""Characters in which a file says that it describes an API, unless its name says so."""

_JSX = (("// ", ""), ("{/* ", " */}"))

OTHERS = (
    Language(
        "typescript",
        "TypeScript",
        ("typescript",),
        (".ts", ".mts", ".cts"),
        ("tree_sitter_typescript", "language_typescript"),
        ("typescript",),
    ),
    Language(
        "tsx",
        "TypeScript with JSX",
        ("typescriptreact", "tsx"),
        (".tsx",),
        ("tree_sitter_typescript", "language_tsx"),
        ("typescript", "jsx"),
        _JSX,
    ),
    Language(
        "javascript",
        "JavaScript",
        ("javascript", "javascriptreact", "jsx"),
        (".js", ".jsx", ".mjs", ".cjs"),
        ("tree_sitter_javascript", "language"),
        ("javascript",),
        _JSX,
    ),
    Language("go", "Go", ("go",), (".go",), ("tree_sitter_go", "language"), ("go",)),
    Language("java", "Java", ("java",), (".java",), ("tree_sitter_java", "language"), ("java",), own_methods=True),
    Language("rust", "Rust", ("rust",), (".rs",), ("tree_sitter_rust", "language"), ("rust",)),
    Language(
        "ruby",
        "Ruby",
        ("ruby",),
        (".rb", ".rake"),
        ("tree_sitter_ruby", "language"),
        ("ruby",),
        (("# ", ""),),
        own_methods=True,
    ),
    Language(
        "csharp",
        "C#",
        ("csharp", "cs", "c-sharp"),
        (".cs",),
        ("tree_sitter_c_sharp", "language"),
        ("c_sharp",),
        own_methods=True,
    ),
    Language("php", "PHP", ("php",), (".php",), ("tree_sitter_php", "language_php"), ("php",)),
    Language(
        "kotlin",
        "Kotlin",
        ("kotlin",),
        (".kt", ".kts"),
        ("tree_sitter_kotlin", "language"),
        ("kotlin",),
        own_methods=True,
    ),
)

_SCHEMA_SUFFIXES = tuple(suffix for it in SCHEMAS for suffix in it.suffixes)


def is_agent_file(path: str) -> bool:
    """Whether a Markdown file's path is one where agents, skills and commands are kept."""
    return bool(_AGENT_FILE.search(path))


def may_describe_api(path: str) -> bool:
    """Whether a file is of a kind that may describe an API, by the end of its name."""
    return path.lower().endswith(_SCHEMA_SUFFIXES)


def describes_api(path: str, head: str) -> bool:
    """Whether a file is an OpenAPI document or a GraphQL schema, by its text or the beginning of it."""
    if path.lower().endswith(GRAPHQL.suffixes):
        return _SDL.search(head) is not None
    named = "openapi" in path.lower() or "swagger" in path.lower()
    return _OPENAPI.search(head if named else head[:_HEAD]) is not None


def language_of_text(name: str, text: str, language_id: str = "") -> Language | None:
    """The language as below; None too for a text that could describe an API and does not."""
    found = language_of(name, language_id)
    return None if found in SCHEMAS and not describes_api(name, text) else found


def language_of(name: str, language_id: str = "") -> Language | None:
    """The language of a file by the editor's id, else by its name; None when it is none of ours.

    Nothing known at all is taken for Python, as is whatever is named so.
    """
    if is_agent_file(name):
        return MARKDOWN
    name = name.lower()
    if name.endswith(PYTHON.suffixes):
        return PYTHON
    every = (PYTHON, *SCHEMAS, *OTHERS)
    found = next((it for it in every if language_id in it.ids), None) or next(
        (it for it in every if name.endswith(it.suffixes)), None
    )
    return found or (None if language_id else PYTHON)
