"""Reading addresses."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Address

MOST = 20


async def of_user(session: AsyncSession, user_id: int) -> list[Address]:
    return list(await session.scalars(select(Address).where(Address.user_id == user_id).order_by(Address.id).limit(MOST)))


async def one_of_user(session: AsyncSession, user_id: int, address_id: int) -> Address | None:
    return await session.scalar(select(Address).where(Address.id == address_id, Address.user_id == user_id))
