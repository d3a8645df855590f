"""The page about the API, held against the API."""

import re
from pathlib import Path

import pytest
from tiny_index import tiny_served, tiny_store

from anaglyph.serve.app import create_app
from anaglyph.serve.errors import Code
from anaglyph.serve.filters import RANGES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "http-api.md").read_text(
    encoding="utf-8"
)


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    served = tiny_served(tiny_store(tmp_path_factory.mktemp("docs")))
    yield create_app(served).openapi()
    served.close()


def test_the_page_lists_the_routes_of_the_schema(schema):
    routes = {f"{method.upper()} {path}" for path, methods in schema["paths"].items() for method in methods}
    assert set(re.findall(r"^\| ((?:GET|POST) \S+) \|", PAGE, re.MULTILINE)) == routes


def test_the_page_lists_the_codes_of_errors():
    assert set(re.findall(r"^\| (\w+) \| [\d, ]+ \|", PAGE, re.MULTILINE)) == {code.value for code in Code}


def test_the_page_lists_the_ranges():
    assert all(f"`{name}`" in PAGE for name in RANGES)


def test_every_route_and_every_error_has_words_and_a_shape(schema):
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            assert operation["description"], path
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert answer["content"]["application/json"]["schema"] == {
                        "$ref": "#/components/schemas/Error"
                    }
