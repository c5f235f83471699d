"""Orders and their payment."""

from fastapi import APIRouter, HTTPException

from app import tasks
from app.deps import CurrentUser, HttpDep, Limit, Offset, SessionDep
from app.models import Order, OrderLine
from app.repositories import orders, products
from app.schemas import OrderCreate, OrderOut, PaymentIn, PaymentOut
from app.services import payments, pricing

router = APIRouter()


@router.post("", status_code=201, response_model=OrderOut)
async def place_order(body: OrderCreate, user: CurrentUser, session: SessionDep, http: HttpDep) -> Order:
    rate = await pricing.exchange_rate(http, body.currency)
    known = await products.by_skus(session, [wanted.sku for wanted in body.lines])
    lines = []
    for wanted in body.lines:
        product = known.get(wanted.sku)
        if product is None or not product.on_sale:
            raise HTTPException(422, f"{wanted.sku} is not on sale.")
        unit_cents = pricing.converted(product.price_cents, rate)
        lines.append(OrderLine(sku=product.sku, quantity=wanted.quantity, unit_cents=unit_cents))
    order = Order(user_id=user.id, currency=body.currency, total_cents=pricing.total_cents(lines), lines=lines)
    session.add(order)
    await session.commit()
    tasks.notify_warehouse.delay(order.id, [[line.sku, line.quantity] for line in lines])
    return order


@router.get("", response_model=list[OrderOut])
async def list_orders(user: CurrentUser, session: SessionDep, limit: Limit = 20, offset: Offset = 0) -> list[Order]:
    return await orders.of_user(session, user.id, limit, offset)


@router.get("/{order_id}", response_model=OrderOut)
async def show_order(order_id: int, user: CurrentUser, session: SessionDep) -> Order:
    return await _own_order(session, user.id, order_id)


@router.post("/{order_id}/payments", status_code=201, response_model=PaymentOut)
async def pay_order(
    order_id: int, body: PaymentIn, user: CurrentUser, session: SessionDep, http: HttpDep
) -> PaymentOut:
    order = await _own_order(session, user.id, order_id)
    if order.status == "paid":
        raise HTTPException(409, "This order is paid for.")
    try:
        charge = await payments.charge(http, order, body.card)
    except payments.PaymentUnavailable as exc:
        raise HTTPException(503, "The payment service is not there; try again in a minute.") from exc
    order.status = "paid"
    await session.commit()
    tasks.send_receipt.delay(user.email, order.id, order.total_cents, order.currency)
    return PaymentOut(charge=charge)


async def _own_order(session: SessionDep, user_id: int, order_id: int) -> Order:
    order = await orders.one_of_user(session, user_id, order_id)
    if order is None:
        raise HTTPException(404, "No such order.")
    return order
