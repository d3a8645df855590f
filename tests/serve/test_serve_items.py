import asyncio
import json
import os
import struct
import threading

import numpy as np
import pytest
from tiny_index import NAMES, OBJ, PNG, client, tiny_entry, tiny_served, tiny_store

from anaglyph.serve.errors import RefusedError
from anaglyph.serve.schemas import ItemAnswer, ItemPage
from anaglyph.serve.settings import ServeLimits, ServeSettings


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with client(tmp_path_factory.mktemp("items")) as opened:
        yield opened


def refused(answer):
    body = answer.json()
    assert set(body) <= {"code", "message", "details"}
    return answer.status_code, body["code"]


def names(answer):
    return [item["path"] for item in answer.json()["items"]]


def test_items_come_by_path_with_their_number(api):
    answer = api.get("/api/v1/items")
    assert names(answer) == sorted(NAMES)
    page = ItemPage.model_validate(answer.json())
    assert (page.total, page.next, page.offset) == (4, None, 0)


def test_pages_follow_one_another(api):
    first = api.get("/api/v1/items?limit=3").json()
    second = api.get(f"/api/v1/items?limit=3&offset={first['next']}").json()
    assert (len(first["items"]), len(second["items"]), second["next"]) == (3, 1, None)


@pytest.mark.parametrize(("limit", "status"), [(0, 422), (1, 200), (200, 200), (201, 422)])
def test_a_page_holds_up_to_200_items(api, limit, status):
    for path in ("items?", "problems?", "duplicates?"):
        assert api.get(f"/api/v1/{path}limit={limit}").status_code == status


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("category=chairs", {"chairs/oak.obj", "chairs/pine.obj"}),
        ("category=chairs&category=tables", {"chairs/oak.obj", "chairs/pine.obj"}),
        ("folder=chairs", {"chairs/oak.obj", "chairs/pine.obj"}),
        ("format=obj&format=glb", set(NAMES)),
        ("format=.OBJ", set(NAMES)),
        ("format=glb", set()),
        ("faces=3:4", {"chairs/pine.obj", "table.obj"}),
        ("faces=:2", {"chairs/oak.obj"}),
        ("faces=4:", {"table.obj", "<script>.obj"}),
        ("name=OAK", {"chairs/oak.obj"}),
        ("name=%25", set()),
        ("name='%3B%20DROP%20TABLE%20items%3B--", set()),
        ("watertight=true", set()),
        ("state=problem", set()),
        ("longest=1:1&height=0:2", set(NAMES)),
    ],
)
def test_filters_keep_what_they_say(api, query, found):
    assert set(names(api.get(f"/api/v1/items?{query}"))) == found


@pytest.mark.parametrize(
    "query",
    ["faces=5", "faces=a:b",  "faces=nan:", "faces=1:inf", "faces=5:1", "faces=" + "1" * 100,
     "watertight=perhaps",
     "state=lost", "limit=x", "offset=-1", "name=" + "x" * 201],
)  # fmt: skip
def test_filters_that_cannot_be_meant_are_refused_and_say_where(api, query):
    answer = api.get(f"/api/v1/items?{query}")
    assert refused(answer) == (422, "invalid_request")
    assert query.split("=")[0] in json.dumps(answer.json()["details"])


def test_facets_are_counted_when_asked_for(api):
    assert api.get("/api/v1/items").json()["facets"] is None
    facets = api.get("/api/v1/items?facets=true").json()["facets"]
    assert facets["format"] == [{"value": "obj", "count": 4}]
    assert facets["category"][0] == {"value": "chairs", "count": 2}


def test_one_item_says_everything(api):
    item = ItemAnswer.model_validate(api.get("/api/v1/items/1").json())
    assert (item.name, item.folder, item.modified) == ("oak", "chairs", 1_700_000_000.0)
    assert item.facets.size == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("path", ["", "/thumbnail", "/model", "/mesh"])
