"""The floor: a pygls server that looks at nothing and publishes one fixed diagnostic for each version."""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

server = LanguageServer("bare", "1")
FIXED = types.Diagnostic(types.Range(types.Position(0, 0), types.Position(0, 1)), "fixed")


@server.feature(types.TEXT_DOCUMENT_DID_OPEN)
def opened(params: types.DidOpenTextDocumentParams) -> None:
    """Publish."""
    publish(params.text_document.uri, params.text_document.version)


@server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
def changed(params: types.DidChangeTextDocumentParams) -> None:
    """Publish."""
    publish(params.text_document.uri, params.text_document.version)


def publish(uri: str, version: int) -> None:
    """The one diagnostic."""
    server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, [FIXED], version))


if __name__ == "__main__":
    server.start_io()
