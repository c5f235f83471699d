from decimal import Decimal

import pytest
from fastapi.testclient import TestClient

from app.models import OrderLine
from app.services import pricing

DESSERT = {"sku": "DES-001", "name": "Crème brûlée 🍮", "price_cents": 349}


@pytest.fixture
def shop(client: TestClient) -> TestClient:
    client.post("/products", json=DESSERT).raise_for_status()
    return client


def test_an_order_adds_up(shop: TestClient) -> None:
    response = shop.post("/orders", json={"lines": [{"sku": "DES-001", "quantity": 2}]})
    assert response.status_code == 201
    assert response.json()["total_cents"] == 698


def test_an_unknown_product_is_refused(shop: TestClient) -> None:
    response = shop.post("/orders", json={"lines": [{"sku": "DES-999", "quantity": 1}]})
    assert response.status_code == 422
    assert "DES-999" in response.json()["detail"]


def test_an_order_is_found_again(shop: TestClient) -> None:
    order = shop.post("/orders", json={"lines": [{"sku": "DES-001", "quantity": 1}]}).json()
    response = shop.get(f"/orders/{order['id']}")


@pytest.mark.parametrize(("cents", "rate", "expected"), [(349, "1", 349), (349, "11.28", 3937), (50, "0.85", 43)])
def test_prices_are_rounded_to_the_cent(cents: int, rate: str, expected: int) -> None:
    assert pricing.converted(cents, Decimal(rate)) == expected


def test_a_total_counts_quantities() -> None:
    lines = [OrderLine(quantity=3, unit_cents=100), OrderLine(quantity=1, unit_cents=249)]
    assert pricing.total_cents(lines) == 549
