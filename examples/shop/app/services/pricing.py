"""Prices in the customer's money."""

from decimal import ROUND_HALF_UP, Decimal

import requests

from app.config import settings
from app.models import OrderLine


def exchange_rate(currency: str) -> Decimal:
    if currency == "EUR":
        return Decimal(1)
    return _rates()[currency]


def converted(cents: int, rate: Decimal) -> int:
    return int((cents * rate).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def total_cents(lines: list[OrderLine]) -> int:
    return sum(line.unit_cents * line.quantity for line in lines)


def _rates() -> dict[str, Decimal]:
    response = requests.get(settings().rates_url, params={"base": "EUR"}, timeout=5)
    response.raise_for_status()
    return {currency: Decimal(str(rate)) for currency, rate in response.json()["rates"].items()}
