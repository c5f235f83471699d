import os
from collections.abc import Iterator

os.environ["SHOP_DATABASE_URL"] = "sqlite+aiosqlite://"

import pytest
from fastapi.testclient import TestClient

from app import tasks
from app.deps import current_user
from app.main import app
from app.models import User


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The API as a member of the staff sees it, with an empty shop and no worker."""
    buyer = User(id=1, email="buyer@example.com", name="Buyer", is_staff=True)
    monkeypatch.setitem(app.dependency_overrides, current_user, lambda: buyer)
    monkeypatch.setattr(tasks.notify_warehouse, "delay", lambda *args: None)
    monkeypatch.setattr(tasks.send_receipt, "delay", lambda *args: None)
    with TestClient(app) as client:
        yield client
