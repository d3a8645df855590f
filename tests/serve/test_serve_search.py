import io
import json

import pytest
from PIL import Image
from tiny_index import OBJ, client

from anaglyph.serve.schemas import SearchAnswer
from anaglyph.serve.settings import ServeLimits, ServeSettings

SMALL = ServeSettings(limits=ServeLimits(upload_bytes=2000, picture_bytes=1000))


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with client(tmp_path_factory.mktemp("search"), settings=SMALL) as opened:
        yield opened


def search(api, *parts, **given):
    return api.post("/api/v1/search", json={"parts": list(parts), **given})


def with_files(api, parts, files, **given):
    return api.post("/api/v1/search", data={"query": json.dumps({"parts": parts, **given})}, files=files)


def text(words, **given):
    return {"kind": "text", "text": words, **given}


def found(answer):
    assert answer.status_code == 200, answer.text
    return [hit["item"]["path"] for hit in SearchAnswer.model_validate(answer.json()).model_dump()["hits"]]


def refused(answer):
    body = answer.json()
    assert set(body) <= {"code", "message", "details"}
    return answer.status_code, body["code"]


def picture(*, size=(8, 8), colour=(255, 0, 0)):
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, "PNG")
    return data.getvalue()


def test_words_find_what_they_name(api):
    answer = search(api, text("a table"))
    assert found(answer)[0] == "chairs/pine.obj"
    hit = answer.json()["hits"][0]
    assert hit["score"] == pytest.approx(0.8, abs=0.01)
    assert hit["view"] == 1
    assert answer.json()["threshold"] is None


def test_the_same_row_is_shown_as_item_and_as_hit(api):
    hit = search(api, text("chair")).json()["hits"][0]
    assert hit["item"] == api.get(f"/api/v1/items/{hit['item']['id']}").json()


def test_more_like_this_leaves_out_what_was_given(api):
    answer = search(api, {"kind": "like", "id": 1})
    assert sorted(found(answer)) == ["<script>.obj", "chairs/pine.obj", "table.obj"]
    assert answer.json()["total"] == 3


def test_parts_are_weighed_and_can_be_unwanted(api):
    assert found(search(api, text("chair"), text("lamp", weight=3)))[0] == "table.obj"
    assert found(search(api, text("chair"), text("table", negative=True)))[0] == "<script>.obj"


def test_pages_of_hits_follow_one_another(api):
    whole = found(search(api, text("chair")))
    first = search(api, text("chair"), limit=3)
    second = search(api, text("chair"), limit=3, offset=first.json()["next"])
    assert found(first) + found(second) == whole
    assert second.json()["next"] is None


def test_filters_come_first_and_facets_on_request(api):
    answer = search(api, text("lamp"), filters={"categories": ["chairs"]}, facets=True)
    assert set(found(answer)) == {"chairs/oak.obj", "chairs/pine.obj"}
    assert answer.json()["facets"]["format"] == [{"value": "obj", "count": 2}]
    answer = search(api, text("lamp"), filters={"ranges": {"faces": [None, 2]}})
    assert found(answer) == ["chairs/oak.obj"]


def test_a_picture_and_a_model_are_read_from_the_form(api):
    parts = [{"kind": "image", "file": "a", "box": [0, 0, 0.5, 1]}, {"kind": "model", "file": "b"}]
    files = {"a": ("photo.png", picture()), "b": ("../../etc/b.OBJ", OBJ)}
    assert len(found(with_files(api, parts, files))) == 4


