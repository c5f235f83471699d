"""What every test stands on: a cache folder of its own, so that none reads or writes the user's."""

from __future__ import annotations

import os
import tempfile

import pytest


def pytest_configure(config: pytest.Config) -> None:
    folder = tempfile.TemporaryDirectory(prefix="architect-cache-")
    os.environ["ARCHITECT_CACHE"] = folder.name
    config.add_cleanup(folder.cleanup)