def test_an_item_that_is_not_there_has_a_code(api, path):
    assert refused(api.get(f"/api/v1/items/99{path}")) == (404, "item_not_found")
    assert refused(api.get(f"/api/v1/items/{2**63 - 1}{path}")) == (404, "item_not_found")


@pytest.mark.parametrize(
    "id", ["0", "-1", "x", "1.5", str(2**63), "1%00", "..%2f1", "%2fetc%2fpasswd", "1;2"]
)
def test_items_are_addressed_by_their_number_only(api, id):
    assert api.get(f"/api/v1/items/{id}/model").status_code in (404, 422)


def test_thumbnails_are_not_sent_again(api):
    answer = api.get("/api/v1/items/1/thumbnail")
    assert (answer.headers["content-type"], answer.content) == ("image/png", PNG)
    again = api.get("/api/v1/items/1/thumbnail", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_model_is_its_file(api):
    answer = api.get("/api/v1/items/1/model")
    assert answer.content == OBJ.encode()
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''oak.obj"
    head = api.head("/api/v1/items/1/model")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "48", b"")


def test_a_name_that_is_markup_is_sent_as_a_name(api):
    id = next(item["id"] for item in api.get("/api/v1/items").json()["items"] if item["name"] == "<script>")
    answer = api.get(f"/api/v1/items/{id}/model")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''%3Cscript%3E.obj"


