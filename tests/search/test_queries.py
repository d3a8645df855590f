"""Parts of a query to one vector, pages of hits, thresholds; on a real index with a tiny space."""

import io
from contextlib import closing

import numpy as np
import pytest
import torch
from PIL import Image

from anaglyph.errors import AnaglyphError, ConfigError, DataError, MeshError
from anaglyph.search import closeness as closeness_module
from anaglyph.search.closeness import Closeness, measure_closeness, read_closeness, unit
from anaglyph.search.finder import Finder
from anaglyph.search.items import Filters
from anaglyph.search.open_searcher import open_searcher
from anaglyph.search.opening import create_store
from anaglyph.search.parts import LikePart, ModelPart, PicturePart, TextPart
from anaglyph.search.query import QueryEmbedder
from anaglyph.search.searcher import Searcher, best_views, clear_gap
from reference.memory_store import MemoryStore
from searchable_index import make_index
from store_items import header
from stored_items import an_entry


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return make_index(tmp_path_factory.mktemp("searchable"))


@pytest.fixture(scope="module")
def searcher(index):
    with open_searcher(str(index.place), root=index.root) as opened:
        yield opened


@pytest.fixture(scope="module")
def space(searcher):
    return searcher.embedder.space()


def png(colour=(200, 30, 30), size=(40, 30)):
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def test_words_have_the_vector_that_the_space_gives_them(searcher, space):
    made = searcher.embedder.embed([TextPart(text="a chair")])
    np.testing.assert_allclose(made.vector, space.texts(["a chair"])[0].numpy(), atol=1e-6)


def test_a_model_that_is_in_the_index_has_the_vector_of_its_item(searcher, index):
    made = searcher.embedder.embed([ModelPart(path=index.models / "chairs/low.off")])
    (item,) = searcher.store.select(Filters(name="chairs/low"), limit=2)
    like = searcher.embedder.embed([LikePart(id=item.id)])
    np.testing.assert_allclose(made.vector, like.vector, atol=1e-6)
    assert np.linalg.norm(made.vector) == pytest.approx(1.0)


def test_like_an_item_leaves_that_item_out(searcher):
    (low,) = searcher.store.select(Filters(name="chairs/low"), limit=2)
    found = searcher.search([LikePart(id=low.id)])
    (copy,) = [hit for hit in found.hits if hit.item.path == "tables/copy of low.off"]
    assert copy.score == pytest.approx(float(np.linalg.norm(searcher.store.vectors(np.array([low.id]))[1])))
    assert low.id not in [hit.item.id for hit in found.hits]
    assert found.total == len(found.hits) == 4


def test_a_picture_is_searched_and_the_best_view_is_named(searcher, space):
    found = searcher.search([PicturePart(data=png(), name="red.png")])
    hit = found.hits[0]
    views = searcher.store.views([hit.item.id])[hit.item.id].astype(np.float32)
    vector = searcher.embedder.embed([PicturePart(data=png(), name="red.png")]).vector
    assert hit.view == int((views @ vector).argmax())


def test_parts_add_up_by_their_weights_and_the_sum_has_length_one(searcher, space):
    chair, red = (space.texts([text])[0].numpy() for text in ("a chair", "red"))
    made = searcher.embedder.embed([TextPart(text="a chair", weight=2.0), TextPart(text="red", weight=-0.5)])
    expected = 2.0 * chair - 0.5 * red
    np.testing.assert_allclose(made.vector, expected / np.linalg.norm(expected), atol=1e-5)


def test_many_queries_get_what_each_gets_alone(searcher, index):
    queries = [
        [TextPart(text="one"), PicturePart(data=png())],
        [TextPart(text="")],
        [ModelPart(path=index.models / "absent.obj")],
        [LikePart(id=2), TextPart(text="two")],
        [PicturePart(data=b"no picture")],
    ]
    together = searcher.embedder.embed_many(queries)
    for parts, made in zip(queries, together, strict=True):
        if isinstance(made, AnaglyphError):
            with pytest.raises(type(made)) as alone:
                searcher.embedder.embed(parts)
            assert str(alone.value) == str(made)
        else:
            np.testing.assert_allclose(made.vector, searcher.embedder.embed(parts).vector, atol=1e-5)
    assert [isinstance(made, AnaglyphError) for made in together] == [False, True, True, False, True]


