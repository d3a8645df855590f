import pytest
from starlette.testclient import TestClient

from anaglyph.serve.static_pages import StaticPages


@pytest.fixture
def pages(tmp_path):
    folder = tmp_path / "static"
    (folder / "vendor").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>", encoding="utf-8")
    (folder / "vendor" / "three.js").write_text("export {};", encoding="utf-8")
    (folder / "notes.py").write_text("secret", encoding="utf-8")
    (tmp_path / "secret.js").write_text("secret", encoding="utf-8")
    (folder / "link.js").symlink_to(tmp_path / "secret.js")
    return TestClient(StaticPages(folder))


def test_files_are_sent_with_their_type_and_hash_and_not_sent_again(pages):
    page = pages.get("/")
    assert (page.text, page.headers["content-type"]) == ("<!doctype html>", "text/html; charset=utf-8")
    script = pages.get("/vendor/three.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    again = pages.get("/vendor/three.js", headers={"If-None-Match": script.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert pages.head("/index.html").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/notes.py", "/link.js", "/vendor", "/vendor/", "/..%2fsecret.js", "/%2e%2e/secret.js",
     "/vendor/..%2f..%2fsecret.js",
     "/index.html%00.js", "/c:%5cwindows", "/vendor%5cthree.js"],
)  # fmt: skip
def test_nothing_else_can_be_named(pages, path):
    answer = pages.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_pages_are_only_read(pages):
    assert pages.post("/index.html").status_code == 405
