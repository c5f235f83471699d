"""What kind of file a path is, by the conventions of the field: a test, a script. Pure; nothing is read."""

from __future__ import annotations

import posixpath
import re

from architect_lsp.patterns import regex

_SCRIPT_FOLDERS = regex(
    r".*migrations?|alembic|scripts?|commands|cli|examples?|example_\w+|samples?|playgrounds?|docs|benchmarks?|fixtures|mocks?|seeds"
)
_SCRIPTS = regex(
    r"(setup|manage|noxfile|fabfile|conftest|_*cli|__main__|\w*bootstrap|(seed|populate|migrate|benchmark|create_test)\w*)\.py"
)

_SAMPLES = regex(r"_*(?:tests?|fixtures?|mocks?|test-?_?data|examples?|samples?|snapshots)_*")


def is_test(path: str) -> bool:
    """Whether the file is a test by pytest's and unittest's conventions."""
    name = posixpath.basename(path)
    folders = path.split("/")[:-1]
    return bool(re.match(r"(tests?_.*|.*_tests?|conftest|tests?)\.py$", name)) or any(
        it in ("test", "tests", "testing") or it.endswith("_tests") for it in folders
    )


def is_script(path: str) -> bool:
    """Whether the file runs once or by hand: a migration, a command, an example, a seed."""
    *folders, name = path.split("/")
    return bool(_SCRIPTS.fullmatch(name)) or any(_SCRIPT_FOLDERS.fullmatch(it) for it in folders)


def is_sample(path: str) -> bool:
    """Whether a file that is no code belongs to tests or shows something: a fixture, a mock, an example."""
    return is_test(path) or any(_SAMPLES.fullmatch(it) for it in path.split("/")[:-1])
