"""An index in PostgreSQL behind the server, and a database that goes away under it."""

import pytest
from starlette.testclient import TestClient
from tiny_index import BEARER, NAMES, TOKEN, tiny_entry, tiny_served

from anaglyph.search.opening import create_store
from anaglyph.search.store import Header
from anaglyph.serve.app import create_app
from anaglyph.serve.settings import ServeSettings

LIKE = {"parts": [{"kind": "like", "id": 1}]}
HEADER = Header(model="mini", fingerprint="0" * 16, dim=4, views=("ring12", 8))


@pytest.fixture
def database(postgres_server):
    """The address of a database of its own, and what sends a statement to the server as its owner."""
    import psycopg

    with psycopg.connect(postgres_server, autocommit=True) as owner:
        owner.execute("CREATE DATABASE served")
        address = postgres_server.replace("/postgres?", "/served?")
        with psycopg.connect(address, autocommit=True) as made:
            made.execute("CREATE EXTENSION vector")
        yield address, owner.execute
        owner.execute("DROP DATABASE served WITH (FORCE)")


def test_an_index_in_a_database_is_searched_and_changed_and_told_apart_from_one_that_is_gone(
    database, tmp_path
):
    address, execute = database
    store = create_store(address, HEADER)
    with store.writer(owner="test") as writer:
        writer.put([tiny_entry(tmp_path, name, place) for place, name in enumerate(NAMES)])
    settings = ServeSettings(host="0.0.0.0", write=True, token=TOKEN)
    app = create_app(tiny_served(store, settings=settings))
    with TestClient(app, base_url="http://127.0.0.1:8340", headers=BEARER) as api:
        words = {"parts": [{"kind": "text", "text": "table"}], "facets": True}
        found = api.post("/api/v1/search", json=words).json()
        assert (found["total"], found["hits"][0]["item"]["path"]) == (4, "chairs/pine.obj")
        assert len(api.post("/api/v1/search", json=LIKE).json()["hits"]) == 3
        assert api.get("/api/v1/items/1/mesh").content[:4] == b"glTF"
        assert api.post("/api/v1/tags", json={"ids": [1], "add": ["x"]}).status_code == 200
        assert api.get("/api/v1/items", params={"tag": "x"}).json()["total"] == 1
        execute("ALTER DATABASE served ALLOW_CONNECTIONS false")
        execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'served'")
        for answer in (
            api.get("/healthz"),
            api.get("/api/v1/items/1"),
            api.post("/api/v1/search", json=LIKE),
            api.post("/api/v1/tags", json={"ids": [1], "add": ["y"]}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "index_unusable"), answer.url
            assert "postgres" not in answer.json()["message"]
        execute("ALTER DATABASE served ALLOW_CONNECTIONS true")
        assert api.get("/api/v1/items/1").json()["tags"] == ["x"]