@pytest.mark.parametrize(
    ("asked", "status", "part", "where"),
    [
        ("bytes=0-0", 206, slice(0, 1), "bytes 0-0/48"),
        ("bytes=40-", 206, slice(40, 48), "bytes 40-47/48"),
        ("bytes=-3", 206, slice(45, 48), "bytes 45-47/48"),
        ("bytes=40-4000", 206, slice(40, 48), "bytes 40-47/48"),
        ("bytes=-4000", 200, slice(0, 48), None),
        ("bytes=0-1,3-4", 200, slice(0, 48), None),
        ("bytes=5-2", 200, slice(0, 48), None),
        ("lines=1-2", 200, slice(0, 48), None),
        ("bytes=" + "9" * 30 + "-", 200, slice(0, 48), None),
    ],
)
def test_ranges_of_a_model(api, asked, status, part, where):
    answer = api.get("/api/v1/items/1/model", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (status, OBJ.encode()[part])
    assert answer.headers.get("content-range") == where


@pytest.mark.parametrize("asked", ["bytes=48-", "bytes=99-100", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(api, asked):
    answer = api.get("/api/v1/items/1/model", headers={"Range": asked})
    assert refused(answer) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == "bytes */48"


def test_a_range_of_another_version_is_the_whole_file(api):
    headers = {"Range": "bytes=0-0", "If-Range": '"another"'}
    assert api.get("/api/v1/items/1/model", headers=headers).status_code == 200


def test_a_model_that_became_a_link_is_sent_no_more(tmp_path):
    secret = tmp_path / "secret.obj"
    secret.write_text("secret", encoding="utf-8")
    root = tmp_path / "models"
    with client(tmp_path) as api:
        (root / "table.obj").unlink()
        (root / "table.obj").symlink_to(secret)
        (root / "chairs").rename(root / "before")
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "oak.obj").write_text("secret", encoding="utf-8")
        (root / "chairs").symlink_to(tmp_path / "outside")
        for id in (1, 3):
            for what in ("model", "mesh"):
                answer = api.get(f"/api/v1/items/{id}/{what}")
                assert refused(answer) == (404, "file_not_available")
                assert "secret" not in answer.text
                assert str(tmp_path) not in answer.text


def test_a_model_that_became_something_else_than_a_file_is_not_waited_for(tmp_path):
    with client(tmp_path) as api:
        path = tmp_path / "models" / "table.obj"
        path.unlink()
        assert refused(api.get("/api/v1/items/3/model")) == (404, "file_not_available")
        os.mkfifo(path)
        assert refused(api.get("/api/v1/items/3/model")) == (404, "file_not_available")
        assert refused(api.get("/api/v1/items/3/mesh")) == (422, "model_unusable")


@pytest.mark.parametrize("path", ["../secret.obj", "/etc/passwd", "a/../../secret.obj", "a\0b.obj"])
def test_a_path_in_the_index_that_leads_out_of_its_root_is_not_followed(path, tmp_path):
    """Index folders come from others; only what `resolve` says counts."""
    from dataclasses import replace

    from anaglyph.serve.errors import RefusedError
    from anaglyph.serve.model_file import model_answer

    (tmp_path / "secret.obj").write_text("secret", encoding="utf-8")
    (tmp_path / "models" / "a").mkdir(parents=True)
    item = replace(tiny_entry(tmp_path / "models", "a.obj", 0).item, path=path)
    with pytest.raises(RefusedError) as refusal:
        model_answer(item, {}, "GET", most=1000)
    assert refusal.value.code == "file_not_available"


def test_a_format_that_names_other_files_is_shown_as_a_mesh_only(tmp_path):
    store = tiny_store(tmp_path, names=("a.gltf", "b.obj"))
    from starlette.testclient import TestClient

    from anaglyph.serve.app import create_app

    with TestClient(create_app(tiny_served(store)), base_url="http://localhost") as api:
        assert api.get("/api/v1/items/1").json()["model"] is None
        assert refused(api.get("/api/v1/items/1/model")) == (404, "file_not_available")


def test_a_mesh_is_binary_gltf_of_the_triangles(api):
    answer = api.get("/api/v1/items/1/mesh")
    magic, version, length = struct.unpack_from("<4s2I", answer.content)
    assert (magic, version, length) == (b"glTF", 2, len(answer.content))
    size = struct.unpack_from("<I", answer.content, 12)[0]
    scene = json.loads(answer.content[20 : 20 + size])
    positions = np.frombuffer(answer.content, "<f4", 12, 28 + size).reshape(4, 3)
    assert positions.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert scene["accessors"][0]["max"] == [1, 1, 1]
    again = api.get("/api/v1/items/1/mesh", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_a_model_that_cannot_be_read_any_more_says_why(tmp_path):
    with client(tmp_path) as api:
        (tmp_path / "models" / "table.obj").write_text("f 1 2 9\n", encoding="utf-8")
        answer = api.get("/api/v1/items/3/mesh")
        assert refused(answer) == (422, "model_unusable")


@pytest.mark.parametrize(("most", "status"), [(2, 200), (1, 422)])
def test_a_mesh_has_so_many_triangles_and_no_more(most, status, tmp_path):
    settings = ServeSettings(limits=ServeLimits(mesh_faces=most))
    with client(tmp_path, settings=settings) as api:
        assert api.get("/api/v1/items/1/mesh").status_code == status


def test_a_file_that_grew_since_it_was_indexed_is_held_against_the_same_limit(tmp_path):
    with client(tmp_path, settings=ServeSettings(limits=ServeLimits(mesh_faces=3))) as api:
        grown = OBJ + "f 2 3 4\nf 1 3 4\n"
        (tmp_path / "models" / "chairs" / "oak.obj").write_text(grown, encoding="utf-8")
        assert refused(api.get("/api/v1/items/1/mesh")) == (422, "model_unusable")


def test_so_many_models_wait_to_be_read_and_the_next_is_told_to_come_back(tmp_path):
    async def three():
        store = tiny_store(tmp_path)
        served = tiny_served(store, settings=ServeSettings(limits=ServeLimits(queue=2)))
        release = threading.Event()
        both = [asyncio.create_task(served.parse(release.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(RefusedError) as refusal:
            await served.parse(int)
        release.set()
        await asyncio.gather(*both)
        assert await served.parse(int) == 0
        served.close()
        return refusal.value

    refusal = asyncio.run(three())
    assert (refusal.status, refusal.code, refusal.headers) == (503, "busy", {"Retry-After": "5"})
