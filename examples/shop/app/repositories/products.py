"""Reading the catalogue."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Product


async def by_sku(session: AsyncSession, sku: str) -> Product | None:
    found = await session.execute(select(Product).where(Product.sku == sku))
    return found.scalar_one_or_none()


async def on_sale(session: AsyncSession, limit: int, offset: int) -> list[Product]:
    chosen = select(Product).where(Product.on_sale).order_by(Product.name).limit(limit).offset(offset)
    return list(await session.scalars(chosen))


async def named_like(session: AsyncSession, words: str, limit: int) -> list[Product]:
    chosen = select(Product).where(Product.on_sale, Product.name.icontains(words, autoescape=True))
    return list(await session.scalars(chosen.order_by(Product.name).limit(limit)))
