"""A small folder of models, `anaglyph serve` over its index, and a Chromium that writes down what it asks."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from indexed_models import save_space
from model_files import write_broken, write_model
from scenes import box, chair, joined, sphere

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = (
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
SCRIPT = "<script>document.title='owned'<script>"
TOKEN = "token-of-the-gallery-test"
PATIENCE = 120_000
"""Milliseconds that anything on the page may take on a loaded machine."""


@dataclass(frozen=True)
class Gallery:
    """A served index."""

    address: str
    """Without the token."""
    folder: Path
    token: str = TOKEN


def write_folder(folder):
    """Models that differ, two equal files, one broken file, and one whose name is markup."""
    table = joined(
        box((-1, 0.5, -0.6), (1, 0.6, 0.6)), *(box((x, -0.5, -0.5), (x + 0.1, 0.5, 0.5)) for x in (-0.9, 0.8))
    )
    write_model(folder / "chairs" / "oak.ply", chair())
    shutil.copy(folder / "chairs" / "oak.ply", folder / "chairs" / "oak copy.ply")
    write_model(folder / "tables" / "long.ply", table)
    write_model(folder / "balls" / "smooth.obj", sphere(12, 24))
    write_model(folder / "balls" / "rough.obj", sphere(12, 24, bumps=0.2))
    write_model(folder / f"{SCRIPT}.off", box((-1, -0.5, -0.25), (1, 0.5, 0.25)))
    write_broken(folder / "broken.obj")
    return folder


@contextmanager
def served(folder, place):
    """Index a folder with a tiny space and serve it, by the real commands; writes need the token."""
    space = save_space(place.parent / "space")
    root = ("--data-root", str(space.parent))
    environment = {**os.environ, "ANAGLYPH_TOKEN": TOKEN, "OMP_NUM_THREADS": "1"}
    command = (sys.executable, "-m", "anaglyph")
    made = subprocess.run(
        [*command, "index", str(folder), "--index", str(place), "--processes", "1", *root,
         "--model", str(space)],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode in (0, 1), made.stderr
    server = subprocess.Popen(
        [*command, "serve", "--index", str(place), "--port", "0", "--write", *root],
        env=environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        address = server.stdout.readline().strip()
        yield Gallery(address.partition("#")[0], folder)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=60)
        server.stdout.close()


class Visit:
    """One browser window on the gallery that writes down every request and every error of the page."""

    def __init__(self, browser, gallery, **options):
        self.context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **options})
        self.gallery = gallery
        self.requests, self.errors = [], []
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: line.type == "error" and self.errors.append(line.text))

    def open(self, address="", *, ready=".tile"):
        """Go to an address of the gallery and wait for what it shows."""
        self.page.goto(self.gallery.address + address)
        self.page.wait_for_selector(ready)
        return self.page

    def found(self):
        """(name, score or None) of each tile."""
        tiles = self.page.locator(".tile").all()
        rows = []
        for tile in tiles:
            score = tile.locator(".score > span:last-child")
            rows.append(
                (tile.locator(".name").inner_text(), float(score.inner_text()) if score.count() else None)
            )
        return rows

    def search(self, words):
        """Type words and wait for scores."""
        self.page.fill("#words", words)
        self.page.press("#words", "Enter")
        self.page.wait_for_selector(".score")
        self.settled()

    def settled(self):
        """Wait until no answer is awaited."""
        self.page.wait_for_selector("#results:not([aria-busy])")

    def close(self):
        """End it; nothing may have been asked of another machine."""
        self.context.close()
        foreign = [url for url in self.requests if urlsplit(url).scheme in ("http", "https", "ws", "wss")
                   and urlsplit(url).hostname != "127.0.0.1"]  # fmt: skip
        assert not foreign, f"the page asked other machines: {foreign}"
        assert not self.errors, f"the page reported: {self.errors}"


DROP = """([name, type, bytes]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(bytes)], name, { type }));
  const fire = (kind, target) => target.dispatchEvent(
    new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  fire("dragenter", document.body);
  const zone = document.querySelector('#drop [data-drop="new"]');
  fire("dragover", zone);
  fire("drop", zone);
}"""


def drop(page, name, kind, data):
    """Drop a file on the page, as a person does with a mouse."""
    page.evaluate(DROP, [name, kind, list(data)])


def counted(page, selector, number):
    """Wait until there are so many."""
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_have_count(number, timeout=PATIENCE)


def pixels(page, selector):
    """What a part of the page looks like, as an array."""
    import io

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(page.locator(selector).screenshot())).convert("RGB")).astype(int)
