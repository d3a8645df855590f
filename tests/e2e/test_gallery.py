"""The gallery in a real browser over a real server: search, look, review, and stay on this machine."""

import importlib.util
import io
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from e2e.gallery_in_browser import (
    ARGUMENTS,
    CHROMIUM,
    SCRIPT,
    Visit,
    counted,
    drop,
    pixels,
    served,
    write_folder,
)

MISSING = [
    name
    for name in ("playwright", "fastapi", "uvicorn", "httptools", "multipart")
    if not importlib.util.find_spec(name)
]
pytestmark = pytest.mark.skipif(
    bool(MISSING) or CHROMIUM is None,
    reason=f"needs {', '.join(MISSING) or 'chromium'}: make browser, or pip install 'anaglyph[browser]' and "
    "apt install chromium",
)
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
SERIOUS = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return found.violations.filter((each) => ["serious", "critical"].includes(each.impact))
    .map((each) => `${each.id}: ${each.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}"""


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    place = tmp_path_factory.mktemp("gallery")
    with served(write_folder(place / "models"), place / "index") as gallery:
        yield gallery


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, gallery):
    visits = []

    def make(**options):
        visits.append(Visit(browser, gallery, **options))
        return visits[-1]

    yield make
    for each in visits:
        each.close()


def test_words_find_models_in_the_order_of_their_scores(visit):
    one = visit()
    one.open()
    one.search("chair")
    scores = [score for _, score in one.found()]
    assert len(scores) == 6
    assert scores == sorted(scores, reverse=True)


def test_a_dropped_picture_becomes_the_query_and_its_picture_is_shown(visit):
    one = visit()
    page = one.open()
    file = io.BytesIO()
    Image.fromarray(np.full((80, 60, 3), (200, 30, 60), np.uint8)).save(file, "PNG")
    drop(page, "photo.png", "image/png", file.getvalue())
    page.wait_for_selector('.chip[data-kind="image"] canvas')
    page.wait_for_selector(".score")
    assert page.locator(".chip .label").all_inner_texts() == ["photo.png"]


def test_a_part_of_a_dropped_picture_can_be_searched_for(visit):
    one = visit()
    page = one.open()
    file = io.BytesIO()
    Image.fromarray(np.full((80, 80, 3), (30, 160, 60), np.uint8)).save(file, "PNG")
    drop(page, "photo.png", "image/png", file.getvalue())
    page.locator("[data-crop]").click()
    place = page.locator(".crop canvas").bounding_box()
    page.mouse.move(place["x"] + 0.25 * place["width"], place["y"] + 0.25 * place["height"])
    page.mouse.down()
    page.mouse.move(place["x"] + 0.75 * place["width"], place["y"] + 0.5 * place["height"], steps=3)
    page.mouse.up()
    page.locator(".crop .strong").click()
    page.wait_for_selector("dialog", state="detached")
    box = unquote(unquote(page.url)).split("photo.png,")[1].split(",")
    assert np.allclose([float(each) for each in box], [0.25, 0.25, 0.75, 0.5], atol=0.03)
    page.wait_for_selector(".score")


def test_a_dropped_model_becomes_the_query(visit, gallery):
    one = visit()
    page = one.open()
    drop(page, "mine.obj", "", (gallery.folder / "balls" / "rough.obj").read_bytes())
    page.wait_for_selector('.chip[data-kind="model"]')
    page.wait_for_selector(".score")
    assert page.locator(".chip .label").all_inner_texts() == ["mine.obj"]


def test_a_file_that_is_neither_picture_nor_model_is_refused_with_words(visit):
    one = visit()
    page = one.open()
    drop(page, "notes.txt", "text/plain", b"hello")
    assert "neither a picture" in page.locator("#message").inner_text()


def test_more_like_this_searches_by_the_model(visit):
    one = visit()
    page = one.open()
    tile = page.locator(".tile", has_text="long")
    tile.hover()
    tile.locator('[data-act="like"]').click()
    page.wait_for_selector(".score")
    assert page.locator(".chip .label").all_inner_texts() == ["like long"]
    scores = [score for _, score in one.found()]
    assert scores == sorted(scores, reverse=True)


def test_a_part_can_be_turned_around_and_removed(visit):
    one = visit()
    page = one.open()
    one.search("chair -ball")
    assert page.locator(".chip").count() == 2
    page.locator(".chip.away .sign").click()
    page.wait_for_selector(".chip.away", state="detached")
    page.locator(".chip").nth(1).locator('[title^="Remove"]').click()
    counted(page, ".chip", 1)
    assert page.locator(".chip .label").inner_text() == "chair"


def test_facets_count_and_narrow(visit):
    one = visit()
    page = one.open()
    row = page.locator(".check", has_text="chairs").first
    assert row.locator(".total").inner_text() == "2"
    row.locator("input").check()
    page.wait_for_selector(".chosen-one")
    one.settled()
    assert {name for name, _ in one.found()} == {"oak", "oak copy"}
    page.go_back()
    counted(page, ".tile", 6)


def test_dragging_turns_the_model_and_there_is_one_live_picture(visit):
    one = visit()
    page = one.open()
    page.locator(".tile", has_text="long").locator(".open").click()
    canvas = page.locator(".stage canvas[data-frames]")
    canvas.wait_for()
    before = pixels(page, ".stage canvas")
    place = canvas.bounding_box()
    middle = (place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 160, middle[1] + 20, steps=4)
    page.mouse.up()
    page.wait_for_timeout(300)
    assert (np.abs(pixels(page, ".stage canvas") - before).max(axis=2) > 20).mean() > 0.02
    assert page.locator("canvas").count() == 1
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert page.locator("canvas").count() == 0


def test_wireframe_dimensions_and_up_change_the_picture(visit):
    one = visit()
    page = one.open()
    page.locator(".tile", has_text="long").locator(".open").click()
    page.wait_for_selector(".stage canvas[data-frames]")
    for key in ("w", "u"):
        before = pixels(page, ".stage canvas")
        page.keyboard.press(key)
        page.wait_for_timeout(200)
        assert (np.abs(pixels(page, ".stage canvas") - before).max(axis=2) > 20).mean() > 0.01, key
    page.keyboard.press("d")
    page.wait_for_selector(".length >> nth=2")
    assert sorted(page.locator(".length").all_inner_texts()) == ["1.1", "1.2", "2"]


def test_two_models_stand_side_by_side(visit):
    one = visit()
    page = one.open()
    for name in ("long", "smooth"):
        tile = page.locator(".tile", has_text=name)
        tile.hover()
        tile.locator('[data-act="compare"]').click()
    page.wait_for_selector(".viewer.two canvas[data-frames]")
    assert page.locator(".about h2").all_inner_texts() == ["long", "smooth"]
    assert page.locator("canvas").count() == 1


def test_a_name_that_is_markup_stays_text(visit):
    one = visit()
    page = one.open()
    tile = page.locator(".tile", has_text="owned")
    assert tile.locator(".name").inner_text() == SCRIPT
    tile.locator(".open").click()
    page.wait_for_selector(".about h2")
    assert page.locator(".about h2").inner_text() == SCRIPT
    assert page.locator("body script, .tile script").count() == 0
    assert "owned" not in page.title()


def test_without_the_token_duplicates_can_be_seen_and_not_reviewed(visit):
    page = visit().open("#/duplicates", ready=".twin")
    assert page.locator(".twin .name").all_inner_texts() == ["oak copy", "oak"]
    assert "token" in page.locator("#locked").inner_text()
    assert page.locator('[data-act="keep"]').first.is_disabled()


def test_with_the_token_a_duplicate_is_kept_tagged_and_ignored(visit, gallery):
    one = visit()
    page = one.open(f"#token={gallery.token}")
    assert gallery.token not in page.url
    page.goto(f"{gallery.address}#/duplicates")
    first = page.locator(".twin").first
    first.locator('[data-act="keep"]').click()
    page.wait_for_selector(".twin.kept")
    first.locator(".new-tag input").fill("original")
    first.locator(".new-tag button").click()
    page.wait_for_selector(".tag >> text=original")
    page.reload()
    page.wait_for_selector(".twin.kept")
    page.locator(".twin").nth(1).locator('[data-act="ignore"]').click()
    page.wait_for_selector(".twin.ignored")
    page.reload()
    page.wait_for_selector("#page-duplicates .count >> text=No file is here twice")


def test_problems_are_listed_with_their_reason(visit):
    page = visit().open("#/problems", ready=".problems tbody tr")
    row = page.locator(".problems tr", has_text="broken.obj")
    assert row.locator(".severity").inner_text() == "serious"
    assert len(row.locator(".reason").inner_text()) > 20


def test_everything_can_be_done_by_keys(visit):
    one = visit()
    page = one.open()
    page.keyboard.press("/")
    page.keyboard.type("chair")
    page.keyboard.press("Enter")
    page.wait_for_selector(".score")
    page.locator(".tile .open").first.focus()
    page.keyboard.press("ArrowRight")
    second = one.found()[1][0]
    page.keyboard.press("Enter")
    page.wait_for_selector(".about h2")
    assert page.locator(".about h2").inner_text() == second
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert (
        page.evaluate("document.activeElement.closest('.tile').querySelector('.name').textContent") == second
    )
    page.keyboard.press("?")
    page.wait_for_selector(".help")


def test_the_picture_turns_under_the_pointer_unless_less_motion_is_wanted(visit):
    for wanted, turns in (("no-preference", True), ("reduce", False)):
        page = visit(reduced_motion=wanted).open()
        page.wait_for_selector('.tile img[style*="object-position"]')
        image = page.locator(".tile img").first
        before = image.get_attribute("style")
        page.locator(".tile .open").first.hover()
        page.wait_for_timeout(900)
        seen = {before}
        for _ in range(5):
            page.wait_for_timeout(150)
            seen.add(image.get_attribute("style"))
        assert (len(seen) > 1) == turns


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(visit, scheme):
    one = visit(color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    page = one.open()
    one.search("chair -ball")
    faults = {}
    for name, address, ready in (
        ("models", None, ".score"),
        ("duplicates", "#/duplicates", "#page-duplicates .count"),
        ("problems", "#/problems", ".problems tbody tr"),
        ("viewer", "#/", ".tile"),
    ):
        if address:
            page.goto(one.gallery.address + address)
        page.wait_for_selector(ready)
        if name == "viewer":
            page.locator(".tile .open").first.click()
            page.wait_for_selector(".stage canvas[data-frames]")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        if found := page.evaluate(SERIOUS):
            faults[name] = found
    assert not faults


def test_a_screen_of_320_pixels_shows_everything_without_scrolling_sideways(visit):
    one = visit(viewport={"width": 320, "height": 640})
    page = one.open()
    one.search("chair")
    for address, ready in (
        (None, ".tile"),
        ("#/duplicates", "#page-duplicates .count"),
        ("#/problems", ".problems tbody tr"),
    ):
        if address:
            page.goto(one.gallery.address + address)
        page.wait_for_selector(ready)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, address
