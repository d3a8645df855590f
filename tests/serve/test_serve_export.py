import csv
import io

import pytest
from starlette.testclient import TestClient
from tiny_index import client, tiny_entry, tiny_served, tiny_store

from anaglyph.serve.app import create_app

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


def test_hits_as_csv_have_rank_and_score(tmp_path):
    with client(tmp_path) as api:
        answer = api.post("/api/v1/search/export?as=csv", json={**QUERY, "limit": 2, "offset": 1})
        assert [row["rank"] for row in rows(answer)] == ["2", "3"]
        plain = api.post("/api/v1/search/export?as=json", json=QUERY).json()
        assert [row["rank"] for row in plain] == [1, 2, 3, 4]
        assert api.post("/api/v1/search/export?as=csv", json={"parts": []}).status_code == 422
        assert api.post("/api/v1/search/export?as=xls", json=QUERY).status_code == 422


@pytest.mark.parametrize("name", ["=cmd|x.obj", "+1.obj", "-1.obj", "@sum.obj"])
def test_a_name_that_is_a_formula_stays_text_in_a_spreadsheet(name, tmp_path):
    with client(tmp_path, names=(name,)) as api:
        assert rows(api.get("/api/v1/export?as=csv"))[0]["path"] == f"'{name}"
        assert api.get("/api/v1/export?as=json").json()[0]["path"] == name
