"""The model's client, one for the process."""

from functools import lru_cache

from anthropic import AsyncAnthropic


@lru_cache(maxsize=1)
def client() -> AsyncAnthropic:
    return AsyncAnthropic(timeout=30, max_retries=2)
