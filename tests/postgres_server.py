"""A real PostgreSQL from pip (pgserver), started for the tests and gone after them."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def running_postgres():
    """Its address; skips the test where pgserver or psycopg is not installed."""
    pytest.importorskip("psycopg", reason="no psycopg: pip install 'anaglyph[postgres]'")
    with tempfile.TemporaryDirectory(prefix="anaglyph-pg-", ignore_cleanup_errors=True) as folder:
        # pgserver keeps a lock file there, and warns where the variable is not set.
        before = os.environ.get("XDG_RUNTIME_DIR")
        os.environ["XDG_RUNTIME_DIR"] = folder
        try:
            pgserver = pytest.importorskip("pgserver", reason="no pgserver: pip install 'anaglyph[dev]'")
            server = pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        finally:
            if before is None:
                del os.environ["XDG_RUNTIME_DIR"]
            else:
                os.environ["XDG_RUNTIME_DIR"] = before
        try:
            # The tests end processes, not machines: nothing need outlive a power cut.
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                server.psql(f"ALTER SYSTEM SET {setting} = off;")
            server.psql("SELECT pg_reload_conf();")
            yield server.get_uri()
        finally:
            server.cleanup()
