"""The real server over stdio, as VS Code, Neovim and Emacs see it."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pytest_lsp import client_capabilities, make_test_lsp_client

from support.session import Session, Start


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """A function that starts a server on a root and gives a Session; all end with the test."""
    sessions: list[Session] = []

    async def begin(
        root: Path | None = None,
        editor: str = "visual-studio-code",
        *,
        options: dict[str, Any] | None = None,
        environment: dict[str, str] | None = None,
        change: Callable[[types.ClientCapabilities], None] | None = None,
        folders: list[Path] | None = None,
    ) -> Session:
        root = root or tmp_path
        client = make_test_lsp_client()
        session = Session(client, root)

        @client.feature("architect/status")
        def status(params: Any) -> None:
            session.statuses.append({it: getattr(params, it) for it in ("state", "model", "done", "total", "detail", "spent")})

        env = {it: value for it, value in os.environ.items() if it not in ("ANTHROPIC_API_KEY", "ARCHITECT_API_KEY")}
        await client.start_io(sys.executable, "-m", "architect_lsp", "serve", env={**env, **(environment or {})})
        capabilities = client_capabilities(editor)
        if change:
            change(capabilities)
        result = await client.initialize_session(
            types.InitializeParams(
                capabilities,
                process_id=os.getpid(),
                root_uri=root.as_uri(),
                workspace_folders=[types.WorkspaceFolder(it.as_uri(), it.name) for it in folders or [root]],
                initialization_options=options,
            )
        )
        session.capabilities = result.capabilities
        sessions.append(session)
        return session

    yield begin
    for it in sessions:
        if it.client._server is not None and it.client._server.returncode is None:
            await it.client.shutdown_session()
        await it.client.stop()
