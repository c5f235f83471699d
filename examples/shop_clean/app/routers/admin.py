"""The back office."""

import yaml
from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import ValidationError
from sqlalchemy import select, update

from app.deps import Limit, Offset, SessionDep, staff
from app.models import Order, Product, User
from app.repositories import orders, products
from app.schemas import OrderColumn, OrderRow, PriceList, UnpaidOut, UserOut

router = APIRouter(dependencies=[Depends(staff)])


@router.get("/customers", response_model=list[UserOut])
async def list_customers(session: SessionDep, limit: Limit = 50, offset: Offset = 0) -> list[User]:
    users = await session.scalars(select(User).order_by(User.id).limit(limit).offset(offset))
    return list(users)


@router.get("/orders", response_model=list[OrderRow])
async def list_orders(session: SessionDep, sort: OrderColumn = "created_at", limit: Limit = 50) -> list[Order]:
    return await orders.largest(session, sort, limit)


@router.get("/unpaid-orders", response_model=list[UnpaidOut])
async def list_unpaid(session: SessionDep, limit: Limit = 50) -> list[UnpaidOut]:
    return [
        UnpaidOut(order_id=order.id, email=email, total_cents=order.total_cents)
        for order, email in await orders.unpaid(session, limit)
    ]


@router.put("/prices", status_code=204)
async def change_prices(request: Request, session: SessionDep) -> None:
    """Takes the buyers' price list: YAML, article number to price in cents."""
    try:
        prices = PriceList.model_validate(yaml.safe_load(await request.body())).root
    except (yaml.YAMLError, ValidationError) as exc:
        raise HTTPException(422, "A price list names article numbers and prices in cents.") from exc
    known = await products.by_skus(session, prices)
    if unknown := sorted(prices.keys() - known):
        raise HTTPException(422, f"Not in the catalogue: {', '.join(unknown)}")
    await session.execute(update(Product), [{"sku": sku, "price_cents": cents} for sku, cents in prices.items()])
    await session.commit()
