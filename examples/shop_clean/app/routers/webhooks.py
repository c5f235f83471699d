"""What other services tell us."""

from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Request
from sqlalchemy import update

from app.deps import SessionDep
from app.models import Order
from app.schemas import PaymentEvent
from app.services import payments

router = APIRouter()


@router.post("/payments", status_code=204)
async def payment_changed(request: Request, session: SessionDep, x_signature: Annotated[str, Header()]) -> None:
    payload = await request.body()
    if not payments.is_genuine(payload, x_signature):
        raise HTTPException(400, "The signature does not fit the body.")
    event = PaymentEvent.model_validate_json(payload)
    await session.execute(update(Order).where(Order.id == event.order_id).values(status=event.status))
    await session.commit()
