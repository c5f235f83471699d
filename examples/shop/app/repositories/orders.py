"""Reading orders."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Order


async def of_user(session: AsyncSession, user_id: int, limit: int, offset: int) -> list[Order]:
    chosen = select(Order).where(Order.user_id == user_id).order_by(Order.id.desc())
    return list(await session.scalars(chosen.limit(limit).offset(offset)))


async def one_of_user(session: AsyncSession, user_id: int, order_id: int) -> Order | None:
    return await session.scalar(select(Order).where(Order.id == order_id, Order.user_id == user_id))


async def unpaid(session: AsyncSession, limit: int) -> list[Order]:
    chosen = select(Order).where(Order.status == "placed").order_by(Order.created_at).limit(limit)
    return list(await session.scalars(chosen))
