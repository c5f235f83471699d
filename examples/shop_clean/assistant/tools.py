"""What the assistant can look up."""

import json
from datetime import timedelta
from typing import Literal

from anthropic import beta_async_tool

from app.db import open_session
from app.models import now
from app.repositories import products


@beta_async_tool
async def find_products(words: str) -> str:
    """Find products on sale whose name contains the words.

    Args:
        words: Part of a product's name, for example "goat cheese".
    """
    async with open_session() as session:
        found = await products.named_like(session, words, limit=10)
    return json.dumps([{"sku": it.sku, "name": it.name, "price_cents": it.price_cents} for it in found])


@beta_async_tool
async def basket_cost(quantities: dict[str, int]) -> str:
    """Work out what a basket costs, in cents.

    Args:
        quantities: How many of each article number, for example {"CHE-014": 2}.
    """
    async with open_session() as session:
        known = await products.by_skus(session, quantities)
    if unknown := sorted(quantities.keys() - known):
        return f"Not in the catalogue: {', '.join(unknown)}"
    return str(sum(known[sku].price_cents * quantity for sku, quantity in quantities.items()))


@beta_async_tool
async def what_sells(days: Literal[7, 30, 365], words: str = "") -> str:
    """Name the products that other customers bought most, the best sold first.

    Args:
        days: How far to look back.
        words: Part of the products' names; empty for the whole shop.
    """
    async with open_session() as session:
        sold = await products.best_sold(session, now() - timedelta(days=days), words, limit=10)
    return json.dumps([{"name": name, "quantity": quantity} for name, quantity in sold])


TOOLS = {tool.name: tool for tool in (find_products, basket_cost, what_sells)}
