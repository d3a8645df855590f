import pytest
from tiny_index import BEARER, TOKEN, WRITING, client

from anaglyph.serve.settings import ServeSettings

SEARCH = {"parts": [{"kind": "like", "id": 1}]}
OPEN_TO_OTHERS = ServeSettings(host="0.0.0.0", token=TOKEN, hosts=("models.example.org",))


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    with client(tmp_path_factory.mktemp("local")) as opened:
        yield opened


@pytest.fixture(scope="module")
def writing(tmp_path_factory):
    with client(tmp_path_factory.mktemp("writing"), settings=WRITING) as opened:
        yield opened


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    with client(tmp_path_factory.mktemp("others"), settings=OPEN_TO_OTHERS) as opened:
        yield opened


def code(answer):
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("host", ["localhost", "localhost:8340", "127.0.0.1:1", "[::1]:8340", "LocalHost:80"])
def test_a_local_server_answers_to_its_own_names(local, host):
    assert local.get("/api/v1/items", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "", "10.0.0.7", "127.0.0.1@evil.example", "[::1", "a b"],
)
@pytest.mark.parametrize("path", ["/api/v1/items", "/", "/healthz"])
def test_a_local_server_answers_to_no_other_name_for_a_page_may_have_its_name_point_here(local, host, path):
    assert code(local.get(path, headers={"Host": host})) == (421, "host_not_allowed")


@pytest.mark.parametrize(
    "host", ["models.example.org", "MODELS.example.org:8340", "192.168.1.7:8340", "[fe80::1]"]
)
def test_a_server_for_others_answers_to_figures_and_to_names_it_was_told(others, host):
    assert others.get("/api/v1/items", headers={"Host": host, **BEARER}).status_code == 200


def test_a_server_for_others_answers_to_no_name_it_was_not_told(others):
    answer = others.get("/api/v1/items", headers={"Host": "evil.example", **BEARER})
    assert code(answer) == (421, "host_not_allowed")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://127.0.0.1:8340.evil.example"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/search", "/api/v1/tags", "/api/v1/session", "/api/v1/jobs"])
def test_pages_of_other_sites_send_nothing_here(writing, path, headers):
    answer = writing.post(path, json=SEARCH, headers={**headers, **BEARER})
    assert code(answer) == (403, "origin_not_allowed")


@pytest.mark.parametrize("path", ["/api/v1/items/1/mesh", "/api/v1/openapi.json", "/metrics"])
def test_pages_of_other_sites_do_not_make_the_server_work_and_may_link_to_the_page(local, path):
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert code(local.get(path, headers=foreign)) == (403, "origin_not_allowed")
    assert local.get("/", headers=foreign).status_code == 200


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "http://127.0.0.1:8340"}, {"Sec-Fetch-Site": "same-origin"}]
)
def test_programs_and_the_gallery_itself_may_search(local, headers):
    assert local.post("/api/v1/search", json=SEARCH, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/tags", {"ids": [1], "add": ["x"]}),
        ("/api/v1/ignored", {"ids": [1], "ignored": True}),
        ("/api/v1/jobs", {"root": 0}),
        ("/api/v1/jobs/1/cancel", None),
    ],
)
def test_nothing_changes_unless_the_server_was_started_for_it_and_the_token_is_right(
    local, writing, path, body
):
    assert code(local.post(path, json=body, headers=BEARER)) == (403, "read_only")
    assert code(writing.post(path, json=body)) == (401, "unauthorized")
    wrong = {"Authorization": f"Bearer {TOKEN}x"}
    assert code(writing.post(path, json=body, headers=wrong)) == (401, "unauthorized")
    assert writing.post(path, json=body, headers=BEARER).status_code not in (401, 403)


@pytest.mark.parametrize(
    "path", ["/api/v1/items", "/api/v1/items/1/thumbnail", "/metrics", "/api/v1/openapi.json"]
)
def test_others_read_nothing_without_the_token(others, path):
    assert code(others.get(path)) == (401, "unauthorized")
    assert others.get(path, headers=BEARER).status_code == 200


def test_others_reach_the_page_and_the_health_without_a_token_for_they_hold_no_data(others):
    assert others.get("/healthz").json() == {"status": "ok"}
    assert others.get("/nothing.js").status_code == 404


def test_a_cookie_stands_for_the_token_in_browsers(tmp_path):
    with client(tmp_path, settings=OPEN_TO_OTHERS, host="http://192.168.1.7") as browser:
        assert code(browser.post("/api/v1/session")) == (401, "unauthorized")
        answer = browser.post("/api/v1/session", headers=BEARER)
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert TOKEN not in cookie
        assert browser.get("/api/v1/items/1/thumbnail").status_code == 200
        assert cookie.startswith("anaglyph_session_80=")  # another server of this machine has another one
        browser.cookies.clear()
        guessed = {"Cookie": "anaglyph_session_80=guessed"}
        assert browser.get("/api/v1/items/1/thumbnail", headers=guessed).status_code == 401


def test_others_do_not_learn_where_the_files_lie(others, local):
    assert others.get("/api/v1/items/1", headers=BEARER).json()["root"] is None
    assert local.get("/api/v1/items/1").json()["root"]


@pytest.mark.parametrize("path", ["/", "/api/v1/items", "/api/v1/none", "/healthz"])
def test_every_answer_has_the_headers_that_keep_a_page_small(local, path):
    for headers in ({}, {"Host": "evil.example"}):
        found = local.get(path, headers=headers).headers
        policy = found["content-security-policy"]
        assert {"default-src 'none'", "frame-ancestors 'none'"} <= set(policy.split("; "))
        assert "unsafe" not in policy
        assert "http" not in policy
        assert found["x-content-type-options"] == "nosniff"
        assert found["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in found


@pytest.mark.parametrize(
    ("method", "expected"), [("DELETE", 405), ("PUT", 405), ("POST", 405), ("OPTIONS", 405)]
)
def test_a_method_that_an_address_does_not_have_is_refused(writing, method, expected):
    answer = writing.request(method, "/api/v1/items/1/thumbnail", headers=BEARER)
    assert code(answer) == (expected, "not_found")
    assert answer.headers["allow"] == "GET"