@pytest.mark.parametrize(
    ("parts", "kind", "words"),
    [
        ([], ConfigError, "1 to 8 parts, got 0"),
        ([LikePart(id=1)] * 9, ConfigError, "1 to 8 parts, got 9"),
        ([TextPart(text=" \n")], ConfigError, "is empty"),
        ([TextPart(text="a", weight=0.0)], ConfigError, "not be 0"),
        ([TextPart(text="a", weight=float("nan"))], ConfigError, "weight"),
        ([TextPart(text="a", weight=101.0)], ConfigError, "-100 to 100"),
        ([TextPart(text="a", weight=-1.0)], ConfigError, "add one that is"),
        ([TextPart(text="a"), TextPart(text="a", weight=-1.0)], ConfigError, "cancel out"),
        ([PicturePart(data=png(), box=(0.5, 0, 0.5, 1))], ConfigError, "a box is"),
        ([PicturePart(data=png(), box=(0, 0, float("nan"), 1))], ConfigError, "a box is"),
        ([PicturePart(data=b"x", name="a.png")], DataError, "'a.png' is not a readable"),
        ([PicturePart(data=png() + bytes(20 << 20), name="a.png")], DataError, "at most 20971520"),
        ([LikePart(id=99)], DataError, "99"),
    ],
)
def test_queries_that_cannot_be_meant_are_refused(searcher, parts, kind, words):
    with pytest.raises(kind, match=words):
        searcher.embedder.embed(parts)


def test_a_model_that_cannot_be_read_is_named(searcher, tmp_path):
    (tmp_path / "bad.obj").write_text("f 1 2 3\n")
    with pytest.raises(MeshError, match=r"bad\.obj"):
        searcher.search([ModelPart(path=tmp_path / "bad.obj")])


def test_text_of_a_thousand_characters_is_used_whole_and_more_is_cut_with_a_note(searcher):
    assert searcher.embedder.embed([TextPart(text="a" * 1000)]).notes == ()
    made = searcher.embedder.embed([TextPart(text="a" * 1001)])
    assert made.notes == ("of 1001 characters of text the first 1000 were used",)
    np.testing.assert_array_equal(made.vector, searcher.embedder.embed([TextPart(text="a" * 1000)]).vector)


def test_eight_parts_are_allowed(searcher):
    assert searcher.embedder.embed([TextPart(text=f"word {n}") for n in range(8)]).vector.shape == (8,)


def test_filters_hold(searcher):
    found = searcher.search([TextPart(text="a")], filters=Filters(folder="chairs"))
    assert sorted(hit.item.path for hit in found.hits) == ["chairs/high.ply", "chairs/low.off"]
    assert found.total == 2


def test_pages_follow_one_another(searcher):
    query = searcher.embedder.embed([TextPart(text="a")])
    whole = searcher.find(query, limit=5)
    pages = [searcher.find(query, limit=2, offset=first) for first in (0, 2, 4)]
    assert [hit for page in pages for hit in page.hits] == list(whole.hits)
    assert {page.total for page in pages} == {5}


@pytest.mark.parametrize(("limit", "offset"), [(0, 0), (201, 0), (1, -1), (1, 100_000)])
def test_pages_that_cannot_be_are_refused(searcher, limit, offset):
    with pytest.raises(ConfigError):
        searcher.search([TextPart(text="a")], limit=limit, offset=offset)


def a_plain_searcher(*rows, closeness=None):
    """Items with these vectors, found with "like"; no space."""
    store = MemoryStore(dim=len(rows[0]))
    with store.writer(owner="test") as writer:
        writer.put([an_entry(f"{n}.glb", vector=row) for n, row in enumerate(rows)])
    embedder = QueryEmbedder(
        store=store, space=lambda: None, model=lambda path: None, closeness=lambda: closeness or Closeness()
    )
    return Searcher(store=store, finder=Finder(store), embedder=embedder)


def test_hits_below_the_threshold_are_not_close():
    searcher = a_plain_searcher(
        [1, 0], [0.9, 0.1], [0.1, 0.9], closeness=Closeness(mean=(0.0, 0.0), shape=0.5)
    )
    found = searcher.search([LikePart(id=1)])
    assert [hit.close for hit in found.hits] == [True, False]
    assert not found.nothing_close
    assert searcher.search([LikePart(id=3)], filters=Filters(name="0.glb")).nothing_close


