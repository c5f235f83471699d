"""Finding a product by its name."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.deps import Limit, SessionDep
from app.models import Product
from app.repositories import products
from app.schemas import ProductOut

router = APIRouter()


@router.get("/search", response_model=list[ProductOut])
async def search(q: Annotated[str, Query(min_length=2)], session: SessionDep, limit: Limit = 20) -> list[Product]:
    return await products.named_like(session, q, limit)
