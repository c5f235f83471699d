"""The language server: every handler, and all state that changes. Values come from `engine`, LSP's words from `convert`.

Nothing here blocks: rules answer from memory, the scan of a project runs in other processes, a review is a task of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
import time
import uuid
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method
from pygls.uris import to_fs_path

from architect_lsp import __version__, convert
from architect_lsp.convert import Client
from architect_lsp.engine import (
    Broken,
    Document,
    Receipt,
    Workspace,
    carried,
    has_marker,
    relative,
    root_of,
)
from architect_lsp.model import Edit, Finding, Place, Span
from architect_lsp.settings import Settings, SettingsError, parse, project_table, take_api_key
from architect_lsp.text import Lines

REVIEW = "architect.review"
STATUS = "architect/status"
"""Sent by the server to the extension, whenever the status bar should change; other clients ignore it."""

_UNHURRIED_S = 0.03
"""A check that took longer than this waits as long again before the next, so that a burst of keystrokes is checked once."""
_MAX_TEXT = 2_000_000
"""Characters of a document above which it is not read, and said not to be."""

logger = logging.getLogger(__name__)


class Protocol(LanguageServerProtocol):
    """pygls' protocol without its copy of every text: it splits lines where LSP does not, and anew for every change."""

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        self._server.opened(params)  # type: ignore[attr-defined]

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        self._server.changed(params)  # type: ignore[attr-defined]

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        self._server.closed(params)  # type: ignore[attr-defined]


