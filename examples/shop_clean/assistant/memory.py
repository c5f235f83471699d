"""What was said in a conversation, for an hour."""

from functools import lru_cache
from typing import Literal

from pydantic import TypeAdapter
from redis.asyncio import Redis

from app.config import settings

KEPT_TURNS = 20
KEPT_FOR_S = 3600

Turn = tuple[Literal["user", "assistant"], str]
TURNS = TypeAdapter(list[Turn])


@lru_cache(maxsize=1)
def store() -> Redis:
    return Redis.from_url(settings().redis_url, socket_timeout=2)


async def recall(conversation: str) -> list[Turn]:
    kept = await store().get(f"conversation:{conversation}")
    return TURNS.validate_json(kept) if kept else []


async def keep(conversation: str, turns: list[Turn]) -> None:
    await store().set(f"conversation:{conversation}", TURNS.dump_json(turns[-KEPT_TURNS:]), ex=KEPT_FOR_S)
