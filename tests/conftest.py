"""What all tests share: no network, repeatable examples, real data only when it is there."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Workers share the cores, and numba's threads wait for each other by spinning: with one thread
# each they need a tenth of the time. Numba reads it when imported, here or in what a test runs.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")

# The same examples on every run and machine; the time one takes is never judged.
settings.register_profile("govkit", derandomize=True, deadline=None)
settings.load_profile("govkit")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real series that may not be redistributed.

    Without ``GOVKIT_SHARED_DATA`` the test skips, or fails when ``GOVKIT_REQUIRE_DATA=1``.
    """
    named = os.environ.get("GOVKIT_SHARED_DATA")
    if not named:
        reason = "needs real data: set GOVKIT_SHARED_DATA to its folder"
        if os.environ.get("GOVKIT_REQUIRE_DATA") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"GOVKIT_SHARED_DATA names no folder: {named}")
    return folder


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuse every connection that leaves this machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        yield


def _guarded(connect: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            raise RuntimeError(f"a test tried to reach {address[0]}; tests use no network")
        return connect(self, address)

    return guarded


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
