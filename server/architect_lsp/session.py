"""One connection: its client, its workspaces, its open documents and what was said of them. All state that changes lives here.

Nothing blocks: rules answer from memory, the scan of a project runs in other processes. The engine is imported when the first
workspace is made, so that `initialize` is answered before it is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine, Generator, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method
from pygls.uris import to_fs_path

from architect_lsp import __version__, convert
from architect_lsp.convert import Client
from architect_lsp.model import Edit, Finding, Place
from architect_lsp.models import Models
from architect_lsp.progress import compare, scan
from architect_lsp.schedule import Schedule
from architect_lsp.syntax.languages import Language, language_of_text
from architect_lsp.text import Lines

if TYPE_CHECKING:
    from architect_lsp.drafting import DraftedTest
    from architect_lsp.engine import Broken, Document, Workspace
    from architect_lsp.review.ledger import Ledger
    from architect_lsp.settings import Settings

STATUS = "architect/status"
"""Sent by the server to the extension, whenever the status bar should change; other clients ignore it."""

_UNHURRIED_S = 0.03
"""A check that took longer than this waits as long again before the next, so that a burst of keystrokes is checked once."""
_SETTLED_S = 0.4
"""A pause in typing after which broken text is read anew."""
_LARGE = 50_000
"""Characters from which a file that was opened is looked at in slices."""
_SLICE_S = 0.08
"""How long it is looked at before what was found so far is shown."""
_LEARNING_S = 0.02
"""How long the facts of a file's units are made before whatever came meanwhile is heard."""
_MAX_TEXT = 2_000_000
"""Characters of a document above which it is not read, and said not to be."""

logger = logging.getLogger(__name__)


class Protocol(LanguageServerProtocol):
    """pygls' protocol without its copy of every text: it splits lines where LSP does not, and anew for every change."""

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> Generator[Any, Any, None]:
        """Over a socket the listener is closed: `sys.exit` inside a connection's callback would be printed as a crash."""
        if self._server.remote:  # type: ignore[attr-defined]
            self._server.shutdown()  # type: ignore[no-untyped-call]
        else:
            yield from super().lsp_exit(*args)

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        self._server.opened(params)  # type: ignore[attr-defined]

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        self._server.changed(params)  # type: ignore[attr-defined]

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        self._server.closed(params)  # type: ignore[attr-defined]


