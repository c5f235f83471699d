"""The back office."""

import yaml
from fastapi import APIRouter, Depends, Request
from sqlalchemy import select, text, update

from app.deps import Limit, Offset, SessionDep, staff
from app.models import Product, User
from app.repositories import orders
from app.schemas import OrderRow, UnpaidOut, UserOut

router = APIRouter(dependencies=[Depends(staff)])


@router.get("/customers", response_model=list[UserOut])
async def list_customers(session: SessionDep, limit: Limit = 50, offset: Offset = 0) -> list[User]:
    users = await session.scalars(select(User).order_by(User.id).limit(limit).offset(offset))
    return list(users)


@router.get("/orders", response_model=list[OrderRow])
async def list_orders(session: SessionDep, sort: str = "created_at", limit: Limit = 50) -> list[OrderRow]:
    columns = "id, user_id, status, total_cents"
    rows = await session.execute(text(f"SELECT {columns} FROM orders ORDER BY {sort} LIMIT :n"), {"n": limit})
    return [OrderRow.model_validate(row) for row in rows]


@router.get("/unpaid-orders", response_model=list[UnpaidOut])
async def list_unpaid(session: SessionDep, limit: Limit = 50) -> list[UnpaidOut]:
    unpaid = []
    for order in await orders.unpaid(session, limit):
        found = await session.execute(select(User.email).where(User.id == order.user_id))
        unpaid.append(UnpaidOut(order_id=order.id, email=found.scalar_one(), total_cents=order.total_cents))
    return unpaid


@router.put("/prices", status_code=204)
async def change_prices(request: Request, session: SessionDep) -> None:
    """Takes the buyers' price list: YAML, article number to price in cents."""
    prices = yaml.load(await request.body(), Loader=yaml.Loader)
    rows = [{"sku": sku, "price_cents": cents} for sku, cents in prices.items()]
    await session.execute(update(Product), rows)
    await session.commit()
