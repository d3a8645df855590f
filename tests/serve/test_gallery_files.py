"""What the gallery's files must not hold, whatever browser reads them."""

import re
from pathlib import Path

import pytest

import anaglyph

FOLDER = Path(anaglyph.__file__).parent / "serve" / "static"
SCRIPTS = sorted(path for path in FOLDER.glob("*.js"))
PAGE = (FOLDER / "index.html").read_text(encoding="utf-8")


def test_the_page_holds_no_script_style_or_handler_of_its_own():
    assert not re.search(r"<script(?![^>]*\bsrc=)", PAGE)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", PAGE)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_never_make_markup_of_text(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text)


@pytest.mark.parametrize(
    "path", [*SCRIPTS, *FOLDER.glob("*.css"), FOLDER / "index.html"], ids=lambda path: path.name
)
def test_nothing_names_another_machine(path):
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|@import|url\(\s*['\"]?//", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_what_a_script_imports_is_there(path):
    for name in re.findall(
        r'^(?:import|export) [^;]*?from "([^"]+)"', path.read_text(encoding="utf-8"), re.M
    ):
        assert (path.parent / name).is_file(), name
        assert name.startswith("./")
