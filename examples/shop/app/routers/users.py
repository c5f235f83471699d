"""Accounts."""

import asyncio

from fastapi import APIRouter, Depends, HTTPException
from sqlalchemy.exc import IntegrityError

from app import passwords
from app.deps import CurrentUser, SessionDep, staff
from app.models import User
from app.schemas import Profile, UserCreate, UserOut

router = APIRouter()


@router.post("", status_code=201, response_model=Profile)
async def register(body: UserCreate, session: SessionDep) -> User:
    hashed_password = await asyncio.to_thread(passwords.digest, body.password)
    user = User(email=body.email, name=body.name, hashed_password=hashed_password)
    session.add(user)
    try:
        await session.commit()
    except IntegrityError as exc:
        raise HTTPException(409, "This address has an account already.") from exc
    return user


@router.get("/{user_id}", summary="A customer’s card 👤", response_model=UserOut, dependencies=[Depends(staff)])
async def show_user(user_id: int, session: SessionDep) -> User:
    user = await session.get(User, user_id)
    if user is None:
        raise HTTPException(404, "No such customer.")
    return user


@router.get("/me", response_model=Profile)
async def show_me(user: CurrentUser) -> User:
    return user
