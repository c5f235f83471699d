"""Prices in the customer's money."""

from decimal import ROUND_HALF_UP, Decimal

import httpx

from app.config import settings
from app.models import OrderLine


async def exchange_rate(http: httpx.AsyncClient, currency: str) -> Decimal:
    if currency == "EUR":
        return Decimal(1)
    return (await _rates(http))[currency]


def converted(cents: int, rate: Decimal) -> int:
    return int((cents * rate).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def total_cents(lines: list[OrderLine]) -> int:
    return sum(line.unit_cents * line.quantity for line in lines)


async def _rates(http: httpx.AsyncClient) -> dict[str, Decimal]:
    response = await http.get(settings().rates_url, params={"base": "EUR"}, timeout=5)
    response.raise_for_status()
    return {currency: Decimal(str(rate)) for currency, rate in response.json()["rates"].items()}
