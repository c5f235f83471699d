"""The language server: every handler, thin. State lives in `session`, values come from `engine`, LSP's words from `convert`."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from msgspec.structs import replace
from pygls.exceptions import JsonRpcException
from pygls.uris import to_fs_path

from architect_lsp import convert, models, reviews
from architect_lsp.convert import Client
from architect_lsp.model import Fix
from architect_lsp.session import Session
from architect_lsp.syntax.languages import PYTHON

if TYPE_CHECKING:
    from architect_lsp.engine import Document, Workspace
    from architect_lsp.knowledge.foreign import Foreign
    from architect_lsp.model import Finding, Span

REVIEW = "architect.review"
BRIEF = "architect.brief"
DRAFT = "architect.draft"
DRAFT_TEST = "architect.draftTest"
RUN_TEST = "architect.runTest"
CONSULT = "architect.consult"
AGENTS = "architect.agents"
MAP = "architect.map"
"""Takes {uri?, format?}, the map's page of the document's workspace unless told otherwise; gives {root, format, text}."""


def make() -> Session:
    """A server with every handler registered."""
    server = Session()

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        encoding = types.PositionEncodingKind(server.workspace.position_encoding or "utf-16").value  # its str() is another
        server.client = Client.of(params.capabilities, encoding)
        options = params.initialization_options
        if isinstance(options, dict):
            server.trusted = options.get("trusted") is not False
            server.client = replace(server.client, shows_findings=options.get("showsFindings") is True)
            server.client = replace(server.client, has_models=options.get("hasModels") is True)
            settings = options.get("settings")
            if isinstance(settings, dict):
                server.editor_settings = {k: v for k, v in settings.items() if k not in ("server", "trace")}
        if server.client.pull:

            @server.feature(
                types.TEXT_DOCUMENT_DIAGNOSTIC,
                types.DiagnosticOptions(inter_file_dependencies=True, workspace_diagnostics=False, identifier=convert.SOURCE),
            )
            def pull(params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
                return _pulled(server, params)

    @server.feature(types.INITIALIZED)
    async def initialized(_: types.InitializedParams) -> None:
        for it in list(server.workspace.folders.values()) or _root(server):
            path = to_fs_path(it if isinstance(it, str) else it.uri)
            if path:
                server.workspace_at(Path(path))
        server.status()
        await _register(server)
        if server.can_review:
            await asyncio.to_thread(lambda: server.ledger)  # opened where it keeps nobody waiting
            if not server.reviews:
                server.status()

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def configuration(params: types.DidChangeConfigurationParams) -> None:
        settings: object = params.settings
        if server.client.configuration:
            answer = await server.workspace_configuration_async(
                types.ConfigurationParams([types.ConfigurationItem(section="architect")])
            )
            settings = answer[0] if answer else {}
        server.configure(settings if settings is not None else {})

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def folders(params: types.DidChangeWorkspaceFoldersParams) -> None:
        for gone in params.event.removed:
            path = to_fs_path(gone.uri)
            if path:
                server.workspaces.pop(Path(path), None)
        for added in params.event.added:
            path = to_fs_path(added.uri)
            if path:
                server.workspace_at(Path(path))
        for uri, (old, name) in list(server.uris.items()):
            document = old.documents.get(name)
            server.uris[uri] = server.home(uri)
            if document is not None and server.uris[uri][0] is not old:
                server.take(uri, document.text, document.version)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def watched(params: types.DidChangeWatchedFilesParams) -> None:
        _reread(server, params.changes)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(params: types.HoverParams) -> types.Hover | None:
        return _hover(server, params)

    kinds = [types.CodeActionKind.QuickFix, convert.FIX_ALL, "refactor.architect"]

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=kinds))
    def actions(params: types.CodeActionParams) -> list[types.CodeAction | types.Command] | None:
        return list(_actions(server, params)) or None

    @server.feature(models.TEXT)
    def answered(params: Any) -> None:
        server.models.take(str(params.id), str(params.text))

    @server.command(REVIEW)
    def review(*arguments: Any) -> None:
        if target := _target(server, REVIEW, arguments):
            reviews.start(server, *target)

    @server.command(BRIEF)
    def brief(*arguments: Any) -> str:
        target = _target(server, BRIEF, arguments)
        return reviews.request(server, *target) if target else ""

    @server.command(DRAFT)
    def draft(*arguments: Any) -> None:
        if target := _target(server, DRAFT, arguments):
            reviews.start_draft(server, target[0], str(arguments[0].get("fingerprint", "")))

    @server.command(DRAFT_TEST)
    def draft_test(*arguments: Any) -> None:
        if target := _target(server, DRAFT_TEST, arguments):
            reviews.start_test(server, target[0], str(arguments[0].get("fingerprint", "")))

    @server.command(RUN_TEST)
    def run_test(*arguments: Any) -> None:
        if target := _target(server, RUN_TEST, arguments):
            reviews.start_rehearsal(server, target[0], str(arguments[0].get("fingerprint", "")))

    @server.command(CONSULT)
    def consult(*arguments: Any) -> None:
        if target := _target(server, CONSULT, arguments):
            reviews.start_advice(server, *target, str(arguments[0].get("question", "")))

    @server.command(AGENTS)
    def agents(*_: Any) -> list[dict[str, str]]:
        return reviews.agents(server)

    @server.command(MAP)
    async def draw(*arguments: Any) -> dict[str, str] | None:
        return await _map(server, arguments[0] if arguments and isinstance(arguments[0], dict) else {})

    @server.feature(types.SHUTDOWN)
    def shutdown(*_: Any) -> None:
        server.stop()

    return server


def serve(transport: str = "stdio", host: str = "127.0.0.1", port: int = 0) -> int:
    """Serve one client over "stdio", "tcp" or "ws" until it leaves. Gives the exit code: 1 if it left without `shutdown`."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    server = make()
    server.remote = transport != "stdio"
    if transport == "tcp":
        server.start_tcp(host, port)
    elif transport == "ws":
        server.start_ws(host, port)
    else:
        server.start_io()
    return 0 if server.protocol._shutdown else 1  # LSP 3.17, "Exit Notification"


