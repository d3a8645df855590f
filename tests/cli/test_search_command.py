"""`anaglyph search` and `anaglyph dedup` on a real index: words, files, filters, exit codes, review."""

import csv
import io
import json
import shutil

import pytest
from PIL import Image

from anaglyph.search.closeness import NOTE, Closeness
from anaglyph.search.opening import open_store
from searchable_index import make_index


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_index(tmp_path_factory.mktemp("searchable"))


@pytest.fixture
def place(made, tmp_path):
    """An index of this test's own."""
    return shutil.copytree(made.place, tmp_path / "index")


@pytest.fixture
def models(made):
    return made.models


@pytest.fixture
def search(anaglyph, place, made):
    """`anaglyph search` in that index."""
    return lambda *words: anaglyph("search", *words, "--index", place, "--data-root", made.root)


def threshold(place, close):
    store = open_store(place)
    with store.writer(owner="test") as writer:
        kept = Closeness(mean=(0.0,) * store.header.dim, text=close, image=close, shape=close)
        writer.note(NOTE, kept.plain())
    store.close()


def test_a_word_prints_a_table(search):
    ran = search("chair")
    assert ran.code == 0, ran.err
    assert "5 of 5" in ran.out
    assert "chairs/high.ply" in ran.out


def test_json_has_scores_that_fall(search):
    ran = search("a", "chair", "--json", "--limit", "3")
    scores = [hit["score"] for hit in ran.data["hits"]]
    assert (ran.code, len(scores), ran.data["total"]) == (0, 3, 5)
    assert scores == sorted(scores, reverse=True)


def test_a_model_finds_its_copies_with_equal_scores(search, models):
    ran = search(models / "chairs" / "low.off", "--json")
    scores = {hit["name"]: hit["score"] for hit in ran.data["hits"]}
    assert scores["low"] == scores["copy of low"]


def test_a_picture_is_recognised_by_its_suffix(search, tmp_path):
    Image.new("RGB", (30, 30), (200, 30, 30)).save(tmp_path / "Red.JPG")
    ran = search(tmp_path / "Red.JPG", "--box", "0,0,0.5,1", "--json")
    assert (ran.code, len(ran.data["hits"])) == (0, 5)
    assert all(hit["view"] is not None for hit in ran.data["hits"])


def test_more_like_an_item_needs_no_model(search, models):
    shutil.move(models.parent / "space", models.parent / "gone")
    try:
        ran = search("--like", "2", "--json")
        wanting = search("chair")
    finally:
        shutil.move(models.parent / "gone", models.parent / "space")
    assert (ran.code, len(ran.data["hits"])) == (0, 4)
    assert wanting.code == 2
    assert "space.safetensors" in wanting.err


def test_what_is_not_wanted_and_weights_change_the_order(search):
    plain = search("--like", "2", "--json")
    away = search("--like", "2", "--not", "table", "--json")
    heavy = search("--like", "2", "--not", "table", "--weight", "1,3", "--json")
    scores = [[hit["score"] for hit in ran.data["hits"]] for ran in (plain, away, heavy)]
    assert scores[0] != scores[1] != scores[2]


def test_filters_stand_behind_or_before_the_query(search):
    for words in (
        ["chair", "--folder", "chairs", "--format", "off"],
        ["--format", "OFF", "--folder", "chairs/", "chair"],
    ):
        ran = search(*words, "--faces", "1:", "--json")
        assert [hit["path"] for hit in ran.data["hits"]] == ["chairs/low.off"]


def test_options_may_be_given_several_times(search):
    ran = search("a", "--format", "off", "--format", "ply", "--json")
    assert {hit["format"] for hit in ran.data["hits"]} == {"off", "ply"}


def test_pages_do_not_overlap(search):
    pages = [search("a", "--limit", "2", "--page", n, "--json") for n in (1, 2, 3)]
    ids = [hit["id"] for ran in pages for hit in ran.data["hits"]]
    assert len(ids) == len(set(ids)) == 5


def test_nothing_close_is_said_and_is_exit_code_1(search, place):
    threshold(place, 2.0)
    ran = search("chair")
    assert ran.code == 1
    assert "nothing close" in ran.out
    assert "chairs/high.ply" in ran.out


