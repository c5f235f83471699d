"""What every test stands on: a cache folder of its own, so that none reads or writes the user's, and no clock that judges."""

from __future__ import annotations

import os
import tempfile

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    folder = tempfile.TemporaryDirectory(prefix="architect-cache-")
    os.environ["ARCHITECT_CACHE"] = folder.name
    config.add_cleanup(folder.cleanup)
