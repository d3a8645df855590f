"""Fixtures that every part of the tests may use."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from postgres_server import running_postgres

# Tests are many and small: threads would only wait for one another.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real data: $ANAGLYPH_DATA, or ../shared/data beside the repository."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ANAGLYPH_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real data at '{folder}'; set ANAGLYPH_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def postgres_server():
    """The address of a real PostgreSQL with pgvector, for the length of the run."""
    with running_postgres() as address:
        yield address


@pytest.fixture
def postgres(postgres_server, request):
    """An address for one index of its own."""
    name = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]
    return f"{postgres_server}#test_{name}"


@pytest.fixture
def untouched_generators():
    """Fails the test when it changed the state of torch's or NumPy's global generator."""
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - the global one is the point
    yield
    assert torch.equal(torch.get_rng_state(), before[0]), "torch's global generator was used"
    assert (np.random.get_state()[1] == before[1]).all(), "NumPy's global generator was used"  # noqa: NPY002
