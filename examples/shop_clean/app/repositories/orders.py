"""Reading orders."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Order, User

SORTABLE = {"created_at": Order.created_at, "status": Order.status, "total_cents": Order.total_cents}


async def of_user(session: AsyncSession, user_id: int, limit: int, offset: int) -> list[Order]:
    chosen = select(Order).where(Order.user_id == user_id).order_by(Order.id.desc())
    return list(await session.scalars(chosen.limit(limit).offset(offset)))


async def one_of_user(session: AsyncSession, user_id: int, order_id: int) -> Order | None:
    return await session.scalar(select(Order).where(Order.id == order_id, Order.user_id == user_id))


async def largest(session: AsyncSession, column: str, limit: int) -> list[Order]:
    """Orders by one of `SORTABLE`, from the top."""
    return list(await session.scalars(select(Order).order_by(SORTABLE[column].desc()).limit(limit)))


async def unpaid(session: AsyncSession, limit: int) -> list[tuple[Order, str]]:
    """The orders nobody has paid for, oldest first, each with its buyer's address."""
    chosen = select(Order, User.email).join(User).where(Order.status == "placed")
    rows = await session.execute(chosen.order_by(Order.created_at).limit(limit))
    return [(order, email) for order, email in rows]
