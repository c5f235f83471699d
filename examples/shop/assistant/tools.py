"""What the assistant can look up."""

import json

from anthropic import beta_async_tool
from sqlalchemy import text

from app.config import settings
from app.db import open_session
from app.repositories import products
from assistant.model import client

SALES_SCHEMA = """You write one SQLite SELECT statement that answers the question, and nothing else. The tables:
products(sku, name, price_cents, on_sale), order_lines(order_id, sku, quantity, unit_cents), orders(id, created_at)."""


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
async def work_out(expression: str) -> str:
    """Work out what a basket costs.

    Args:
        expression: Arithmetic in Python's notation, for example "3 * 249 + 1190".
    """
    return str(eval(expression, {"__builtins__": {}}))


@beta_async_tool
async def what_sells(question: str) -> str:
    """Answer a question about what other customers buy.

    Args:
        question: For example "Which cheese sold best this week?".
    """
    answer = await client().messages.create(
        model=settings().assistant_model,
        max_tokens=512,
        system=SALES_SCHEMA,
        messages=[{"role": "user", "content": question}],
    )
    query = answer.content[0].text
    async with open_session() as session:
        rows = await session.execute(text(query))
        return json.dumps([list(row) for row in rows.fetchmany(20)], default=str)


TOOLS = {tool.name: tool for tool in (find_products, work_out, what_sells)}
