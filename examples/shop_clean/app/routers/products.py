"""The catalogue."""

from fastapi import APIRouter, Depends, HTTPException
from sqlalchemy.exc import IntegrityError

from app.deps import Limit, Offset, SessionDep, staff
from app.models import Product
from app.repositories import products
from app.schemas import ProductIn, ProductOut, ShippingOut
from app.services import shipping

router = APIRouter()


@router.get("", response_model=list[ProductOut])
async def list_products(session: SessionDep, limit: Limit = 50, offset: Offset = 0) -> list[Product]:
    return await products.on_sale(session, limit, offset)


@router.post("", status_code=201, response_model=ProductOut, dependencies=[Depends(staff)])
async def add_product(body: ProductIn, session: SessionDep) -> Product:
    product = Product(sku=body.sku, name=body.name, price_cents=body.price_cents)
    session.add(product)
    try:
        await session.commit()
    except IntegrityError as exc:
        raise HTTPException(409, "This number is taken by another product.") from exc
    return product


@router.get("/{sku}", response_model=ProductOut)
async def show_product(sku: str, session: SessionDep) -> Product:
    product = await products.by_sku(session, sku)
    if product is None:
        raise HTTPException(404, "Nothing is sold under this number.")
    return product


@router.get("/{sku}/shipping", response_model=ShippingOut)
def show_shipping(sku: str, country: str) -> ShippingOut:
    return shipping.quote(sku, country)
