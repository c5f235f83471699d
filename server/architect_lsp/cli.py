"""The command `architect-lsp`: arguments, exit codes, files and streams. What it finds and how it is shown live elsewhere.

Exit codes: 0 nothing found, 1 findings, 2 it could not run (one line on stderr says why), 130 interrupted. Everything heavy is
imported by the subcommand that needs it, so `--version` and usage errors answer at once.
"""

from __future__ import annotations

import argparse
import difflib
import gc
import io
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from architect_lsp import __version__
from architect_lsp.terminal import Progress, colour

if TYPE_CHECKING:
    from architect_lsp.engine import Checked, Skipped, Workspace
    from architect_lsp.report import Section
    from architect_lsp.text import Lines

_GARBAGE = 50_000
"""Objects after which Python looks for cycles: its own 700 makes it walk every tree that is parsed, for the half of all time."""
_FIX_ROUNDS = 4
"""Fixes that collide are applied one round after the other."""


class CannotRun(Exception):  # noqa: N818  (said to a person: "cannot run: ...")
    """Why nothing could be done; its text is the one line on stderr."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    gc.set_threshold(_GARBAGE)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        arguments = _parser().parse_args(argv)
        run: Callable[[argparse.Namespace], int] = arguments.run
        code = run(arguments)
        if not sys.stdout.closed:  # the server closes it when its client leaves
            sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader (`| head`) has seen enough; a second failure at exit would be printed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:  # the edge: one line, never a traceback
        if sys.flags.dev_mode:
            raise
        kind = "" if isinstance(error, CannotRun | OSError) else f"{type(error).__name__}: "
        print(f"architect-lsp: {kind}{' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return code


class _Parser(argparse.ArgumentParser):
    """Usage errors are one line too."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message} (`{self.prog} --help` lists what it takes)", file=sys.stderr)
        raise SystemExit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="architect-lsp",
        description="A design reviewer for Python backends and agent systems.",
        epilog="Exit codes: 0 nothing found, 1 findings, 2 could not run, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"architect-lsp {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    check = commands.add_parser("check", help="check files and folders with the rules", description="Check files and folders.")
    check.add_argument("paths", nargs="*", metavar="PATH", default=["."], help="files or folders (default: this folder)")
    check.add_argument("--format", choices=("text", "json", "sarif"), default="text", help="how findings are written")
    check.add_argument("--output", metavar="FILE", help="write the report there instead of to stdout")
    check.add_argument("--fix", action="store_true", help="apply the safe fixes in place, then report what is left")
    check.add_argument("--select", metavar="RULE,...", default="", help="run these rules only, preview rules included")
    check.add_argument("--base", metavar="REF", default="", help="say what breaks clients of the API as it was there in git")
    check.set_defaults(run=_check)

    chart = commands.add_parser("map", help="draw what a project is made of", description="Draw what a project is made of.")
    chart.add_argument("path", nargs="?", metavar="PATH", default=".", help="a project's folder (default: this one)")
    chart.add_argument("--format", choices=("text", "json", "mermaid", "html"), default="text", help="how it is drawn")
    chart.add_argument("--output", metavar="FILE", help="write it there instead of to stdout")
    chart.add_argument(
        "--links",
        metavar="URL",
        help="where places of the source lead in the HTML, with {path} and {line} in it (default: VS Code on this machine)",
    )
    chart.set_defaults(run=_map)

    serve = commands.add_parser("serve", help="speak the Language Server Protocol", description="Serve editors.")
    transport = serve.add_mutually_exclusive_group()
    transport.add_argument("--stdio", action="store_true", help="on stdin and stdout (the default)")
    transport.add_argument("--tcp", metavar="HOST:PORT", help="on a TCP port")
    transport.add_argument("--ws", metavar="HOST:PORT", help="on a WebSocket (needs architect-lsp[websockets])")
    serve.set_defaults(run=_serve)

    rules = commands.add_parser("rules", help="list every rule", description="List every rule.")
    rules.add_argument("--format", choices=("text", "json", "markdown"), default="text")
    rules.set_defaults(run=_rules)

    explain = commands.add_parser("explain", help="show a rule's page", description="Show why a rule speaks and what to do.")
    explain.add_argument("rule", metavar="RULE")
    explain.set_defaults(run=_explain)

    _model_commands(commands)
    return parser


def _model_commands(commands: argparse._SubParsersAction[_Parser]) -> None:
    shown = commands.add_parser("brief", help="show what a review would send, and its price", description="Nothing is sent.")
    shown.add_argument("where", metavar="FILE[:FIRST[-LAST]]", help="a file, or lines of it (from 1)")
    shown.add_argument("--format", choices=("text", "json"), default="text", help="json is the exact body of the request")
    asked = commands.add_parser("review", help="have a model review files", description="Sends code to the model you name.")
    asked.add_argument("where", nargs="+", metavar="FILE[:FIRST[-LAST]]", help="files, or lines of them (from 1)")
    asked.add_argument("--format", choices=("text", "json", "sarif"), default="text", help="how findings are written")
    asked.add_argument("--output", metavar="FILE", help="write the report there instead of to stdout")
    asked.add_argument("--frozen", action="store_true", help="ask nobody: recorded answers only, else exit code 2")
    asked.add_argument("--record", metavar="FILE", help="keep the exchange, secrets taken out, in this file")
    asked.add_argument("--replay", metavar="FILE", help="answer from such a file, without a network")
    measured = commands.add_parser("eval", help="measure a reviewer on a suite of labelled cases", description="See tests/suite.")
    measured.add_argument("suite", metavar="FOLDER", help="Markdown files with cases")
    measured.add_argument("--reviewer", choices=("rules", "model", "both"), default="rules")
    measured.add_argument("--format", choices=("text", "json"), default="text")
    advice = commands.add_parser("consult", help="ask a model a design question", description="Sends the question and the file.")
    advice.add_argument("question", metavar="QUESTION", help='such as "how should my agents talk to each other?"')
    advice.add_argument("where", metavar="FILE[:FIRST[-LAST]]", help="what it is about")
    for it in (shown, asked, measured, advice):
        it.add_argument("--agent", metavar="NAME", help="the agent file that reviews")
        it.add_argument("--model", metavar="ID", help="the model, by its full id")
        it.add_argument("--base-url", metavar="URL", help="a server of your own that speaks the Messages API")
    usage = commands.add_parser("usage", help="say what reviews have cost", description="Reads the ledger; sends nothing.")
    usage.add_argument("--days", type=int, default=30, help="how far to look back (default: 30)")
    usage.add_argument("--format", choices=("text", "json"), default="text")
    for command, name in (
        (shown, "show_brief"),
        (asked, "review"),
        (usage, "show_usage"),
        (measured, "evaluate"),
        (advice, "advise"),
    ):
        command.set_defaults(run=_asking, does=name)


def _asking(arguments: argparse.Namespace) -> int:
    from architect_lsp import asking
    from architect_lsp.review.agents import PromptError
    from architect_lsp.review.reviewing import ReviewError
    from architect_lsp.settings import SettingsError

    try:
        code: int = getattr(asking, arguments.does)(arguments)
    except (PromptError, ReviewError, SettingsError) as error:
        raise CannotRun(str(error)) from error
    return code


def _check(arguments: argparse.Namespace) -> int:
    from architect_lsp.report import Report, as_json, as_text, summary
    from architect_lsp.settings import SettingsError

    signal.signal(signal.SIGTERM, _terminated)
    here = Path.cwd()
    select = tuple(it.strip() for it in arguments.select.split(",") if it.strip())
    progress = Progress(sys.stderr)
    fixed: dict[str, int] = {}
    sections: list[Section] = []
    seen: set[Path] = set()
    try:
        for root, tops in _roots(arguments.paths).items():
            workspace = _workspace(root, select)
            sections.append(_section(workspace, tops, seen, progress, fixed if arguments.fix else None, here, arguments.base))
    except SettingsError as error:
        raise CannotRun(str(error)) from error
    finally:
        progress.clear()
    report = Report(here, tuple(sections), fixed)
    if arguments.format == "sarif":
        from architect_lsp.sarif import as_sarif

        text = as_sarif(report)
    else:
        text = as_json(report) if arguments.format == "json" else as_text(report, colour=colour(arguments.output))
    if arguments.output:
        Path(arguments.output).write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
        print("\n".join(summary(report)), file=sys.stderr)
    else:
        sys.stdout.write(text)
    return 1 if report.n_findings else 0


def _map(arguments: argparse.Namespace) -> int:
    from architect_lsp.drawing import drawn
    from architect_lsp.settings import SettingsError

    if not Path(arguments.path).is_dir():
        raise CannotRun(f"there is no folder `{arguments.path}`.")
    signal.signal(signal.SIGTERM, _terminated)
    progress = Progress(sys.stderr)
    root = Path(os.path.abspath(arguments.path))  # noqa: PTH100  (as in `_roots`)
    try:
        workspace = _workspace(root, ())
        skipped = workspace.scan((), progress.of("reading"))
        text = drawn(workspace, arguments.format, arguments.links)
    except SettingsError as error:
        raise CannotRun(str(error)) from error
    finally:
        progress.clear()
    for it in skipped:
        print(f"architect-lsp: {it.path} {it.reason}: it is not on the map", file=sys.stderr)
    if arguments.output:
        Path(arguments.output).write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    else:
        sys.stdout.write(text)
    return 0


def _roots(paths: Sequence[str]) -> dict[Path, list[Path]]:
    """Each project's root -> the paths below it that were asked for. Raises CannotRun when one does not exist.

    A folder of examples or scripts that is asked for by name is a project of its own: inside it they are what is meant.
    """
    from architect_lsp.knowledge.files import relative, root_of
    from architect_lsp.knowledge.kinds import is_script

    found: dict[Path, list[Path]] = {}
    for name in paths:
        path = Path(os.path.abspath(name))  # noqa: PTH100  (`absolute` keeps `..`, `resolve` follows links)
        if not os.path.lexists(path):
            raise CannotRun(f"there is no file or folder `{name}`.")
        root = root_of(path)
        if path.is_dir() and is_script(f"{relative(root, path)}/module.py"):
            root = path
        found.setdefault(root, []).append(path)
    return found


def _workspace(root: Path, select: Sequence[str]) -> Workspace:
    """The root's workspace under its own settings. Raises SettingsError; CannotRun when `select` names no rule."""
    from architect_lsp.engine import Workspace
    from architect_lsp.rules.rule import all_rules
    from architect_lsp.settings import parse, project_table

    workspace = Workspace(root, parse(None, project_table(root)))
    if select:
        known = {it.name: it for it in all_rules()}
        for name in select:
            if name not in known:
                raise CannotRun(f"--select: {_no_rule(name, known)}")
        workspace.rules = tuple(it for it in known.values() if it.name in select)
    return workspace


def _section(
    workspace: Workspace,
    tops: Sequence[Path],
    seen: set[Path],
    progress: Progress,
    fixed: dict[str, int] | None,
    here: Path,
    base: str,
) -> Section:
    from architect_lsp.engine import Skipped
    from architect_lsp.knowledge import history
    from architect_lsp.knowledge.files import has_marker, relative, sources
    from architect_lsp.report import Section, shown_path
    from architect_lsp.syntax.languages import is_agent_file, may_describe_api

    root = workspace.root
    names: list[str] = []
    skipped: list[Skipped] = []
    for top in tops:
        known = top.suffix in (".py", ".pyw", "") or is_agent_file(relative(root, top)) or may_describe_api(top.name)
        if top.is_file() and not known:
            skipped.append(Skipped(relative(root, top), "is not a Python file"))
            continue
        for it in sources(top, root, workspace.settings.exclude, schemas=True):
            if isinstance(it, Skipped):
                skipped.append(it)
            elif it not in seen:
                seen.add(it)
                names.append(relative(root, it))
    around = [root] if has_marker(root) else [it for top in tops if top.is_file() for it in sorted(top.parent.glob("*.py"))]
    workspace.scan([*around, *tops], progress.of("reading"))
    if ref := base or workspace.settings.base:
        workspace.compare(history.base(root, ref, workspace.project, workspace.settings))
    for note in workspace.notes:
        print(f"architect-lsp: {note}", file=sys.stderr)
    checked, refused = _checked(workspace, names, progress)
    if fixed is not None:
        for found in checked:
            count, reason = _fix(workspace, found)
            if count:
                fixed[shown_path(here, root / found.path)] = count
            if reason:
                skipped.append(Skipped(found.path, reason))
        if fixed:
            checked, refused = _checked(workspace, names, progress)
    lines = {it.path: _lines(workspace, it.path) for it in checked if it.findings}
    return Section(root, tuple(checked), tuple(dict.fromkeys((*skipped, *refused))), lines)


def _checked(workspace: Workspace, names: Sequence[str], progress: Progress) -> tuple[list[Checked], list[Skipped]]:
    from architect_lsp.engine import Checked, Skipped

    found = [*workspace.check_files(names, progress.of("checking")), *workspace.gone(names)]
    return [it for it in found if isinstance(it, Checked)], [it for it in found if isinstance(it, Skipped)]


def _lines(workspace: Workspace, name: str) -> Lines:
    from architect_lsp.engine import Skipped
    from architect_lsp.text import Lines

    return Lines("" if isinstance(found := workspace.load(name), Skipped) else found.text)


def _fix(workspace: Workspace, checked: Checked) -> tuple[int, str]:
    """(findings whose safe fix was written, why it was not written). Effect: replaces the file."""
    from architect_lsp.engine import Skipped
    from architect_lsp.knowledge.files import replace_text
    from architect_lsp.knowledge.foreign import document_of
    from architect_lsp.syntax.languages import PYTHON, language_of
    from architect_lsp.text import apply

    if not any(fix.safe for it in checked.findings for fix in it.fixes):
        return 0, ""
    found = workspace.load(checked.path)
    if isinstance(found, Skipped):
        return 0, ""
    document = document_of(checked.path, found.text, None, language_of(checked.path) or PYTHON)
    for _ in range(_FIX_ROUNDS):
        text = apply(document.text, workspace.safe_edits(document))
        if text is None or text == document.text:
            break
        document = document.edited(text)
        workspace.take(checked.path, document)
    if document.text == found.text:
        return 0, ""
    refusal = replace_text(workspace.root / checked.path, found.text, document.text)
    if refusal:
        return 0, f"was not fixed: {refusal}"
    return max(1, len(checked.findings) - len(workspace.check(document).findings)), ""


def _serve(arguments: argparse.Namespace) -> int:
    from architect_lsp.server import serve

    if arguments.tcp:
        return serve("tcp", *_address(arguments.tcp))
    if arguments.ws:
        return serve("ws", *_address(arguments.ws))
    return serve("stdio", "", 0)


def _address(text: str) -> tuple[str, int]:
    """(host, port); no host is this machine alone. Raises CannotRun when there is no port."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise CannotRun(f"`{text}` is not HOST:PORT, such as 127.0.0.1:2087.")
    return host.strip("[]") or "127.0.0.1", int(port)


def _rules(arguments: argparse.Namespace) -> int:
    from architect_lsp import rulebook

    written = {"json": rulebook.as_json, "markdown": rulebook.as_markdown, "text": rulebook.as_text}
    sys.stdout.write(written[arguments.format]())
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    from architect_lsp import rulebook
    from architect_lsp.rules.rule import all_rules

    known = {it.name: it for it in all_rules()}
    rule = known.get(arguments.rule)
    if rule is None:
        raise CannotRun(_no_rule(arguments.rule, known))
    sys.stdout.write(rulebook.page_text(rule))
    return 0


def _no_rule(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, 3, 0.5)
    hint = f"did you mean {' or '.join(f'`{it}`' for it in near)}?" if near else "`architect-lsp rules` lists them."
    return f"there is no rule `{name}`; {hint}"


def _terminated(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)