class ArchitectServer(LanguageServer):
    """One connection: its client, its workspaces, its open documents, its running reviews."""

    def __init__(self) -> None:
        super().__init__("architect-lsp", __version__, protocol_cls=Protocol)
        self.client = Client()
        self.trusted = True
        self.editor_settings: dict[str, Any] = {}
        self.workspaces: dict[Path, Workspace] = {}
        self.uris: dict[str, tuple[Workspace, str]] = {}
        self.too_large: dict[str, int] = {}
        self.reviews: dict[asyncio.Task[None], str] = {}
        self._told: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._pending: dict[str, asyncio.TimerHandle] = {}
        self._took_s: dict[str, float] = {}
        self._published: set[str] = set()
        self._stop_scan = threading.Event()
        self._api_key = take_api_key()
        self._claude: Any = None

    # Documents

    def opened(self, params: types.DidOpenTextDocumentParams) -> None:
        """didOpen: take the text and publish."""
        it = params.text_document
        if it.language_id not in ("python", "") and not it.uri.endswith((".py", ".pyi")):
            return
        self.uris[it.uri] = self._home(it.uri)
        self._take(it.uri, it.text, it.version)

    def changed(self, params: types.DidChangeTextDocumentParams) -> None:
        """didChange: apply the changes in their order and publish."""
        uri = params.text_document.uri
        home = self.uris.get(uri)
        if home is None:
            return
        workspace, name = home
        document = workspace.documents.get(name)
        if document is None:
            whole = [it for it in params.content_changes if isinstance(it, types.TextDocumentContentChangeWholeDocument)]
            if whole:
                self._take(uri, whole[-1].text, params.text_document.version)
            return
        text, edit = document.text, None
        for change in params.content_changes:
            lines = document.lines if edit is None and text is document.text else Lines(text)
            edit = convert.from_lsp_change(lines, change, self.client.encoding)
            text = text[: edit.span.start] + edit.text + text[edit.span.end :]
        self._take(uri, text, params.text_document.version, edit if len(params.content_changes) == 1 else None)

    def closed(self, params: types.DidCloseTextDocumentParams) -> None:
        """didClose: forget the text; its diagnostics go."""
        uri = params.text_document.uri
        self.too_large.pop(uri, None)
        home = self.uris.pop(uri, None)
        if home is not None:
            workspace, name = home
            workspace.close(name)
            if not self.client.pull:
                self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def _take(self, uri: str, text: str, version: int | None, edit: Edit | None = None) -> None:
        workspace, name = self.uris[uri]
        if len(text) > _MAX_TEXT:
            if uri not in self.too_large:
                self.too_large[uri] = len(text)
                self.say(f"{name} is not reviewed: {len(text):,} characters, the limit is {_MAX_TEXT:,}.", "warning")
            if name in workspace.documents:
                workspace.close(name)
            self.publish(uri)
            return
        self.too_large.pop(uri, None)
        generation = workspace.project.generation
        workspace.open(name, text, version, edit)
        if self._took_s.get(uri, 0) > _UNHURRIED_S:
            self._later(uri, self._took_s[uri])
        else:
            self.publish(uri)
        if workspace.project.generation != generation:
            self._others_soon(workspace, uri)

    def _later(self, uri: str, after_s: float) -> None:
        if uri in self._pending:
            self._pending[uri].cancel()
        self._pending[uri] = asyncio.get_running_loop().call_later(min(after_s, 0.5), self.publish, uri)

    def _others_soon(self, workspace: Workspace, changed: str) -> None:
        """What a function does has changed: the other open files are checked again, after this one was published."""
        others = [it for it, (home, _) in self.uris.items() if home is workspace and it != changed]
        if not others:
            return
        if self.client.pull:
            self._refresh_soon()
        else:
            for uri in others:
                self._later(uri, 0.05)

    def _refresh_soon(self) -> None:
        if "refresh" not in self._pending:
            self._pending["refresh"] = asyncio.get_running_loop().call_later(0.05, self._refresh)

    def _refresh(self) -> None:
        self._pending.pop("refresh", None)
        self.workspace_diagnostic_refresh(None)

    # Findings

    def publish(self, uri: str) -> None:
        """Send the findings of the newest text, rules' and model's together; an empty list too."""
        self._pending.pop(uri, None)
        if self.client.pull or uri not in self.uris:
            return
        version, diagnostics = self.diagnostics(uri)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, diagnostics, version))

    def diagnostics(self, uri: str) -> tuple[int | None, list[types.Diagnostic]]:
        """(version, diagnostics) of an open document."""
        workspace, name = self.uris[uri]
        document = workspace.documents.get(name)
        if document is None:
            return None, []
        start = time.perf_counter()
        checked = workspace.check(document)
        self._took_s[uri] = time.perf_counter() - start
        self._tell_broken(checked.broken)
        return document.version, [self.diagnostic(workspace, document, it) for it in workspace.findings(document)]

    def diagnostic(self, workspace: Workspace, document: Document, finding: Finding) -> types.Diagnostic:
        """The client's diagnostic of a finding."""

        def location(place: Place) -> types.Location | None:
            return self._location(workspace, place)

        return convert.to_lsp_diagnostic(finding, document.lines, self.client, location)

    def _location(self, workspace: Workspace, place: Place) -> types.Location | None:
        document = workspace.documents.get(place.path)
        uri = next((it for it, home in self.uris.items() if home == (workspace, place.path)), "")
        uri = uri or convert.uri_of(str(workspace.root / place.path))
        return convert.to_lsp_place(uri, place, document.lines if document else None, self.client.encoding)

    def _tell_broken(self, broken: Iterable[Broken]) -> None:
        for it in broken:
            self.say_once(
                f"The rule {it.rule} failed on {it.path or 'the project'} and was left out there ({it.error}).", "warning"
            )

    # Homes

    def _home(self, uri: str) -> tuple[Workspace, str]:
        path = to_fs_path(uri) if uri.startswith("file:") else None
        if path is None:
            return self.workspace_at(Path("/nowhere"), indexed=False), uri
        file = Path(path)
        roots = [it for it in self.workspaces if it == file or it in file.parents]
        root = max(roots, key=lambda it: len(it.parts)) if roots else root_of(file)
        workspace = self.workspace_at(root, indexed=has_marker(root))
        return workspace, relative(root, file)

    def workspace_at(self, root: Path, *, indexed: bool = True) -> Workspace:
        """The workspace of a root, made when it is first needed. Effect: starts reading the project's files."""
        found = self.workspaces.get(root)
        if found is None:
            found = self.workspaces[root] = Workspace(root, Settings())
            self._configure(found)
            if indexed:
                self.start(self._scan(found))
        return found

    def _configure(self, workspace: Workspace) -> None:
        try:
            workspace.use(parse(self.editor_settings, project_table(workspace.root)))
        except SettingsError as error:
            self.say_once(str(error), "warning")
            with contextlib.suppress(SettingsError):
                workspace.use(parse(self.editor_settings))

    def configure(self, settings: object) -> None:
        """Take the editor's settings anew and publish what they change."""
        if isinstance(settings, dict):
            values = settings.get("architect", settings)
            self.editor_settings = (
                {k: v for k, v in values.items() if k not in ("server", "trace")} if isinstance(values, dict) else {}
            )
        for workspace in self.workspaces.values():
            self._configure(workspace)
        self._claude = None
        self.refresh()
        self.status()

    def refresh(self) -> None:
        """Every open document's findings again."""
        if self.client.pull:
            self._refresh_soon()
        for uri in list(self.uris):
            self.publish(uri)

    async def _scan(self, workspace: Workspace) -> None:
        """Read the project's closed files, in other processes where there are many, and publish what they add."""
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def work() -> None:
            try:
                for name, found in workspace.scanned(stop=self._stop_scan):
                    loop.call_soon_threadsafe(workspace.take, name, found)
            finally:
                with contextlib.suppress(RuntimeError):  # the loop is gone: so is the need
                    loop.call_soon_threadsafe(done.set)

        threading.Thread(target=work, name="scan", daemon=True).start()
        await done.wait()
        self.refresh()

    # Reviews

    @property
    def claude(self) -> Any:
        """The model's reviewer under the present settings."""
        if self._claude is None:
            from architect_lsp.review.claude import Claude

            self._claude = Claude(self._settings, self._api_key if self.trusted else "")
        return self._claude

    @property
    def _settings(self) -> Settings:
        for it in self.workspaces.values():
            return it.settings
        try:
            return parse(self.editor_settings)
        except SettingsError:
            return Settings()

    @property
    def can_review(self) -> bool:
        """Whether a model is connected and may be asked."""
        return self.trusted and bool(self._api_key or self._settings.base_url)

    def review(self, uri: str, where: types.Range | None) -> None:
        """Start a review of a range, or of a whole document, as a task of its own."""
        if uri not in self.uris:
            self.say("Open the file in the editor before it is reviewed.", "warning")
            return
        if not self.trusted:
            self.say("This workspace is not trusted, so nothing is sent to a model; the rules go on.", "info")
            return
        if not self.can_review:
            self.say(
                "No model is connected: the rules go on. Set ANTHROPIC_API_KEY (in VS Code: the command "
                "“Architect: Set API Key”), or `architect.baseUrl` for a server of your own.",
                "info",
            )
            self.status()
            return
        workspace, name = self.uris[uri]
        document = workspace.documents.get(name)
        if document is None:
            self.say(f"{name} is too large to be reviewed.", "warning")
            return
        span = convert.from_lsp_range(document.lines, where, self.client.encoding) if where else Span(0, len(document.text))
        if span.start == span.end:
            line = document.lines.line_of(span.start)
            span = Span(*document.lines.bounds(line))
        task = self.start(self._review(uri, workspace, document, span))
        self.reviews[task] = uri
        task.add_done_callback(lambda it: self.reviews.pop(it, None))

    async def _review(self, uri: str, workspace: Workspace, document: Document, span: Span) -> None:
        from architect_lsp.review.agents import PromptError
        from architect_lsp.review.reviewing import ReviewError

        token = await self._progress("Architect review")
        spans = workspace.review_spans(document, span)
        outcome = ""
        found = 0
        failed = False
        try:
            for index, it in enumerate(spans, 1):
                self.status("reviewing", done=index, total=len(spans))
                count, partial = await self._review_span(uri, workspace, document, it, token)
                found += count
                if partial:
                    failed = True
                    outcome = partial
                    self.say(partial, "warning")
                    return
            outcome = f"{found} finding{'' if found == 1 else 's'} by {self.claude.model}"
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except (ReviewError, PromptError) as error:
            failed = True
            outcome = str(error)
            self.say(outcome, "error")
        except Exception as error:
            failed = True
            outcome = f"The review failed: {type(error).__name__}. The log has the details; the rules go on."
            self.say(outcome, "error")
            raise
        finally:
            if token:
                self.work_done_progress.end(token, types.WorkDoneProgressEnd(message=outcome))
            self.status("failed", detail=outcome) if failed else self.status()

    async def _review_span(self, uri: str, workspace: Workspace, document: Document, span: Span, token: str) -> tuple[int, str]:
        """(findings published, why the answer is not whole or "")."""
        from architect_lsp.review.agents import load
        from architect_lsp.review.remarks import Dropped
        from architect_lsp.review.reviewing import Notice, review
        from architect_lsp.review.reviewing import Receipt as Sent

        name = document.path
        snapshot = document.snapshot
        folders = [workspace.root / ".claude" / "agents"] if self.trusted else []
        agent = load(workspace.settings.agent, folders)
        brief = workspace.brief(name, span, agent)
        workspace.forget(name, span)
        found, said, partial = 0, "", ""
        async for it in review(snapshot, span, brief, self.claude):
            if isinstance(it, Finding):
                if self._keep(uri, workspace, name, it, snapshot.text):
                    found += 1
            elif isinstance(it, Notice):
                if token:
                    self.work_done_progress.report(token, types.WorkDoneProgressReport(message=it.text))
                self.log(it.text)
                said = it.text
            elif isinstance(it, Dropped):
                self.log(f"dropped a remark: {it.reason}")
            elif isinstance(it, Sent):
                partial = "" if it.complete else said or "The answer ended early: the review is partial."
                cost = "unknown cost" if it.cost_usd is None else f"about ${it.cost_usd:.4f}"
                self.log(
                    f"sent {it.bytes_sent:,} bytes (sha256 {it.sha256[:12]}) to {it.to}: {it.input_tokens:,} tokens in, "
                    f"{it.cached_tokens:,} of them cached, {it.output_tokens:,} out, {cost}; "
                    f"redacted: {', '.join(it.redacted) or 'nothing'}; dropped remarks: {it.dropped}"
                )
        self._shown(uri)
        return found, partial

    def _keep(self, uri: str, workspace: Workspace, name: str, finding: Finding, text: str) -> bool:
        """Publish a remark at once, moved to where its text is now; a fix that has no receipt is left out."""
        document = workspace.documents.get(name)
        if document is None:
            return False
        moved = carried([finding], text, document.text)
        if not moved:
            return False
        workspace.remember(name, workspace.proven(document, moved[0]))
        self._shown(uri)
        return True

    def _shown(self, uri: str) -> None:
        if self.client.pull:
            self._refresh()
        else:
            self.publish(uri)

    async def _progress(self, title: str) -> str:
        """A progress token whose cancel button cancels the calling task; "" where the client shows none."""
        if not self.client.progress:
            return ""
        token = str(uuid.uuid4())
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        await self.work_done_progress.create_async(token)
        self.work_done_progress.begin(token, types.WorkDoneProgressBegin(title=title, cancellable=True))

        def cancel(future: Any) -> None:
            if future.cancelled() and task is not None:
                loop.call_soon_threadsafe(task.cancel)

        self.work_done_progress.tokens[token].add_done_callback(cancel)
        return token

    # Words to the person

    def status(self, state: str = "", *, done: int = 0, total: int = 0, detail: str = "") -> None:
        """Tell the extension what its status bar should show; without a state, what is usual now."""
        usual = "model" if self.can_review else "rules"
        values = {"state": state or usual, "model": self._settings.model, "done": done, "total": total, "detail": detail}
        self.protocol.notify(STATUS, values)

    def say(self, text: str, kind: str) -> None:
        """One line to the person, where the editor shows messages, and in the log."""
        kinds = {"error": types.MessageType.Error, "warning": types.MessageType.Warning, "info": types.MessageType.Info}
        self.window_show_message(types.ShowMessageParams(kinds[kind], text))
        self.log(text)

    def say_once(self, text: str, kind: str) -> None:
        """As `say`, but the same words never twice in a session."""
        if text not in self._told:
            self._told.add(text)
            self.say(text, kind)

    def log(self, text: str) -> None:
        """A line of the editor's output channel."""
        self.window_log_message(types.LogMessageParams(types.MessageType.Log, text))

    def report_server_error(self, error: Exception, source: Any) -> None:
        """pygls' hook for what a handler raised: one line in the log, never a traceback in the person's face."""
        logger.error("%s: %s", getattr(source, "__name__", source), error)

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a task the server owns: what it raises is logged, shutdown cancels it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)

        def ended(it: asyncio.Task[Any]) -> None:
            self._tasks.discard(it)
            if not it.cancelled() and it.exception() is not None:
                logger.error("a task failed", exc_info=it.exception())

        task.add_done_callback(ended)
        return task

    def stop(self) -> None:
        """Cancel what runs."""
        self._stop_scan.set()
        for it in list(self._tasks):
            it.cancel()
        for handle in self._pending.values():
            handle.cancel()