def test_close_hits_are_counted_where_a_threshold_is_known(search, place):
    threshold(place, -2.0)
    assert "5 close of 5" in search("chair").out


def test_nothing_that_passes_is_exit_code_1(search):
    ran = search("chair", "--format", "glb")
    assert (ran.code, "nothing found" in ran.out) == (1, True)


def test_csv_has_a_line_for_each_hit(search):
    ran = search("chair", "--csv")
    rows = list(csv.DictReader(io.StringIO(ran.out, newline="")))
    assert len(rows) == 5
    assert {row["format"] for row in rows} == {"obj", "ply", "off"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing to search for"),
        (["absent.png"], "no picture 'absent.png'"),
        (["absent.glb"], "there is no such file"),
        (["--like", "99"], "99"),
        (["a", "--faces", "many"], "faces is 'many'"),
        (["a", "--weight", "1,2"], "2 weights for 1 parts"),
        (["a", "--weight", "x"], "weight is 'x'"),
        (["a", "--box", "0,0,1,1"], "belongs to one picture"),
        (["a", "--page", "0"], "page must be"),
        (["a", "--limit", "201"], "1 to 200"),
        (["a", "--json", "--csv"], "not both"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(search, words, message):
    ran = search(*words)
    assert ran.code == 2
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_an_index_that_is_not_there_is_named(anaglyph, tmp_path):
    ran = anaglyph("search", "chair", "--index", tmp_path / "none")
    assert ran.code == 2
    assert "none" in ran.err


def test_duplicates_are_listed_with_their_files(anaglyph, place):
    ran = anaglyph("dedup", "--exact", "--index", place)
    assert ran.code == 0, ran.err
    assert "1 groups, 1 items more than needed" in ran.out
    assert "tables/copy of low.off" in ran.out


def test_what_is_kept_leaves_the_list_and_the_other_has_a_tag(search, anaglyph, place, models):
    before = sorted(path.read_bytes() for path in models.rglob("*.*"))
    (group,) = anaglyph("dedup", "--exact", "--index", place, "--json").data["groups"]
    kept, other = group["ids"]
    ran = anaglyph("dedup", *group["ids"], "--keep", kept, "--index", place, "--json")
    assert (ran.code, ran.data) == (0, {"changed": [kept, other]})
    assert anaglyph("dedup", "--exact", "--index", place).code == 1
    tagged = search("a", "--tag", "duplicate", "--json")
    assert [hit["id"] for hit in tagged.data["hits"]] == [other]
    assert sorted(path.read_bytes() for path in models.rglob("*.*")) == before


def test_ignored_items_can_be_listed_again(anaglyph, place):
    (group,) = anaglyph("dedup", "--exact", "--index", place, "--json").data["groups"]
    anaglyph("dedup", *group["ids"], "--ignore", "--index", place)
    assert anaglyph("dedup", "--exact", "--index", place).code == 1
    anaglyph("dedup", *group["ids"], "--restore", "--index", place)
    assert anaglyph("dedup", "--exact", "--index", place).code == 0


def test_groups_as_csv_count_from_one(anaglyph, place):
    ran = anaglyph("dedup", "--exact", "--index", place, "--csv")
    rows = list(csv.DictReader(io.StringIO(ran.out, newline="")))
    assert [(row["group"], row["kind"]) for row in rows] == [("1", "exact"), ("1", "exact")]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--keep", "1"], "name the ids"),
        (["1"], "say what to do"),
        (["1", "--ignore", "--restore"], "exclude one another"),
        (["1", "99", "--ignore"], "99"),
        (["1", "2", "--keep", "3"], "not in the group"),
        (["--near", "2"], "near must"),
    ],
)
def test_reviews_that_cannot_be_meant_change_nothing(anaglyph, place, words, message):
    before = open_store(place)
    generation = before.generation()
    before.close()
    ran = anaglyph("dedup", *words, "--index", place)
    assert ran.code == 2
    assert message in ran.err
    after = open_store(place)
    assert after.generation() == generation
    after.close()


def test_a_name_that_a_terminal_would_obey_is_printed_harmlessly(search, place):
    store = open_store(place)
    with store.writer(owner="test") as writer:
        writer.move([(1, store.item(1).path, "evil\x1b[2J.obj")])
    store.close()
    ran = search("a")
    assert "\x1b" not in ran.out
    json.dumps(ran.out)
