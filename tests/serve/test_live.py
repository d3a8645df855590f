"""An index is made anew, moved away or spoiled under a server."""

import asyncio
import shutil

import pytest
from starlette.testclient import TestClient
from tiny_index import BEARER, NAMES, TOKEN, tiny_served, tiny_store

from anaglyph.errors import IndexFormatError
from anaglyph.search.items import Filters
from anaglyph.search.opening import open_store
from anaglyph.serve.app import create_app
from anaglyph.serve.clocks import Clocks
from anaglyph.serve.live import Live
from anaglyph.serve.settings import ServeSettings

LIKE = {"parts": [{"kind": "like", "id": 1}]}
MANY = [f"other-{place}.obj" for place in range(7)]


class Clock:
    """A clock that goes on two seconds at every look."""

    now = 0.0

    def __call__(self):
        self.now += 2.0
        return self.now


@pytest.fixture
def place(tmp_path):
    """A folder with an index of 4 models at `index`, and one of 7 at `new/index`."""
    tiny_store(tmp_path).close()
    (tmp_path / "new").mkdir()
    tiny_store(tmp_path / "new", names=MANY, root=tmp_path / "others").close()
    return tmp_path


@pytest.fixture
def api(place):
    clocks = Clocks(now=lambda: 5.0, monotonic=Clock())
    settings = ServeSettings(write=True, token=TOKEN)

    def opened(before):
        store = open_store(place / "index")
        return tiny_served(store, settings=settings, clocks=clocks, reopen=opened, before=before)

    with TestClient(create_app(opened(None)), base_url="http://127.0.0.1:8340", headers=BEARER) as client:
        yield client


def replace_index(place):
    (place / "index").rename(place / "index.replaced")
    (place / "new" / "index").rename(place / "index")


def until(api, holds):
    """Ask again until the answer is as expected."""
    for _ in range(200):
        answer = api.get("/api/v1/items")
        if holds(answer):
            return answer
    raise AssertionError(answer.text)


def test_an_index_that_was_made_anew_is_served_after_a_while(api, place):
    assert len(api.post("/api/v1/search", json=LIKE).json()["hits"]) == 3
    replace_index(place)
    until(api, lambda answer: answer.json()["total"] == len(MANY))
    assert len(api.post("/api/v1/search", json=LIKE).json()["hits"]) == 6
    names = [each["name"] for each in api.get("/api/v1/items").json()["items"]]
    assert names == sorted(name.removesuffix(".obj") for name in MANY)
    shutil.rmtree(place / "index.replaced")
    assert api.post("/api/v1/tags", json={"ids": [7], "add": ["x"]}).status_code == 200
    assert api.get("/healthz").status_code == 200


def test_an_index_that_cannot_be_opened_is_told_in_health_and_served_when_it_can(api, place):
    (place / "index").rename(place / "away")
    answer = until(api, lambda answer: answer.status_code == 503)
    assert answer.json()["code"] == "index_unusable"
    assert api.get("/healthz").status_code == 503
    assert api.get("/").status_code == 200
    (place / "away").rename(place / "index")
    until(api, lambda answer: answer.status_code == 200 and answer.json()["total"] == len(NAMES))


def test_a_store_does_not_mix_what_it_opened_with_what_took_its_place(place):
    store = open_store(place / "index")
    try:
        assert not store.replaced()
        replace_index(place)
        assert store.replaced()
        assert len(store.vectors()[0]) == len(NAMES)
        with store._sqlite.connections.lent(), pytest.raises(IndexFormatError, match="open it again"):
            store.generation()  # would need a second connection, which would see the other one
        with pytest.raises(IndexFormatError, match="open it again"), store.writer(owner="test"):
            raise AssertionError
    finally:
        store.close()


def test_what_a_request_began_with_stays_open_until_its_answer_is_sent(place):
    async def two():
        clocks = Clocks(now=lambda: 5.0, monotonic=Clock())
        opened = []

        def reopen(before):
            opened.append(
                tiny_served(open_store(place / "index"), clocks=clocks, reopen=reopen, before=before)
            )
            return opened[-1]

        live = Live(reopen(None))
        old = live.enter()
        replace_index(place)
        while live.current is old:
            live.leave(live.enter())
            await asyncio.sleep(0)
        total = old.store.count(Filters())
        live.leave(old)
        await live.close()
        return total, opened

    total, opened = asyncio.run(two())
    assert total == len(NAMES)
    for served in opened:
        with pytest.raises(ValueError, match="closed"):
            served.store.generation()
