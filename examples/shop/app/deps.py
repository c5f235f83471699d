"""What handlers ask for."""

import hashlib
from typing import Annotated

import httpx
from fastapi import Cookie, Depends, HTTPException, Query, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import get_session
from app.models import SignIn, User, now

SessionDep = Annotated[AsyncSession, Depends(get_session)]
Limit = Annotated[int, Query(ge=1, le=100)]
Offset = Annotated[int, Query(ge=0)]


def http_client(request: Request) -> httpx.AsyncClient:
    return request.app.state.http


async def current_user(session: SessionDep, shop_session: Annotated[str, Cookie()]) -> User:
    digest = hashlib.sha256(shop_session.encode()).hexdigest()
    signed_in = select(User).join(SignIn).where(SignIn.digest == digest, SignIn.expires_at > now())
    user = await session.scalar(signed_in)
    if user is None:
        raise HTTPException(401, "Sign in first.")
    return user


HttpDep = Annotated[httpx.AsyncClient, Depends(http_client)]
CurrentUser = Annotated[User, Depends(current_user)]


async def staff(user: CurrentUser) -> User:
    if not user.is_staff:
        raise HTTPException(403, "Only the staff may do this.")
    return user
