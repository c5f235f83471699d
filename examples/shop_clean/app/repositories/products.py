"""Reading the catalogue."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Order, OrderLine, Product


async def by_sku(session: AsyncSession, sku: str) -> Product | None:
    found = await session.execute(select(Product).where(Product.sku == sku))
    return found.scalar_one_or_none()


async def by_skus(session: AsyncSession, skus: Collection[str]) -> dict[str, Product]:
    found = await session.scalars(select(Product).where(Product.sku.in_(skus)))
    return {product.sku: product for product in found}


async def on_sale(session: AsyncSession, limit: int, offset: int) -> list[Product]:
    chosen = select(Product).where(Product.on_sale).order_by(Product.name).limit(limit).offset(offset)
    return list(await session.scalars(chosen))


async def named_like(session: AsyncSession, words: str, limit: int) -> list[Product]:
    chosen = select(Product).where(Product.on_sale, Product.name.icontains(words, autoescape=True))
    return list(await session.scalars(chosen.order_by(Product.name).limit(limit)))


async def best_sold(session: AsyncSession, since: datetime, words: str, limit: int) -> list[tuple[str, int]]:
    quantity = func.sum(OrderLine.quantity)
    chosen = (
        select(Product.name, quantity)
        .join(OrderLine, OrderLine.sku == Product.sku)
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.created_at >= since, Product.name.icontains(words, autoescape=True))
        .group_by(Product.name)
        .order_by(quantity.desc())
        .limit(limit)
    )
    return [(name, sold) for name, sold in await session.execute(chosen)]
