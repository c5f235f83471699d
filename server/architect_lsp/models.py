"""Whom a connection may ask: the model behind a key, a server of one's own, a cloud, or the editor's own models."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pygls.exceptions import JsonRpcException

if TYPE_CHECKING:
    from architect_lsp.convert import Client
    from architect_lsp.review.ledger import Ledger
    from architect_lsp.settings import Settings

ASK = "architect/model"
"""A request of the server to the editor: ask your own model. It answers in `architect/modelText` notifications, then here."""
TEXT = "architect/modelText"
"""A notification of the editor: the next part of its model's answer, with the number of the request."""
CANCEL = "architect/modelCancel"
"""A notification of the server: the answer with this number is not wanted any more."""


class Models:
    """One for a connection; reviewer and ledger are made when they are first needed."""

    def __init__(self, protocol: Any) -> None:
        """Effect: takes `ARCHITECT_API_KEY` out of the environment, so that no child gets what the editor keeps secret."""
        own = os.environ.pop("ARCHITECT_API_KEY", "")
        self._api_key = own or os.environ.get("ANTHROPIC_API_KEY", "")
        self._protocol = protocol
        self._reviewer: Any = None
        self._ledger: Ledger | None = None
        self._ledger_url = ""
        self._told: dict[str, Callable[[str], None]] = {}  # where the pieces of the editor's model's answers go
        self._numbers = itertools.count(1)

    def connected(self, settings: Settings, client: Client) -> bool:
        """Whether a model could be asked."""
        if settings.provider == "editor":
            return client.has_models
        return bool(self._api_key or settings.base_url or settings.provider != "anthropic")

    def reviewer(self, settings: Settings, *, trusted: bool) -> Any:
        """Who is asked under these settings, the same until `forget`."""
        if self._reviewer is None and settings.provider == "editor":
            from architect_lsp.review.editor import EditorModel

            async def ask(system: str, asked: str, told: Callable[[str], None]) -> str:
                return await self._ask(system, asked, settings.model, told)

            self._reviewer = EditorModel(ask, settings.timeout_s)
        elif self._reviewer is None:
            from architect_lsp.review.claude import Claude

            self._reviewer = Claude(settings, self._api_key if trusted else "")
        return self._reviewer

    def forget(self) -> None:
        """The settings have changed: the next one asked is made anew."""
        self._reviewer = None

    def ledger(self, settings: Settings) -> Ledger:
        """What was answered before, and what it cost; the same until the settings name another place."""
        from architect_lsp.review.team import ledger_at

        if self._ledger is None or self._ledger_url != settings.ledger:
            self._ledger, self._ledger_url = ledger_at(settings.ledger), settings.ledger
        return self._ledger

    def spent(self, settings: Settings) -> str:
        """What a day has cost so far, "" before the ledger was opened."""
        if self._ledger is None:
            return ""
        from architect_lsp.review.budget import spent

        return spent(self.ledger(settings), settings)

    def take(self, number: str, text: str) -> None:
        """Part of the editor's model's answer came in; of an answer that nobody waits for it is let go."""
        told = self._told.get(number)
        if told is not None:
            told(text)

    async def _ask(self, system: str, asked: str, model: str, told: Callable[[str], None]) -> str:
        from architect_lsp.review.reviewing import ReviewError

        number = str(next(self._numbers))
        self._told[number] = told
        try:
            request = {"id": number, "system": system, "prompt": asked, "model": model}
            answer = await self._protocol.send_request_async(ASK, request)
        except JsonRpcException as error:
            raise ReviewError(f"The editor's model didn't answer: {error.message}") from error
        except asyncio.CancelledError:
            self._protocol.notify(CANCEL, {"id": number})
            raise
        finally:
            del self._told[number]
        return str(getattr(answer, "model", "") or "the editor's model")