def test_several_searches_at_once_get_each_its_own_answer(api):
    """What waits while a batch is computed becomes the next batch."""
    from concurrent.futures import ThreadPoolExecutor

    queries = [{"kind": "like", "id": 1 + place % 4} for place in range(40)]
    alone = {query["id"]: found(search(api, query)) for query in queries[:4]}
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda query: found(search(api, query)), queries))
    assert answers == [alone[query["id"]] for query in queries]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'{"parts": []}', b'{"parts": [{"kind": "url", "url": "http://x"}]}',
        b'{"parts": [{"kind": "text"}]}', b'{"parts": [{"kind": "text", "text": ""}]}',
        b'{"parts": [{"kind": "text", "text": "  "}]}', b'{"parts": [{"kind": "like", "id": 0}]}',
        b'{"parts": [{"kind": "like", "id": 1e300}]}',
        b'{"parts": [{"kind": "text", "text": "a", "weight": 0}]}',
        b'{"parts": [{"kind": "text", "text": "a", "weight": 1e999}]}',
        b'{"parts": [{"kind": "text", "text": "a", "negative": true}]}',
        b'{"parts": [{"kind": "text", "text": "a"}], "limit": 201}',
        b'{"parts": [{"kind": "text", "text": "a"}], "colour": 1}',
        b'{"parts": [{"kind": "text", "text": "a"}], "filters": {"ranges": {"name": [1, 2]}}}',
        b'{"parts": [{"kind": "text", "text": "a"}], "filters": {"ranges": {"faces": [2, 1]}}}',
        b'{"parts": [{"kind": "image", "file": "a"}]}', b"\xff\xfe", b"[" * 10_000,
    ],
)  # fmt: skip
def test_queries_that_cannot_be_meant_are_refused(api, body):
    answer = api.post("/api/v1/search", content=body, headers={"Content-Type": "application/json"})
    assert refused(answer) == (422, "invalid_request")


def test_a_query_that_cancels_out_is_refused(api):
    like = {"kind": "like", "id": 1}
    assert refused(search(api, like, {**like, "negative": True})) == (422, "invalid_request")


def test_like_nothing_is_refused(api):
    assert refused(search(api, {"kind": "like", "id": 99})) == (404, "item_not_found")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_of_another_kind_is_refused(api, kind):
    answer = api.post("/api/v1/search", content=b"{}", headers={"Content-Type": kind})
    assert refused(answer) == (415, "invalid_request")


def test_eight_parts_are_combined_and_nine_are_not(api):
    assert search(api, *[text("chair")] * 8).status_code == 200
    assert refused(search(api, *[text("chair")] * 9)) == (422, "too_many_parts")


def test_a_thousand_characters_are_read_and_one_more_is_not(api):
    assert search(api, text("x" * 1000)).status_code == 200
    assert refused(search(api, text("x" * 1001))) == (422, "text_too_long")


def test_pictures_up_to_their_bytes_and_not_one_more(api):
    data = picture()
    parts = [{"kind": "image", "file": "a"}]
    assert with_files(api, parts, {"a": ("a.png", data + b"\0" * (1000 - len(data)))}).status_code == 200
    answer = with_files(api, parts, {"a": ("a.png", data + b"\0" * (1001 - len(data)))})
    assert refused(answer) == (413, "body_too_large")


def test_models_up_to_their_bytes_and_not_one_more(api):
    parts, spaces = [{"kind": "model", "file": "a"}], "#" * (2000 - len(OBJ))
    assert with_files(api, parts, {"a": ("a.obj", OBJ + spaces)}).status_code == 200
    assert refused(with_files(api, parts, {"a": ("a.obj", OBJ + spaces + "#")})) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.png", b"no picture", "picture_unusable"),
        ("a.png", b"", "picture_unusable"),
        ("a.gif", b"GIF89a\1\0\1\0\0\0\0;", "picture_unusable"),
    ],
)
def test_pictures_that_are_none_are_refused(api, name, data, code):
    assert refused(with_files(api, [{"kind": "image", "file": "a"}], {"a": (name, data)})) == (422, code)


