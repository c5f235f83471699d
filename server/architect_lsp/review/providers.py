"""The SDK's client for each provider of the same API: Anthropic's own, a server of one's own, Amazon Bedrock, Google Vertex AI.

Beside `claude.py` the only module that imports `anthropic`, and as late: the SDK takes seconds to load.
"""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from architect_lsp.review.reviewing import ReviewError

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic, AsyncAnthropicBedrock, AsyncAnthropicVertex

    from architect_lsp.settings import Settings

    Client = AsyncAnthropic | AsyncAnthropicBedrock | AsyncAnthropicVertex

ANTHROPIC_URL = "https://api.anthropic.com"
CLOUDS = {"bedrock": ("Amazon Bedrock", "boto3"), "vertex": ("Google Vertex AI", "google.auth")}
"""Provider -> (its name, the library that signs its requests)."""


def client(settings: Settings, api_key: str, url: str = ANTHROPIC_URL) -> Client:
    """A client that neither retries nor follows redirects; `url` is where the API is, of a cloud the SDK's own choice.

    Raises ReviewError when a cloud's library, region or project is missing. Effect: imports the SDK.
    """
    import anthropic
    import httpx2

    # a server on this machine is never behind a proxy; for others the environment's proxies are used
    own: dict[str, Any] = {"transport": httpx2.AsyncHTTPTransport()} if is_loopback(url) else {}
    timeout = httpx2.Timeout(settings.timeout_s, connect=min(10.0, settings.timeout_s))
    http_client = anthropic.DefaultAsyncHttpxClient(follow_redirects=False, timeout=timeout, **own)
    common: dict[str, Any] = {"timeout": timeout, "max_retries": 0, "http_client": http_client, "open_telemetry": False}
    if settings.provider in CLOUDS:
        return _cloud(settings, common)
    key = api_key or "unused"
    headers = {"x-api-key": key} if settings.base_url else None  # what older compatible servers read
    return anthropic.AsyncAnthropic(api_key=key, base_url=url, default_headers=headers, **common)


def _cloud(settings: Settings, common: dict[str, Any]) -> Client:
    import importlib.util

    import anthropic

    name, library = CLOUDS[settings.provider]
    try:
        there = importlib.util.find_spec(library) is not None
    except ModuleNotFoundError:
        there = False
    if not there:
        raise ReviewError(f"{name} needs a library that is not here: install architect-lsp[{settings.provider}].")
    if settings.base_url:
        common["base_url"] = settings.base_url
    if settings.provider == "bedrock":
        try:
            return anthropic.AsyncAnthropicBedrock(**common)
        except ValueError as error:
            raise ReviewError(f"{name} needs a region: set AWS_REGION.") from error
    region, project = os.environ.get("CLOUD_ML_REGION", ""), os.environ.get("ANTHROPIC_VERTEX_PROJECT_ID", "")
    if not region or not project:
        raise ReviewError(f"{name} needs a region and a project: set CLOUD_ML_REGION and ANTHROPIC_VERTEX_PROJECT_ID.")
    return anthropic.AsyncAnthropicVertex(region=region, project_id=project, **common)


def is_loopback(url: str) -> bool:
    """Whether an address is this machine's own."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