def _target(server: Session, command: str, arguments: Sequence[Any]) -> tuple[str, types.Range | None] | None:
    """(document, range) of a command's one argument, None where it is not what it should be; the person is told."""
    target = arguments[0] if arguments else None
    uri = target.get("uri") if isinstance(target, dict) else None
    if not isinstance(target, dict) or not isinstance(uri, str):
        server.say(f"{command} takes one argument: {{uri, range?}}.", "error")
        return None
    where = target.get("range")
    return uri, server.protocol._converter.structure(where, types.Range) if where else None


def _root(server: Session) -> Sequence[str]:
    return [server.workspace.root_uri] if server.workspace.root_uri else []


async def _register(server: Session) -> None:
    if not server.client.watch:
        return
    watchers = [types.FileSystemWatcher(it) for it in ("**/*.py", "**/{agents,commands,skills}/**/*.md", "**/pyproject.toml")]
    options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
    registration = types.Registration("watch", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
    try:
        await server.client_register_capability_async(types.RegistrationParams([registration]))
    except JsonRpcException as error:
        server.log(f"The editor does not watch files ({error}): a file changed outside of it is read again when it is opened.")


def _reread(server: Session, changes: Sequence[types.FileEvent]) -> None:
    """Files changed on disk: read those that are not open again."""
    from architect_lsp.knowledge.files import relative

    touched: set[Path] = set()
    for change in changes:
        path = to_fs_path(change.uri)
        if path is None:
            continue
        file = Path(path)
        for root, workspace in server.workspaces.items():
            if root != file.parent and root not in file.parents:
                continue
            if file.name == "pyproject.toml":
                server.configure_workspace(workspace)
                touched.add(root)
                continue
            generation = workspace.project.generation
            workspace.reread(relative(root, file))
            if workspace.project.generation != generation:
                touched.add(root)
    if touched:
        server.refresh()


def _pulled(server: Session, params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
    uri = params.text_document.uri
    if uri not in server.uris:
        return types.RelatedFullDocumentDiagnosticReport(items=[])
    _, diagnostics, _ = server.diagnostics(uri)
    result_id = str(hash(tuple(repr(it) for it in diagnostics)))
    if params.previous_result_id == result_id:
        return types.RelatedUnchangedDocumentDiagnosticReport(result_id=result_id)
    return types.RelatedFullDocumentDiagnosticReport(items=diagnostics, result_id=result_id)


def _hover(server: Session, params: types.HoverParams) -> types.Hover | None:
    home = server.uris.get(params.text_document.uri)
    document = home[0].documents.get(home[1]) if home else None
    if home is None or document is None:
        return None
    workspace = home[0]
    offset = document.lines.offset(params.position.line, params.position.character, server.client.encoding)
    findings = workspace.finding_at(document, offset)
    if not findings:
        return _portrait(server, workspace, document, params.position)
    texts = [
        convert.hover_text(it, list(_receipts(workspace, document, it)), server.client, document.language.name) for it in findings
    ]
    kind = types.MarkupKind.Markdown if server.client.markdown else types.MarkupKind.PlainText
    where = convert.to_lsp_range(document.lines, findings[0].span, server.client.encoding)
    return types.Hover(types.MarkupContent(kind, "\n\n---\n\n".join(texts)), where)


def _portrait(server: Session, workspace: Workspace, document: Document | Foreign, at: types.Position) -> types.Hover | None:
    """What a function, an agent or a graph does, where its name is under the pointer; None elsewhere."""
    from architect_lsp.engine import Document
    from architect_lsp.knowledge.likeness import likeness
    from architect_lsp.knowledge.portrait import named_at, portrait

    if not isinstance(document, Document):
        return None
    offset = document.lines.offset(at.line, at.character, server.client.encoding)
    found = likeness(workspace.project, document, offset)
    if found is None:
        named = named_at(workspace.project, document, offset)
        if named is None:
            return None
        path, definition, span = named
        found = portrait(workspace.project, path, definition), span
    text = "\n\n".join(found[0])
    if not text:
        return None
    if not server.client.markdown:
        text = text.replace("`", "").replace("**", "")
    kind = types.MarkupKind.Markdown if server.client.markdown else types.MarkupKind.PlainText
    return types.Hover(types.MarkupContent(kind, text), convert.to_lsp_range(document.lines, found[1], server.client.encoding))


async def _map(server: Session, wanted: dict[str, Any]) -> dict[str, str] | None:
    """The map of a workspace once it was read; None, and a word to the person, where there is none. Drawn in a thread."""
    from architect_lsp.drawing import FORMATS, drawn

    uri, form = wanted.get("uri"), wanted.get("format", "html")
    workspace = server.home(uri)[0] if isinstance(uri, str) else next(iter(server.workspaces.values()), None)
    if workspace is None or form not in FORMATS:
        server.say(f"{MAP} takes {{uri?, format?}}, in an open folder; format is one of {', '.join(FORMATS)}.", "error")
        return None
    if workspace.root in server.scans:
        await asyncio.wait([server.scans[workspace.root]])
    text = await asyncio.to_thread(drawn, workspace, form, project=workspace.project.overlay())
    return {"root": str(workspace.root), "format": form, "text": text}


def _receipts(workspace: Workspace, document: Document, finding: Finding) -> Iterator[str]:
    from architect_lsp.engine import Receipt

    for fix in finding.fixes:
        result = workspace.try_fix(document, finding, fix)
        if isinstance(result, Receipt):
            yield f"Quick fix “{fix.title}” was tried: {', '.join(result.checks)}."


def _actions(server: Session, params: types.CodeActionParams) -> Iterator[types.CodeAction | types.Command]:
    uri = params.text_document.uri
    home = server.uris.get(uri)
    document = home[0].documents.get(home[1]) if home else None
    if home is None or document is None:
        return
    workspace = home[0]
    only = params.context.only
    span = convert.from_lsp_range(document.lines, params.range, server.client.encoding)

    def wanted(kind: str) -> bool:
        return only is None or any(kind == it or kind.startswith(f"{it}.") or it == "" for it in only)

    if wanted(types.CodeActionKind.QuickFix.value) and server.client.literals:
        fixes: list[types.CodeAction] = []
        dismissals: list[types.CodeAction] = []
        for repair in workspace.repairs(document, span):
            changes = _changes(server, workspace, document, repair.fix)
            edit = convert.to_lsp_edit(changes, server.client, repair.fix.by_model)
            diagnostic = server.diagnostic(workspace, document, repair.finding)
            title = f"{repair.fix.title} ({len(changes)} files)" if len(changes) > 1 else repair.fix.title
            action = convert.to_lsp_action(title, repair.fix, edit, diagnostic, server.client)
            (fixes if repair.receipt else dismissals).append(action)
        yield from fixes
        yield from _drafting(server, workspace, document, uri, span, fix=not fixes)
        yield from dismissals
    if only is not None and wanted(convert.FIX_ALL) and server.client.literals:
        edits = workspace.safe_edits(document)
        if edits:
            changed = convert.Changed(uri, document.version, document.lines, edits)
            edit = convert.to_lsp_edit([changed], server.client)
            yield types.CodeAction("Fix all that is safe to fix", kind=convert.FIX_ALL, edit=edit)
    if span.start != span.end and server.can_review and wanted("refactor.architect"):
        argument = {"uri": uri, "range": server.protocol._converter.unstructure(params.range)}
        command = types.Command(f"Review this selection with {server.claude.model}", command=REVIEW, arguments=[argument])
        yield types.CodeAction(command.title, kind="refactor.architect", command=command) if server.client.literals else command


def _changes(server: Session, workspace: Workspace, document: Document | Foreign, fix: Fix) -> list[convert.Changed]:
    """A fix's edits by document, that of its finding first. Effect: reads files that are not open, just tried."""
    from architect_lsp.engine import Skipped
    from architect_lsp.fixes import edits_by_path

    found: list[convert.Changed] = []
    for path, edits in sorted(edits_by_path(fix, document.path).items(), key=lambda it: it[0] != document.path):
        other = document if path == document.path else workspace.document(path)
        if isinstance(other, Skipped):
            return []
        version = other.version if path in workspace.documents else None
        found.append(convert.Changed(server.uri_of(workspace, path), version, other.lines, edits))
    return found


def _drafting(
    server: Session, workspace: Workspace, document: Document | Foreign, uri: str, span: Span, *, fix: bool
) -> Iterator[types.CodeAction]:
    """What a model drafts, or has drafted, for the gravest finding here: a fix, where it has none, and a test that shows it."""
    found = [it for it in workspace.findings(document) if it.span.touches(span)]
    for finding in sorted(found, key=lambda it: -it.severity.weight)[:1]:
        diagnostic = server.diagnostic(workspace, document, finding)
        argument = {"uri": uri, "fingerprint": finding.fingerprint}

        def action(title: str, command: str, it: types.Diagnostic = diagnostic, to: Any = argument) -> types.CodeAction:
            doing = types.Command(title, command=command, arguments=[to])
            return types.CodeAction(title, kind=types.CodeActionKind.QuickFix, diagnostics=[it], command=doing)

        if server.can_review and fix:
            yield action(f"Draft a fix with {server.claude.model}", DRAFT)
        test = server.drafted_tests.get((uri, finding.fingerprint))
        if test is not None:
            if server.client.creates:
                edit = convert.to_lsp_new_file(server.uri_of(workspace, test.path), test.text, server.client)
                fix_of = Fix(f"Add {test.path}: {test.claim}"[:160], (), by_model=True)
                yield convert.to_lsp_action(fix_of.title, fix_of, edit, diagnostic, server.client)
            if server.trusted and not server.remote:
                yield action(f"Run {test.path} in a copy of the project", RUN_TEST)
        elif server.can_review and document.language is PYTHON:
            yield action("Draft a test that shows this", DRAFT_TEST)
