import csv
import io

import pytest
from starlette.testclient import TestClient
from tiny_index import BEARER, TOKEN, client, tiny_entry, tiny_served, tiny_store

from anaglyph.serve.app import create_app
from anaglyph.serve.settings import ServeSettings

QUERY = {"parts": [{"kind": "text", "text": "chair"}]}


def rows(answer):
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_items_as_csv_and_json_hold_the_same(tmp_path):
    with client(tmp_path) as api:
        table = api.get("/api/v1/export?as=csv&category=chairs")
        plain = api.get("/api/v1/export?as=json&category=chairs").json()
    assert table.headers["content-disposition"] == 'attachment; filename="items.csv"'
    assert (
        [row["path"] for row in rows(table)]
        == [row["path"] for row in plain]
        == ["chairs/oak.obj", "chairs/pine.obj"]
    )
    assert list(rows(table)[0]) == list(plain[0])


def test_more_items_than_fit_a_page_of_the_store_are_all_exported(tmp_path):
    store = tiny_store(tmp_path, names=())
    first = tiny_entry(tmp_path / "m", "a.obj", 0)
    from dataclasses import replace

    with store.writer(owner="test") as writer:
        writer.put(
            [replace(first, item=replace(first.item, path=f"{place:05d}.obj")) for place in range(1001)]
        )
    with TestClient(create_app(tiny_served(store)), base_url="http://localhost") as api:
        assert len(api.get("/api/v1/export?as=json").json()) == 1001


def test_hits_are_exported_as_the_search_shows_them(tmp_path):
    with client(tmp_path) as api:
        page = {**QUERY, "limit": 2, "offset": 1}
        shown = [hit["item"]["path"] for hit in api.post("/api/v1/search", json=page).json()["hits"]]
        answer = api.post("/api/v1/search/export?as=csv", json=page)
        assert [row["path"] for row in rows(answer)] == shown
        plain = api.post("/api/v1/search/export?as=json", json=QUERY).json()
        assert [row["score"] for row in plain] == sorted((row["score"] for row in plain), reverse=True)
        assert api.post("/api/v1/search/export?as=csv", json={"parts": []}).status_code == 422
        assert api.post("/api/v1/search/export?as=xls", json=QUERY).status_code == 422


@pytest.mark.parametrize("name", ["=cmd|x.obj", "+1.obj", "-1.obj", "@sum.obj"])
def test_a_name_that_is_a_formula_stays_text_in_a_spreadsheet(name, tmp_path):
    with client(tmp_path, names=(name,)) as api:
        assert rows(api.get("/api/v1/export?as=csv"))[0]["path"] == f"'{name}"
        assert api.get("/api/v1/export?as=json").json()[0]["path"] == name


def test_others_do_not_learn_where_the_files_lie(tmp_path):
    open_to_others = ServeSettings(host="0.0.0.0", token=TOKEN)
    with client(tmp_path, settings=open_to_others, host="http://10.0.0.1") as api:
        for kind in ("csv", "json"):
            assert str(tmp_path) not in api.get(f"/api/v1/export?as={kind}", headers=BEARER).text
            answer = api.post(f"/api/v1/search/export?as={kind}", json=QUERY, headers=BEARER)
            assert answer.status_code == 200
            assert str(tmp_path) not in answer.text
