"""Which files are tests: of those most rules say nothing."""

from __future__ import annotations

import pytest

from architect_lsp.knowledge.kinds import is_test


@pytest.mark.parametrize(
    ("path", "test"),
    [
        ("tests/api/helpers.py", True),
        ("shop/unit_tests/orders.py", True),
        ("shop/test_orders.py", True),
        ("shop/orders_test.py", True),
        ("shop/upload/tests_vector.py", True),
        ("shop/orders_tests.py", True),
        ("shop/tests.py", True),
        ("conftest.py", True),
        ("shop/contests.py", False),
        ("shop/latest_orders.py", False),
        ("shop/attestation.py", False),
        ("contest/models.py", False),
    ],
)
def test_tests_are_told_by_their_names(path: str, test: bool) -> None:
    assert is_test(path) is test
