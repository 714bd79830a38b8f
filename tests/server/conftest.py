"""Servers for the tests: one of each for all that only asks, and others for what ends them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Serve, Served, each_server


@pytest.fixture(scope="module", params=each_server())
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Yield each server in turn, with limits short enough to be waited for."""
    limits = ("--header-timeout", 1, "--body-timeout", 1, "--idle-timeout", 2)
    server = Served(request.param, *limits, cwd=tmp_path_factory.mktemp("served"))
    yield server
    server.kill()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Yield a function that starts a server, which is gone after the test."""
    started: list[Served] = []

    def start(name: str, *options: object, **environment: str) -> Served:
        started.append(Served(name, *options, cwd=tmp_path, **environment))
        return started[-1]

    yield start
    for server in started:
        server.kill()