class Session(LanguageServer):
    """One connection: its client, its workspaces, its open documents, its running reviews."""

    def __init__(self) -> None:
        super().__init__("architect-lsp", __version__, protocol_cls=Protocol)
        self.client = Client()
        self.remote = False  # whether the client is at the other end of a socket
        self.trusted = True
        self.editor_settings: dict[str, Any] = {}
        self.workspaces: dict[Path, Workspace] = {}
        self.scans: dict[Path, asyncio.Task[Any]] = {}
        self.uris: dict[str, tuple[Workspace, str]] = {}
        self.languages: dict[str, Language] = {}  # of the documents that are open
        self.too_large: dict[str, int] = {}
        self.drafted_tests: dict[tuple[str, str], DraftedTest] = {}  # by document and fingerprint of the finding
        self.reviews: dict[asyncio.Task[None], str] = {}
        self._told: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.schedule = Schedule()
        self._took_s: dict[str, float] = {}
        self.models = Models(self.protocol)

    # Documents

    def opened(self, params: types.DidOpenTextDocumentParams) -> None:
        """didOpen: take the text and publish."""
        it = params.text_document
        if (language := language_of_text(it.uri, it.text, it.language_id)) is None:
            return
        self.languages[it.uri] = language
        self.uris[it.uri] = self.home(it.uri)
        self.take(it.uri, it.text, it.version)
        self.schedule.soon(f"tell {it.uri}", _SETTLED_S, partial(self._tell, it.uri))

    def changed(self, params: types.DidChangeTextDocumentParams) -> None:
        """didChange: apply the changes in their order and publish."""
        uri = params.text_document.uri
        if uri not in self.uris:
            return
        workspace, name = self.uris[uri]
        document = workspace.documents.get(name)
        if document is None:
            whole = [it for it in params.content_changes if isinstance(it, types.TextDocumentContentChangeWholeDocument)]
            if whole:
                self.take(uri, whole[-1].text, params.text_document.version)
            return
        text, edit = document.text, None
        for change in params.content_changes:
            lines = document.lines if edit is None and text is document.text else Lines(text)
            edit = convert.from_lsp_change(lines, change, self.client.encoding)
            text = text[: edit.span.start] + edit.text + text[edit.span.end :]
        self.take(uri, text, params.text_document.version, edit if len(params.content_changes) == 1 else None)

    def closed(self, params: types.DidCloseTextDocumentParams) -> None:
        """didClose: forget the text; its diagnostics go."""
        uri = params.text_document.uri
        self.too_large.pop(uri, None)
        self.languages.pop(uri, None)
        home = self.uris.pop(uri, None)
        if home is not None:
            workspace, name = home
            workspace.close(name)
            if not self.client.pull:
                self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def take(self, uri: str, text: str, version: int | None, edit: Edit | None = None) -> None:
        """Take an open document's text, or the next version of it, and publish."""
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
        workspace.open(name, text, version, edit, self.languages[uri])
        if self._took_s.get(uri, 0) > _UNHURRIED_S:
            self.schedule.soon(uri, min(self._took_s[uri], 0.5), partial(self.publish, uri))
        else:
            self.publish(uri)
        if workspace.project.generation != generation:
            self._others_soon(workspace, uri)
        self.schedule.soon(f"settle {uri}", _SETTLED_S, partial(self._settle, uri))

    def _settle(self, uri: str) -> None:
        """After a pause in typing, show of broken text what a fresh reading of it would."""
        if uri not in self.uris:
            return
        workspace, name = self.uris[uri]
        generation = workspace.project.generation
        if workspace.settle(name):
            self.show(uri)
        if workspace.project.generation != generation:
            self._others_soon(workspace, uri)

    def _tell(self, uri: str) -> None:
        """While nobody waits, let the project know what the next edit needs."""
        workspace, name = self.uris.get(uri, (None, ""))
        if workspace is not None and not workspace.tell(name, time.perf_counter() + _LEARNING_S):
            self.schedule.soon(f"tell {uri}", 0, partial(self._tell, uri))

    def _others_soon(self, workspace: Workspace, changed: str) -> None:
        """What a function does has changed: the other open files are checked again, after this one was published."""
        others = [it for it, (home, _) in self.uris.items() if home is workspace and it != changed]
        if others and self.client.pull:
            self.refresh_soon()
        else:
            self.schedule.in_turn(others, self.publish)

    def refresh_soon(self) -> None:
        """Ask the client to pull again, once for all that changes in a moment."""
        self.schedule.soon("refresh", 0.05, partial(self.workspace_diagnostic_refresh, None), later=False)

    def show(self, uri: str) -> None:
        """Have the document's findings shown now, whichever way this client gets them."""
        if self.client.pull:
            self.workspace_diagnostic_refresh(None)
        else:
            self.publish(uri)

    # Findings

    def publish(self, uri: str) -> None:
        """Send the findings of the newest text, rules' and model's together; an empty list too."""
        self.schedule.drop(uri)
        if self.client.pull or uri not in self.uris:
            return
        version, diagnostics, complete = self.diagnostics(uri, time.perf_counter() + _SLICE_S)
        if not complete:
            self.schedule.soon(uri, 0, partial(self.publish, uri))
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, diagnostics, version))

    def diagnostics(self, uri: str, until_s: float | None = None) -> tuple[int | None, list[types.Diagnostic], bool]:
        """(version, diagnostics, whether they are all) of an open document; `until_s` as `Workspace.check` takes it."""
        workspace, name = self.uris[uri]
        document = workspace.documents.get(name)
        if document is None:
            return None, [], True
        start = time.perf_counter()
        checked = workspace.check(document, until_s if len(document.text) > _LARGE else None)
        self._took_s[uri] = time.perf_counter() - start
        self._tell_broken(checked.broken)
        found = [self.diagnostic(workspace, document, it) for it in workspace.findings(document, checked)]
        return document.version, found, checked.complete

    def diagnostic(self, workspace: Workspace, document: Document, finding: Finding) -> types.Diagnostic:
        """The client's diagnostic of a finding."""
        place = partial(self._location, workspace)
        return document.once(finding, partial(convert.to_lsp_diagnostic, finding, document.lines, self.client, place))

    def _location(self, workspace: Workspace, place: Place) -> types.Location | None:
        document = workspace.documents.get(place.path)
        lines = document.lines if document else None
        return convert.to_lsp_place(self.uri_of(workspace, place.path), place, lines, self.client.encoding)

    def uri_of(self, workspace: Workspace, name: str) -> str:
        """The client's name of a file, open or not."""
        uri = next((it for it, home in self.uris.items() if home == (workspace, name)), "")
        return uri or convert.uri_of(str(workspace.root / name))

    def _tell_broken(self, broken: Iterable[Broken]) -> None:
        for it in broken:
            self.say_once(
                f"The rule {it.rule} failed on {it.path or 'the project'} and was left out there ({it.error}).", "warning"
            )

    # Homes

    def home(self, uri: str) -> tuple[Workspace, str]:
        """The workspace of a document and its path there; what is no file lives in a workspace of its own."""
        from architect_lsp.knowledge.files import has_marker, relative, root_of

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
        from architect_lsp.engine import Workspace
        from architect_lsp.settings import Settings

        found = self.workspaces.get(root)
        if found is None:
            found = self.workspaces[root] = Workspace(root, Settings())
            self.configure_workspace(found)
            if indexed:
                self.scans[root] = self.start(self._scan(found))
        return found

    def configure_workspace(self, workspace: Workspace) -> None:
        """Give a workspace its settings; wrong ones are named once, and the others or the defaults are used."""
        from architect_lsp.settings import SettingsError, parse, project_table

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
            before = workspace.settings.base
            self.configure_workspace(workspace)
            if workspace.settings.base != before:
                self.start(self._scan(workspace))
        self.models.forget()
        self.refresh()
        self.status()

    def refresh(self) -> None:
        """Every open document's findings again."""
        if self.client.pull:
            self.refresh_soon()
        for uri in list(self.uris):
            self.publish(uri)

    async def _scan(self, workspace: Workspace) -> None:
        """Let the workspace know its project, and publish what that adds."""
        try:
            await scan(self, workspace, shown=self.client.progress)
        except asyncio.CancelledError:
            self.log(f"Reading {workspace.root} was cancelled: findings that need its other files will be missing.")
            raise
        for it in workspace.notes:
            self.log(it)
        if refusal := await compare(workspace, trusted=self.trusted):
            self.say_once(refusal, "warning")
        self.refresh()

    # The model

    @property
    def claude(self) -> Any:
        """The model's reviewer under the present settings."""
        return self.models.reviewer(self.settings, trusted=self.trusted)

    @property
    def ledger(self) -> Ledger:
        """What was answered before, and what it cost."""
        return self.models.ledger(self.settings)

    @property
    def settings(self) -> Settings:
        """The settings of the first workspace, which name the model."""
        from architect_lsp.settings import Settings, SettingsError, parse

        for it in self.workspaces.values():
            return it.settings
        try:
            return parse(self.editor_settings)
        except SettingsError:
            return Settings()

    @property
    def can_review(self) -> bool:
        """Whether a model is connected and may be asked."""
        return self.trusted and self.models.connected(self.settings, self.client)

    # Words to the person

    def status(self, state: str = "", *, done: int = 0, total: int = 0, detail: str = "") -> None:
        """Tell the extension what its status bar should show; without a state, what is usual now."""
        usual = "model" if self.can_review else "rules"
        spent = self.models.spent(self.settings)
        about = {"model": self.settings.model, "done": done, "total": total, "detail": detail, "spent": spent}
        self.protocol.notify(STATUS, {"state": state or usual, **about})

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
        for it in list(self._tasks):
            it.cancel()
        self.schedule.stop()