def make() -> ArchitectServer:
    """A server with every handler registered."""
    server = ArchitectServer()

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        encoding = types.PositionEncodingKind(server.workspace.position_encoding or "utf-16").value  # its str() is another
        server.client = Client.of(params.capabilities, encoding)
        options = params.initialization_options
        if isinstance(options, dict):
            server.trusted = options.get("trusted") is not False
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
            server.uris[uri] = server._home(uri)
            if document is not None and server.uris[uri][0] is not old:
                server._take(uri, document.text, document.version)

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

    @server.command(REVIEW)
    def review(*arguments: Any) -> None:
        target = arguments[0] if arguments else None
        uri = target.get("uri") if isinstance(target, dict) else None
        if not isinstance(uri, str):
            server.say(f"{REVIEW} takes one argument: {{uri, range?}}.", "error")
            return
        where = target.get("range") if isinstance(target, dict) else None
        server.review(uri, server.protocol._converter.structure(where, types.Range) if where else None)

    @server.feature(types.SHUTDOWN)
    def shutdown(*_: Any) -> None:
        server.stop()

    return server


def serve(transport: str = "stdio", host: str = "127.0.0.1", port: int = 0) -> int:
    """Serve one client over "stdio", "tcp" or "ws" until it leaves. Gives the process's exit code: 1 if it left without `shutdown`."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    server = make()
    if transport == "tcp":
        server.start_tcp(host, port)
    elif transport == "ws":
        server.start_ws(host, port)
    else:
        server.start_io()
    return 0 if server.protocol._shutdown else 1  # LSP 3.17, "Exit Notification"


def _root(server: ArchitectServer) -> Sequence[str]:
    return [server.workspace.root_uri] if server.workspace.root_uri else []


async def _register(server: ArchitectServer) -> None:
    if not server.client.watch:
        return
    watchers = [types.FileSystemWatcher("**/*.py"), types.FileSystemWatcher("**/pyproject.toml")]
    options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
    registration = types.Registration("watch", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
    try:
        await server.client_register_capability_async(types.RegistrationParams([registration]))
    except JsonRpcException as error:
        server.log(f"The editor does not watch files ({error}): a file changed outside of it is read again when it is opened.")


def _reread(server: ArchitectServer, changes: Sequence[types.FileEvent]) -> None:
    """Files changed on disk: read those that are not open again."""
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
                server._configure(workspace)
                touched.add(root)
                continue
            generation = workspace.project.generation
            workspace.reread(relative(root, file))
            if workspace.project.generation != generation:
                touched.add(root)
    if touched:
        server.refresh()


def _pulled(server: ArchitectServer, params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
    uri = params.text_document.uri
    if uri not in server.uris:
        return types.RelatedFullDocumentDiagnosticReport(items=[])
    _, diagnostics = server.diagnostics(uri)
    result_id = str(hash(tuple(repr(it) for it in diagnostics)))
    if params.previous_result_id == result_id:
        return types.RelatedUnchangedDocumentDiagnosticReport(result_id=result_id)
    return types.RelatedFullDocumentDiagnosticReport(items=diagnostics, result_id=result_id)


def _hover(server: ArchitectServer, params: types.HoverParams) -> types.Hover | None:
    home = server.uris.get(params.text_document.uri)
    document = home[0].documents.get(home[1]) if home else None
    if home is None or document is None:
        return None
    workspace = home[0]
    offset = document.lines.offset(params.position.line, params.position.character, server.client.encoding)
    findings = workspace.finding_at(document, offset)
    if not findings:
        return None
    texts = [convert.hover_text(it, list(_receipts(workspace, document, it)), markdown=server.client.markdown) for it in findings]
    kind = types.MarkupKind.Markdown if server.client.markdown else types.MarkupKind.PlainText
    where = convert.to_lsp_range(document.lines, findings[0].span, server.client.encoding)
    return types.Hover(types.MarkupContent(kind, "\n\n---\n\n".join(texts)), where)


def _receipts(workspace: Workspace, document: Document, finding: Finding) -> Iterator[str]:
    for fix in finding.fixes:
        result = workspace.try_fix(document, finding, fix)
        if isinstance(result, Receipt):
            yield f"Quick fix “{fix.title}” was tried: {', '.join(result.checks)}."


def _actions(server: ArchitectServer, params: types.CodeActionParams) -> Iterator[types.CodeAction | types.Command]:
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
            edit = convert.to_lsp_edit(
                uri, document.version, document.lines, repair.fix.edits, server.client, repair.fix.by_model
            )
            diagnostic = server.diagnostic(workspace, document, repair.finding)
            action = convert.to_lsp_action(repair.fix.title, repair.fix, edit, diagnostic, server.client)
            (fixes if repair.receipt else dismissals).append(action)
        yield from fixes
        yield from dismissals
    if only is not None and wanted(convert.FIX_ALL) and server.client.literals:
        edits = workspace.safe_edits(document)
        if edits:
            edit = convert.to_lsp_edit(uri, document.version, document.lines, edits, server.client)
            yield types.CodeAction("Fix all that is safe to fix", kind=convert.FIX_ALL, edit=edit)
    if span.start != span.end and server.can_review and wanted("refactor.architect"):
        argument = {"uri": uri, "range": server.protocol._converter.unstructure(params.range)}
        command = types.Command(f"Review this selection with {server.claude.model}", command=REVIEW, arguments=[argument])
        yield types.CodeAction(command.title, kind="refactor.architect", command=command) if server.client.literals else command
