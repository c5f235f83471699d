"""The shop's HTTP API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from app.db import engine
from app.models import Base
from app.routers import addresses, admin, assistant, orders, products, search, users, webhooks


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with httpx.AsyncClient(timeout=10) as app.state.http:
        yield
    await engine.dispose()


app = FastAPI(title="Corner shop", lifespan=lifespan)
app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True, allow_methods=["*"])

app.include_router(users.router, prefix="/users", tags=["users"])
app.include_router(addresses.router, prefix="/addresses", tags=["users"])
app.include_router(products.router, prefix="/products", tags=["catalogue"])
app.include_router(search.router, prefix="/products", tags=["catalogue"])
app.include_router(orders.router, prefix="/orders", tags=["orders"])
app.include_router(assistant.router, prefix="/assistant", tags=["assistant"])
app.include_router(webhooks.router, prefix="/webhooks", tags=["webhooks"])
app.include_router(admin.router, prefix="/admin", tags=["admin"])


@app.get("/health", tags=["operations"])
def health() -> dict[str, str]:
    return {"status": "ok"}