def test_a_threshold_lies_above_the_mean_score_of_the_query():
    searcher = a_plain_searcher([1, 0], [0, 1], [1, 1], closeness=Closeness(mean=(0.1, 0.2), shape=0.5))
    made = searcher.embedder.embed([LikePart(id=1, weight=3.0), LikePart(id=2, weight=-4.0)])
    assert made.close == pytest.approx((3.0 * 0.1 - 4.0 * 0.2) / 5.0 + 0.5)


def test_the_margin_of_several_parts_is_the_mean_of_theirs_by_weight():
    known, vector = Closeness(mean=(0.0, 0.0), text=0.2, image=0.6), np.array([1, 0], np.float32)
    assert known.threshold(vector, [("text", 1.0), ("image", -3.0)]) == pytest.approx((0.2 + 3 * 0.6) / 4)
    assert known.threshold(vector, [("text", 1.0), ("shape", 1.0)]) is None


def test_without_a_measured_threshold_every_hit_is_shown_as_close():
    found = a_plain_searcher([1, 0], [-1, 0]).search([LikePart(id=1)])
    assert found.close is None
    assert found.hits[0].close


def test_an_item_without_a_vector_has_nothing_like_it():
    searcher = a_plain_searcher([1, 0])
    with searcher.store.writer(owner="test") as writer:
        (id,) = writer.put([an_entry("bad.glb", state="problem")])
    with pytest.raises(DataError, match=r"bad\.glb"):
        searcher.search([LikePart(id=id)])


@pytest.mark.parametrize("looked_at", [600, 300])
def test_of_queries_that_point_nowhere_one_in_five_has_a_close_hit(looked_at, monkeypatch):
    monkeypatch.setattr(closeness_module, "ITEMS", looked_at)  # the rest is extrapolated
    rng = np.random.default_rng(0)
    rows = unit(rng.standard_normal((600, 16)))
    store = MemoryStore(dim=16)
    with store.writer(owner="test") as writer:
        writer.put([an_entry(f"{n}.glb", vector=row, views=[row, -row]) for n, row in enumerate(rows)])
    measured = measure_closeness(store, texts=lambda words: unit(rng.standard_normal((len(words), 16))))
    anywhere = unit(rng.standard_normal((2000, 16)))
    best = (anywhere @ rows.T).max(axis=1)
    for kind in ("text", "image", "shape"):
        thresholds = [measured.threshold(query, [(kind, 1.0)]) for query in anywhere]
        assert (best >= thresholds).mean() == pytest.approx(0.2, abs=0.06)
    assert read_closeness(measured.plain()) == measured


OLDER = '{"text": {"close": 0.5, "mean": 0.1}, "image": null, "shape": null}'


@pytest.mark.parametrize("text", [None, "", "x", "[]", "{}", '{"mean": 3}', OLDER, "null"])
def test_a_threshold_that_was_not_kept_is_none(text):
    assert read_closeness(text) is None


def test_a_threshold_that_is_not_finite_is_none():
    assert read_closeness(Closeness(mean=(0.0,), text=float("nan")).plain()) is None


def test_few_items_have_no_threshold(searcher):
    assert measure_closeness(searcher.store, texts=None) == Closeness()


def test_an_index_in_which_nothing_can_be_found_has_no_threshold(tmp_path):
    with closing(create_store(tmp_path / "index", header())) as store:
        assert measure_closeness(store, texts=lambda words: np.ones((len(words), 8))) == Closeness()


@pytest.mark.parametrize(
    ("scores", "gap"),
    [
        ([0.9, 0.89, 0.88, 0.5, 0.49, 0.48], 3),
        ([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], None),
        ([0.9, 0.7, 0.68, 0.5, 0.49, 0.48], None),
        ([0.5] * 9, None),
        ([0.9, 0.1], None),
        ([], None),
    ],
)
def test_a_clear_gap_is_one_large_step(scores, gap):
    assert clear_gap(scores) == gap


def test_the_best_view_is_the_first_of_equals():
    views = np.array([[0, 1], [1, 0], [1, 0]], dtype=np.float16)
    assert best_views({7: views}, np.array([1, 0], np.float32)) == {7: 1}
    assert best_views({7: views[:0]}, np.array([1, 0], np.float32)) == {}


def test_pictures_in_memory_are_read_as_files_are(tmp_path):
    from anaglyph.io.pictures import masked_picture, read_masked_picture

    (tmp_path / "a.png").write_bytes(png())
    for one, other in zip(
        masked_picture(png(), name="a.png"), read_masked_picture(tmp_path / "a.png"), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert torch.from_numpy(one).shape == (30, 40)
