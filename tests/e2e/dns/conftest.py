"""Fixtures of the judges of the embedded DNS: one of each server for all tests of a file."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import peers  # noqa: E402


def served(start, folder, *rest):
    server = start(folder, *rest)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    yield from served(peers.Ours, tmp_path_factory.mktemp("ours"), ("127.0.0.1:0", "[::1]:0"))


@pytest.fixture(scope="module")
def nsd(tmp_path_factory):
    yield from served(peers.start_nsd, tmp_path_factory.mktemp("nsd"))


@pytest.fixture(scope="module")
def knot(tmp_path_factory):
    yield from served(peers.start_knot, tmp_path_factory.mktemp("knot"))


@pytest.fixture(scope="module")
def unbound(ours, tmp_path_factory):
    yield from served(peers.start_unbound, tmp_path_factory.mktemp("unbound"), ours.port)
