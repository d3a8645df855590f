import base64
import io
import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image

from anaglyph.evaluation.charts import lay_out, number
from anaglyph.evaluation.heat_map import confusion_map
from anaglyph.evaluation.report import Curve, Gallery, GalleryRow, Hit, Report, Table, write_report

HOSTILE = "<script>alert('x')</script>\"><img src=http://evil.example onerror=alert(1)>{{ 7 * 7 }}"


class Page(HTMLParser):
    """Collects tags, attributes and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "wbr":  # a place where a line may end, in the middle of a word
            return
        self.tags.append(tag)
        self.attributes.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.words.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.attributes if name == tag]

    @property
    def text(self):
        return " ".join(self.words)


def picture(value=7, colour=True):
    grey = np.arange(30, dtype=np.uint8).reshape(5, 6) + np.uint8(value)
    return np.stack([grey, grey, grey], axis=2) if colour else grey


def report(word="digit 3", **changes):
    hits = [Hit(picture(), word, True), Hit(picture(9), word, False), Hit(picture(11), word)]
    values = {
        "title": word,
        "method": word,
        "preset": word,
        "summary": word,
        "headlines": {word: 0.9315},
        "tables": [
            Table(word, [word, "mAP"], [[word, 0.5], [word, None]], note=word, bars=["mAP"], highlight=[0])
        ],
        "heat_maps": [confusion_map(word, torch.tensor([[3, 1], [0, 0]]), [word, "other"], note=word)],
        "curves": [Curve(word, word, word, {word: [(0, 2.0), (1, math.nan), (2, 1.0)]})],
        "galleries": [Gallery(word, [GalleryRow(picture(colour=False), word, hits)], note=word)],
        "facts": {word: word, "seeds": (0, 1), "rate": np.float32(0.5), "bad": math.inf},
    }
    return Report(**{**values, **changes})


def written(folder, content):
    path = write_report(content, folder)
    assert path == folder / "report.html"
    text = path.read_text(encoding="utf-8")
    return Page(text), text, json.loads((folder / "report.json").read_text(encoding="utf-8"))


def test_the_page_holds_every_title_number_and_picture(tmp_path):
    page, _, _ = written(tmp_path / "new" / "run", report())
    for expected in ("digit 3", "0.931", "0.500", "–", "1 of 2 right", "seeds", "[0, 1]"):
        assert expected in page.text
    assert len(page.of("img")) == 4


def test_pictures_survive_as_exact_png(tmp_path):
    page, _, _ = written(tmp_path, report())
    sources = [attributes["src"] for attributes in page.of("img")]
    decoded = [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for url in sources]
    assert [image.format for image in decoded] == ["PNG"] * 4
    assert np.array_equal(np.asarray(decoded[0]), picture(colour=False))
    assert np.array_equal(np.asarray(decoded[1]), picture())


def test_the_page_asks_nothing_of_the_outside_and_runs_nothing(tmp_path):
    page, text, _ = written(tmp_path, report())
    assert not {"script", "link", "iframe", "object", "embed", "form", "a", "base"} & set(page.tags)
    for _, attributes in page.attributes:
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("src", "data:image/png").startswith("data:image/png")
    assert "url(" not in text
    assert "@import" not in text
    policy = next(tag["content"] for tag in page.of("meta") if "http-equiv" in tag)
    assert "default-src 'none'" in policy
    assert not re.search(r"https?://", text)


def test_hostile_words_stay_text_everywhere(tmp_path):
    harmless, _, _ = written(tmp_path / "a", report())
    hostile, text, data = written(tmp_path / "b", report(HOSTILE))
    assert hostile.tags == harmless.tags
    assert [set(attributes) for _, attributes in hostile.attributes] == [
        set(attributes) for _, attributes in harmless.attributes
    ]
    assert "<script" not in text
    assert "49" not in hostile.text.replace("{{ 7 * 7 }}", "")
    assert HOSTILE in hostile.text
    assert data["title"] == HOSTILE


def test_words_that_are_no_unicode_do_not_break_the_report(tmp_path):
    page, _, data = written(tmp_path, report("caf\udce9.png"))
    assert "caf?.png" in page.text
    assert data["title"] == "caf?.png"


def test_right_and_wrong_hits_differ_by_shape_and_word(tmp_path):
    page, _, _ = written(tmp_path, report())
    alts = [attributes["alt"] for attributes in page.of("img")]
    assert alts == [
        "Query: digit 3",
        "Hit 1: digit 3, same class",
        "Hit 2: digit 3, another class",
        "Hit 3: digit 3",
    ]
    marks = [
        attributes["d"] for attributes in page.of("path") if attributes["d"].startswith(("M4.5", "M5.5"))
    ]
    assert len(marks) == len(set(marks)) == 2


def test_ids_may_end_a_line_after_their_slashes_and_underscores_and_keep_every_letter(tmp_path):
    name = "potted_plant/00029/test0"
    hits = [Hit(picture(), f"{name}, 0.79")]
    curve = Curve("c", "x", "y", {"instance_category": [(0, 1.0)]})
    content = report("a", galleries=[Gallery("g", [GalleryRow(picture(), name, hits)])], curves=[curve])
    page, text, _ = written(tmp_path, content)
    assert f"<b>{name.replace('_', '_<wbr>').replace('/', '/<wbr>')}</b>" in text
    assert "instance_<wbr>category</span>" in text
    assert f"{name}, 0.79" in "".join(page.words)


def test_hits_share_the_width_so_that_a_row_of_them_fits(tmp_path):
    page, _, _ = written(tmp_path, report())
    assert [attributes["style"] for attributes in page.of("ol")] == ["--hits:3"]


def test_charts_have_words_and_lines_differ_by_dashes(tmp_path):
    page, text, _ = written(tmp_path, report())
    (chart,) = [attributes for attributes in page.of("svg") if attributes.get("role") == "img"]
    assert chart["aria-label"] == "digit 3. digit 3 over digit 3: digit 3 from 2 to 1."
    assert len(set(re.findall(r"stroke-dasharray: ([\d ]+)", text))) == 5


def test_the_page_follows_the_colour_scheme_and_the_width_of_the_screen(tmp_path):
    page, text, _ = written(tmp_path, report())
    assert "prefers-color-scheme: dark" in text
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.of("meta")


def test_the_json_holds_numbers_and_no_picture(tmp_path):
    _, _, data = written(tmp_path, report())
    assert set(data) == {
        "title", "method", "preset", "summary", "headlines", "tables", "heat_maps", "curves", "facts",
    }  # fmt: skip
    assert data["heat_maps"][0]["counts"] == [[3, 1], [0, 0]]
    assert data["tables"][0]["rows"] == [["digit 3", 0.5], ["digit 3", None]]
    assert data["curves"][0]["series"] == {"digit 3": [[0, 2.0], [1, None], [2, 1.0]]}
    assert data["facts"] == {"digit 3": "digit 3", "seeds": [0, 1], "rate": 0.5, "bad": None}


def test_the_same_report_gives_the_same_bytes(tmp_path):
    write_report(report(), tmp_path / "a")
    write_report(report(), tmp_path / "b")
    for name in ("report.html", "report.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_an_empty_report_is_still_a_page(tmp_path):
    page, _, data = written(tmp_path, Report(title="nothing", method="romo", preset="best"))
    assert "nothing" in page.text
    assert data["tables"] == []


@pytest.mark.parametrize("wrong", [np.zeros((3, 3)), np.zeros((3, 3, 4), np.uint8), np.zeros(3, np.uint8)])
def test_a_picture_of_the_wrong_kind_is_refused_and_nothing_is_written(tmp_path, wrong):
    galleries = [Gallery("shapes", [GalleryRow(wrong, "query", [])])]
    with pytest.raises(ValueError, match=r"a picture must be uint8 of \(H, W\)"):
        write_report(report(galleries=galleries), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_row_of_the_wrong_length_is_named(tmp_path):
    with pytest.raises(ValueError, match="table 'mAP' has 2 columns, but a row has 1 cells"):
        write_report(report(tables=[Table("mAP", ["method", "value"], [["best"]])]), tmp_path)


def test_bars_are_shares_of_one_or_of_the_largest(tmp_path):
    rows = [["a", 0.25, 10], ["b", 1.0, 40], ["c", None, -1]]
    table = Table("bars", ["name", "share", "count"], rows, bars=["share", "count"])
    page, _, _ = written(tmp_path, report(tables=[table]))
    widths = [attributes["style"] for attributes in page.of("b") if "style" in attributes]
    expected = [25.0, 25.0, 100.0, 100.0, 0.0, 0.0]
    assert [float(width.removeprefix("width:").removesuffix("%")) for width in widths] == expected


def test_a_chart_stays_in_its_box_and_breaks_at_gaps():
    points = [(0.0, -5.0), (1.0, math.inf), (2.0, 3.0), (3.0, 4.0)]
    chart = lay_out(Curve("c", "epoch", "loss", {"a": points}))
    assert chart.lines[0].path.count("M") == 2
    assert len(chart.lines[0].points) == 3
    for point in chart.lines[0].points:
        assert chart.left <= point.x <= chart.right
        assert chart.top <= point.y <= chart.bottom
    for tick in chart.y_ticks:
        assert chart.top - 0.1 <= tick.at <= chart.bottom + 0.1


@pytest.mark.parametrize(
    "values", [[], [math.nan], [0.3], [2.0, 2.0], [0.0, 0.0], [1e-9, 3e-9], [1e12, -1e12]]
)
def test_charts_of_few_equal_tiny_or_huge_values_have_distinct_ticks(values):
    chart = lay_out(Curve("c", "step", "loss", {"a": list(enumerate(values))}))
    for ticks in (chart.x_ticks, chart.y_ticks):
        labels = [tick.label for tick in ticks]
        assert 2 <= len(labels) == len(set(labels)) <= 8


def test_long_series_are_thinned_with_both_ends_kept():
    chart = lay_out(Curve("c", "step", "loss", {"a": [(float(step), 1.0 + step) for step in range(5000)]}))
    first, last = chart.lines[0].points
    assert chart.lines[0].path.count("L") == 239
    assert first.label == "a: 1 at step 0"
    assert last.label == "a: 5,000 at step 4,999"


@pytest.mark.parametrize(
    ("value", "text"),
    [(12500, "12,500"), (0.93149, "0.931"), (2e-5, "2e-05"), (math.nan, "n/a"), (-3.0, "-3")],
)
def test_numbers_read_well(value, text):
    assert number(value) == text
