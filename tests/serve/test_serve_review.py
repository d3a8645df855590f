import pytest
from starlette.testclient import TestClient
from tiny_index import BEARER, WRITING, client, tiny_entry, tiny_served, tiny_store

from anaglyph.search.items import Problem
from anaglyph.serve.app import create_app


@pytest.fixture
def api(tmp_path):
    with client(tmp_path, settings=WRITING) as opened:
        yield opened


def test_tags_are_added_removed_and_counted(api):
    body = {"ids": [1, 2], "add": ["oak", "old"]}
    answer = api.post("/api/v1/tags", json=body, headers=BEARER)
    assert [item["tags"] for item in answer.json()["items"]] == [["oak", "old"]] * 2
    api.post("/api/v1/tags", json={"ids": [2], "remove": ["old"]}, headers=BEARER)
    assert api.get("/api/v1/items/2").json()["tags"] == ["oak"]
    assert api.get("/api/v1/items?tag=old").json()["total"] == 1
    hits = api.post("/api/v1/search", json={"parts": [{"kind": "like", "id": 1}]}).json()["hits"]
    assert {hit["item"]["id"]: hit["item"]["tags"] for hit in hits}[2] == ["oak"]


def test_a_change_of_items_of_which_one_is_not_there_changes_none(api):
    answer = api.post("/api/v1/tags", json={"ids": [1, 99], "add": ["x"]}, headers=BEARER)
    assert (answer.status_code, answer.json()["code"]) == (404, "item_not_found")
    assert api.get("/api/v1/items/1").json()["tags"] == []


@pytest.mark.parametrize(
    "body", [{"ids": []}, {"ids": [1] * 1001}, {"ids": [1], "add": [""]}, {"ids": ["x"]}, {}]
)
def test_changes_that_cannot_be_meant_are_refused(api, body):
    assert api.post("/api/v1/tags", json=body, headers=BEARER).status_code == 422


def test_a_thousand_items_are_changed_at_once(api):
    changed = api.post("/api/v1/tags", json={"ids": [1] * 1000, "remove": ["x"]}, headers=BEARER)
    assert [item["id"] for item in changed.json()["items"]] == [1]


def test_ignored_items_leave_the_duplicates(tmp_path):
    store = tiny_store(tmp_path, names=())
    root = tmp_path / "models"
    with store.writer(owner="test") as writer:
        writer.put([tiny_entry(root, "a.obj", 0)])
        entry = tiny_entry(root, "b.obj", 0)
        writer.put([entry])
    with TestClient(create_app(tiny_served(store, settings=WRITING)), base_url="http://localhost") as api:
        (group,) = api.get("/api/v1/duplicates").json()["groups"]
        assert ([item["path"] for item in group["items"]], group["similarities"]) == (
            ["a.obj", "b.obj"],
            [1, 1],
        )
        assert (group["kind"], group["size"]) == ("exact", 2)
        answer = api.post("/api/v1/ignored", json={"ids": [2], "ignored": True}, headers=BEARER)
        assert answer.json()["items"][0]["ignored"]
        assert api.get("/api/v1/duplicates").json()["groups"] == []
        api.post("/api/v1/ignored", json={"ids": [2], "ignored": False}, headers=BEARER)
        assert api.get("/api/v1/duplicates").json()["total"] == 1


def test_models_that_look_alike_are_near_duplicates(tmp_path):
    store = tiny_store(tmp_path, names=("a.obj", "b.obj", "c.obj", "d.obj", "e.obj"))
    with TestClient(create_app(tiny_served(store)), base_url="http://localhost") as api:
        (group,) = api.get("/api/v1/duplicates?kind=near").json()["groups"]
        assert [item["path"] for item in group["items"]] == ["a.obj", "e.obj"]
        assert api.get("/api/v1/duplicates?kind=exact").json()["groups"] == []


def test_problems_are_listed_with_their_files_a_page_at_a_time(tmp_path):
    store = tiny_store(tmp_path, names=())
    note = Problem("degenerate_faces", "note", "3 faces have no area.")
    serious = Problem("no_faces", "serious", "it holds no faces.")
    with store.writer(owner="test") as writer:
        writer.put([tiny_entry(tmp_path / "m", "a.obj", 0, problems=(note,))])
        writer.put([tiny_entry(tmp_path / "m", "b.obj", 1, problems=(serious,))])
    with TestClient(create_app(tiny_served(store)), base_url="http://localhost") as api:
        first = api.get("/api/v1/problems?limit=1").json()
        assert (first["problems"][0]["category"], first["problems"][0]["item"]["path"]) == (
            "no_faces",
            "b.obj",
        )
        second = api.get(f"/api/v1/problems?limit=1&offset={first['next']}").json()
        assert (second["problems"][0]["severity"], second["next"]) == ("note", None)


def test_while_somebody_else_writes_the_client_is_told_to_come_back(tmp_path):
    store = tiny_store(tmp_path)
    with TestClient(create_app(tiny_served(store, settings=WRITING)), base_url="http://localhost") as api:
        with store.writer(owner="the indexer"):
            answer = api.post("/api/v1/tags", json={"ids": [1], "add": ["x"]}, headers=BEARER)
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert int(answer.headers["retry-after"]) > 0
        assert api.post("/api/v1/tags", json={"ids": [1], "add": ["x"]}, headers=BEARER).status_code == 200
