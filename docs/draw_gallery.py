"""The pictures of the gallery in docs/images, taken in Chromium from a running `anaglyph serve --write`.

    anaglyph serve --write                       # prints its address, with the token
    python docs/draw_gallery.py ADDRESS --words chair --night sword

Needs `pip install 'anaglyph[browser]'` and Debian's `chromium`.
"""

import argparse
import io
import shutil
from pathlib import Path
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 600_000


def window(browser: Browser, *, size: tuple[int, int] = (1360, 860), scheme: str = "light") -> Page:
    """An empty window."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    return page


def keep(page: Page, name: str) -> None:
    """Save what the window shows, as a small WebP."""
    page.mouse.move(0, 0)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(800)
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        shot.convert("RGB").save(IMAGES / f"gallery-{name}.webp", quality=82, method=6)
    page.context.close()


def part(kind: str, value: str) -> str:
    """The address of a query of one part."""
    return "#/?p=" + quote(",".join([kind, "1", quote(value), quote(value)]), safe="")


def take(browser: Browser, address: str, *, words: str, night: str) -> None:
    """All five."""
    base, _, token = address.partition("#")
    found = base + part("text", words)

    page = window(browser)
    page.goto(found)
    page.wait_for_selector(".score")
    keep(page, "light")

    page = window(browser, scheme="dark")
    page.goto(base + part("text", night))
    page.wait_for_selector(".score")
    keep(page, "dark")

    page = window(browser, size=(360, 740))
    page.goto(found)
    page.wait_for_selector(".score")
    keep(page, "phone")

    page = window(browser)
    page.goto(found)
    page.locator(".tile .open").first.click()
    page.wait_for_selector(".stage canvas[data-frames]")
    page.keyboard.press("d")
    keep(page, "viewer")

    page = window(browser)
    page.goto(f"{base}#{token}")
    page.wait_for_selector(".tile")
    page.goto(base + "#/duplicates")
    page.get_by_role("button", name="Near duplicates").click()
    page.wait_for_selector('.group[data-kind="near"], #page-duplicates .count:has-text("No models")')
    keep(page, "duplicates")


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--words", default="chair")
    parser.add_argument("--night", default="sword", help="words of the dark picture")
    given = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        take(browser, given.address, words=given.words, night=given.night)
        browser.close()


if __name__ == "__main__":
    main()
