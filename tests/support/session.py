"""A client's side of one server process: what a test sends and waits for. Waiting is for a message, never for a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from lsprotocol import types
from pytest_lsp import LanguageClient

EDITORS = ("visual-studio-code", "neovim", "emacs")


class Session:
    """One server process and a client that keeps what it was told."""

    def __init__(self, client: LanguageClient, root: Path) -> None:
        self.client = client
        self.root = root
        self.statuses: list[dict[str, Any]] = []
        self.capabilities: types.ServerCapabilities | None = None

    def uri(self, name: str) -> str:
        return (self.root / name).as_uri()

    def open(self, name: str, text: str | None = None, version: int = 1, language: str = "python") -> str:
        """Open a file of the root, with its text on disk unless another is given."""
        text = (self.root / name).read_bytes().decode() if text is None else text
        uri = self.uri(name)
        item = types.TextDocumentItem(uri, language, version, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def change(self, uri: str, version: int, *changes: tuple[tuple[int, int, int, int] | None, str]) -> None:
        """Send changes: ((start line, column, end line, column), text), or (None, whole text)."""
        events: list[types.TextDocumentContentChangeEvent] = []
        for where, text in changes:
            if where is None:
                events.append(types.TextDocumentContentChangeWholeDocument(text))
            else:
                span = types.Range(types.Position(where[0], where[1]), types.Position(where[2], where[3]))
                events.append(types.TextDocumentContentChangePartial(span, text))
        identifier = types.VersionedTextDocumentIdentifier(version, uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, events))

    async def diagnostics(
        self, uri: str, until: Callable[[list[types.Diagnostic]], bool] = lambda _: True, timeout_s: float = 60
    ) -> list[types.Diagnostic]:
        """The document's diagnostics, by push or pull as was negotiated, once they satisfy `until`."""
        pull = self.capabilities is not None and self.capabilities.diagnostic_provider is not None

        async def wait() -> list[types.Diagnostic]:
            while True:
                if pull:
                    identifier = types.TextDocumentIdentifier(uri)
                    report = await self.client.text_document_diagnostic_async(types.DocumentDiagnosticParams(identifier))
                    found = list(getattr(report, "items", []))
                else:
                    found = list(self.client.diagnostics.get(uri, []))
                if until(found) and (pull or uri in self.client.diagnostics):
                    return found
                await self.told(types.WORKSPACE_DIAGNOSTIC_REFRESH if pull else types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)

        return await asyncio.wait_for(wait(), timeout_s)

    async def told(self, method: str) -> Any:
        """The next notification of this kind."""
        return await self.client.protocol.wait_for_notification_async(method)

    async def message(self, until: Callable[[str], bool] = lambda _: True, timeout_s: float = 60) -> str:
        """The first message shown to the person that satisfies `until`."""

        async def wait() -> str:
            while True:
                found = next((it.message for it in self.client.messages if until(it.message)), None)
                if found is not None:
                    return found
                await self.told(types.WINDOW_SHOW_MESSAGE)

        return await asyncio.wait_for(wait(), timeout_s)

    async def actions(self, uri: str, where: types.Range, only: list[str] | None = None) -> list[types.CodeAction]:
        """The code actions at a range."""
        context = types.CodeActionContext(diagnostics=[], only=only)
        found = await self.client.text_document_code_action_async(
            types.CodeActionParams(types.TextDocumentIdentifier(uri), where, context)
        )
        return [it for it in found or [] if isinstance(it, types.CodeAction)]

    async def hover(self, uri: str, line: int, column: int) -> str:
        """The hover's text, "" when there is none."""
        found = await self.client.text_document_hover_async(
            types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(line, column))
        )
        return found.contents.value if found and isinstance(found.contents, types.MarkupContent) else ""


Start = Callable[..., Awaitable[Session]]


def applied(session: Session, text: str, edit: types.WorkspaceEdit, uri: str) -> str:
    """The text after a workspace edit, by the negotiated columns, as an editor applies it."""
    if edit.changes:
        edits = list(edit.changes[uri])
    else:
        assert edit.document_changes
        (document,) = edit.document_changes
        assert isinstance(document, types.TextDocumentEdit)
        assert document.text_document.uri == uri
        edits = [it for it in document.edits if isinstance(it, types.TextEdit | types.AnnotatedTextEdit)]
    encoding = str(session.capabilities.position_encoding or "utf-16") if session.capabilities else "utf-16"
    codec, unit = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[encoding]
    lines = text.split("\n")

    def offset(at: types.Position) -> int:
        line = lines[at.line].encode(codec)[: at.character * unit].decode(codec)
        return sum(len(it) + 1 for it in lines[: at.line]) + len(line)

    spans = [(offset(it.range.start), offset(it.range.end), it.new_text) for it in edits]
    for start, end, new in sorted(spans, key=lambda it: it[:2], reverse=True):
        text = text[:start] + new + text[end:]
    return text
