"""Where orders are sent to."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path

from app.deps import CurrentUser, SessionDep
from app.models import Address
from app.repositories import addresses
from app.schemas import AddressIn, AddressOut

router = APIRouter()
AddressId = Annotated[int, Path(ge=1)]


@router.get("", response_model=list[AddressOut])
async def list_addresses(user: CurrentUser, session: SessionDep) -> list[Address]:
    return await addresses.of_user(session, user.id)


@router.post("", status_code=201, response_model=AddressOut)
async def add_address(body: AddressIn, user: CurrentUser, session: SessionDep) -> Address:
    address = Address(user_id=user.id, street=body.street, city=body.city)
    session.add(address)
    await session.commit()
    return address


@router.get("/{address_id}", response_model=AddressOut)
async def show_address(address_id: AddressId, user: CurrentUser, session: SessionDep) -> Address:
    return await _own_address(session, user.id, address_id)


@router.put("/{address_id}", response_model=AddressOut)
async def change_address(address_id: AddressId, body: AddressIn, user: CurrentUser, session: SessionDep) -> Address:
    address = await _own_address(session, user.id, address_id)
    address.street, address.city = body.street, body.city
    await session.commit()
    return address


@router.get("/{address_id}/label", response_model=AddressOut)
async def show_label(address_id: AddressId, user: CurrentUser, session: SessionDep) -> Address:
    return await _own_address(session, user.id, address_id)


@router.delete("/{address_id}", status_code=204)
async def remove_address(address_id: AddressId, user: CurrentUser, session: SessionDep) -> None:
    address = await _own_address(session, user.id, address_id)
    await session.delete(address)
    await session.commit()


async def _own_address(session: SessionDep, user_id: int, address_id: int) -> Address:
    address = await addresses.one_of_user(session, user_id, address_id)
    if address is None:
        raise HTTPException(404, "No such address.")
    return address
