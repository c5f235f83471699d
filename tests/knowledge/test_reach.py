"""What a function touches through its calls: services by their hosts, models, tasks it sends; the nearest way to each."""

from __future__ import annotations

import pytest

from architect_lsp.knowledge.project import Project
from architect_lsp.knowledge.reach import Touched, reached
from support.projects import project_of

SHOP = """
    -- app/config.py --
    from pydantic_settings import BaseSettings
    class Settings(BaseSettings):
        pay_url: str = "https://user:secret@pay.example:8443/v1"
    settings = Settings()
    RATES = "https://rates.example/latest"
    -- app/models.py --
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
    class Base(DeclarativeBase): ...
    class Order(Base):
        __tablename__ = "orders"
        id: Mapped[int] = mapped_column(primary_key=True)
    -- app/tasks.py --
    from celery import Celery
    celery = Celery()
    @celery.task
    def mail(number): ...
    -- app/use.py --
    import httpx, requests, smtplib
    from sqlalchemy import select
    from sqlalchemy.orm import Session
    from app.config import RATES, settings
    from app.models import Order
    from app.tasks import mail
    def place(session: Session):
        pay()
        session.scalars(select(Order))
        mail.delay(1)
    def pay():
        url = f"{settings.pay_url}/charges"
        httpx.post(url)
        requests.request("GET", RATES)
    def unknown(url):
        httpx.get(url)
    def literal(name):
        httpx.get(f"https://{name}.example/x")
        httpx.get(f"https://API.example/{name}")
    def loop():
        loop()
        pay()
"""


def touched(project: Project, name: str) -> dict[Touched, int]:
    definition = project.definition("app/use.py", name)
    assert definition is not None
    return {it: len(way) for it, way in reached(project, "app/use.py", definition).items()}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "place",
            {
                Touched("database", "sqlalchemy"): 1,
                Touched("model", "Order", "app/models.py"): 1,
                Touched("task", "mail", "app/tasks.py"): 1,
                Touched("http", "pay.example:8443"): 2,
                Touched("http", "rates.example"): 2,
            },
        ),
        ("unknown", {Touched("http", "httpx"): 1}),
        ("literal", {Touched("http", "httpx"): 1, Touched("http", "api.example"): 1}),
        ("loop", {Touched("http", "pay.example:8443"): 2, Touched("http", "rates.example"): 2}),
    ],
)
def test_a_function_touches(name: str, expected: dict[Touched, int]) -> None:
    assert touched(project_of(SHOP), name) == expected


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ('"/orders?page=2"', "/orders"),
        ('f"/orders/{number}/lines"', "/orders/{}/lines"),
        ('"/ not a path"', ""),
        ('"GET", "/orders/"', "/orders/"),
        ('f"{BASE}/orders"', "BASE"),
        ('f"https://{host}.example/orders"', ""),
        ("Order, number", "Order"),
        ("number", ""),
    ],
)
def test_a_call_is_about_what_its_arguments_name(argument: str, expected: str) -> None:
    project = project_of(f"-- a.py --\ndef f(number, host):\n    client.send({argument})\n")
    definition = project.definition("a.py", "f")
    assert definition is not None
    assert definition.calls[0].about == expected