def test_a_picture_that_unpacks_to_too_many_pixels_is_refused(tmp_path):
    with client(tmp_path) as api:
        bomb = io.BytesIO()
        Image.new("1", (7200, 7000)).save(bomb, "PNG")
        answer = with_files(api, [{"kind": "image", "file": "a"}], {"a": ("a.png", bomb.getvalue())})
        assert refused(answer) == (422, "picture_unusable")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.obj", "f 1 2 3\n"),
        ("a.exe", OBJ),
        ("a", OBJ),
        (".obj", ""),
        ("a.glb", "glTF"),
        ("a.obj\0.png", OBJ),
    ],
)
def test_models_that_are_none_are_refused(api, name, data):
    answer = with_files(api, [{"kind": "model", "file": "a"}], {"a": (name, data)})
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] in ("model_unusable", "invalid_request")


def test_a_file_that_no_part_names_and_a_part_without_its_file(api):
    image = [{"kind": "image", "file": "a"}]
    assert refused(with_files(api, image, {"b": ("a.png", picture())})) == (422, "invalid_request")
    assert found(with_files(api, [text("chair")], {"b": ("a.png", picture())}))


def test_a_form_without_a_query_is_refused(api):
    assert refused(api.post("/api/v1/search", files={"a": ("a.png", picture())})) == (422, "invalid_request")
    answer = api.post("/api/v1/search", files={"query": ("a.png", picture())})
    assert refused(answer) == (422, "invalid_request")


def test_forms_of_many_parts_are_refused(api):
    files = [(f"f{place}", (f"{place}.png", b"x")) for place in range(9)]
    answer = api.post("/api/v1/search", data={"query": "{}"}, files=files)
    assert refused(answer) == (400, "too_many_parts")
    fields = {f"f{place}": "x" for place in range(1000)}
    answer = api.post("/api/v1/search", data={"query": "{}", **fields}, files=files[:1])
    assert refused(answer) == (400, "too_many_parts")


def test_a_broken_form_is_refused(api):
    for kind in ("multipart/form-data", "multipart/form-data; boundary=x"):
        answer = api.post("/api/v1/search", content=b"--y\r\n\r\n", headers={"Content-Type": kind})
        assert answer.status_code in (400, 422)
        assert answer.json()["code"] == "invalid_request"


def form_of(head="", kind=""):
    """A form whose one part has more headers, and its Content-Type."""
    body = f'--x\r\nContent-Disposition: form-data; name="query"\r\n{head}\r\n{{}}\r\n--x--\r\n'
    return {"content": body.encode(), "headers": {"Content-Type": f"multipart/form-data; boundary=x{kind}"}}


def test_a_charset_that_takes_minutes_to_decode_is_refused(api):
    for kind in ("; charset=punycode", "; charset*=utf-8''idna", "; charset=utf-8; charset=idna"):
        assert refused(api.post("/api/v1/search", **form_of(kind=kind))) == (422, "invalid_request")
    details = api.post("/api/v1/search", **form_of(kind="; charset=UTF-8")).json()["details"]
    assert details[0]["where"] == "parts"  # it was read


def test_headers_of_a_part_have_an_end(api):
    assert "details" in api.post("/api/v1/search", **form_of(f"X: {'y' * 1000}\r\n")).json()
    for head in (f"X: {'y' * 100_000}\r\n", "X: y\r\n" * 1000):
        assert refused(api.post("/api/v1/search", **form_of(head))) == (400, "invalid_request")


def test_an_index_without_a_model_still_knows_what_is_alike(tmp_path):
    from starlette.testclient import TestClient
    from tiny_index import tiny_served, tiny_store

    from anaglyph.serve.app import create_app
    from anaglyph.serve.index_engine import IndexEngine

    store = tiny_store(tmp_path)
    served = tiny_served(store)
    served.engine = IndexEngine(store, space=None, cache=None, limits=served.settings.limits)
    with TestClient(create_app(served), base_url="http://localhost") as api:
        assert api.get("/api/v1/status").json()["reads"] == ["like"]
        assert len(found(search(api, {"kind": "like", "id": 1}))) == 3
        assert refused(search(api, text("chair"))) == (422, "query_not_supported")
