"""Dossier MixCon3D, 1.3 and 1.7: which pictures and which text a row of a batch shows."""

from collections import Counter

import numpy as np
import pytest
import torch

from anaglyph.config import plain, structure
from anaglyph.data.records import Record, TextSource
from anaglyph.data.transforms.texts import TextChoice, choose_texts
from anaglyph.data.transforms.views import ViewChoice, choose_views
from anaglyph.errors import ConfigError, DataError
from anaglyph.randomness import numpy_generator, row_keys, uniform
from reference.choices import slow_text, slow_views

NAME, REJECTED, CAPTION, OTHER, RETRIEVED = TextSource


def keys(count, *parts):
    return row_keys([f"key{i}" for i in range(count)], *parts)


def record(sources=(), views=0, thumbnail=False, key=0):
    """Vectors tell their place: text t is (t + 1, 0, 0), view v is (v + 1, 0), the thumbnail (-1, 0)."""
    return Record(
        points=numpy_generator("record", key).normal(size=(4, 3)).astype(np.float32),
        images=np.stack([np.arange(1, views + 1), np.zeros(views)], axis=1).astype(np.float16),
        thumbnail=np.array([-1, 0], dtype=np.float16) if thumbnail else None,
        texts=np.eye(3, dtype=np.float16)[:1] * np.arange(1, len(sources) + 1)[:, None].astype(np.float16),
        sources=np.array(sources, dtype=np.uint8),
    )


def places(vectors):
    return (vectors[..., 0].long() - 1).tolist()


KINDS = [
    (NAME, CAPTION, OTHER, RETRIEVED, RETRIEVED),
    (REJECTED, CAPTION, RETRIEVED),
    (NAME, NAME, NAME),
    (OTHER,),
    (REJECTED,),
    (),
]


def test_the_drawn_text_is_the_one_of_the_definition():
    rows = keys(600)
    sources = [KINDS[row % len(KINDS)] for row in range(600)]
    vectors, present = choose_texts([record(each) for each in sources], TextChoice(), rows)
    assert vectors.shape == (600, 1, 3)
    assert vectors.dtype == torch.float32
    first, lots = uniform(rows, "texts/captioner") < 0.5, uniform(rows, "texts/entry", 3)
    last = uniform(rows, "texts/candidate")
    for row in range(600):
        place = slow_text(list(sources[row]), blip=bool(first[row]), lots=lots[row], last=last[row])
        assert bool(present[row, 0]) == (place is not None)
        assert places(vectors)[row] == [-1 if place is None else place]


def test_sources_are_drawn_as_often_as_published():
    many = choose_texts([record(KINDS[0])] * 6000, TextChoice(), keys(6000))[0]
    shares = Counter(place for (place,) in places(many))
    expected = {0: 1 / 3, 1: 1 / 6, 2: 1 / 6, 3: 1 / 6, 4: 1 / 6}
    for place, share in expected.items():
        assert shares[place] / 6000 == pytest.approx(share, abs=0.02)


def test_only_the_captioner_that_is_drawn_is_tried():
    _, present = choose_texts([record((OTHER,))] * 2000, TextChoice(), keys(2000))
    assert present.float().mean() == pytest.approx(0.5, abs=0.04)
    _, present = choose_texts([record((OTHER,))] * 50, TextChoice(caption=0.0), keys(50))
    assert present.all()


def test_a_rejected_name_is_never_shown():
    for choice in (TextChoice(), TextChoice(mode="all")):
        vectors, _ = choose_texts([record(KINDS[1])] * 300, choice, keys(300))
        assert 0 not in {place for row in places(vectors) for place in row}
    vectors, present = choose_texts([record(KINDS[1]), record(KINDS[4])], TextChoice(), None)
    assert places(vectors) == [[1, 2], [-1, -1]]
    assert present.tolist() == [[True, True], [False, False]]


def test_without_draws_all_texts_are_padded_to_the_longest():
    vectors, present = choose_texts([record(kind) for kind in KINDS], TextChoice(), None)
    assert vectors.shape == (6, 5, 3)
    assert present.sum(dim=1).tolist() == [5, 2, 3, 1, 0, 0]
    assert not vectors[~present].any()


def test_all_texts_come_in_the_same_number_of_rows_and_a_drawn_few_of_more():
    choice = TextChoice(mode="all", most=3)
    vectors, present = choose_texts([record(KINDS[0])] * 400 + [record(KINDS[3])], choice, keys(401))
    assert vectors.shape == (401, 3, 3)
    assert present.sum(dim=1).tolist() == [3] * 400 + [1]
    drawn = [tuple(row) for row in places(vectors)[:400]]
    assert all(list(row) == sorted(set(row)) for row in drawn)
    assert len(set(drawn)) == 10
    np.testing.assert_allclose(np.bincount(np.ravel(drawn)) / 400, 0.6, atol=0.1)


def test_a_data_set_without_texts_has_none():
    bare = Record(
        points=np.zeros((1, 3), np.float32), images=np.empty((0, 0), np.float32),
        texts=np.empty((0, 0), np.float32), sources=np.empty(0, np.uint8),
    )  # fmt: skip
    assert choose_texts([bare], TextChoice(), None) == (None, None)
    with pytest.raises(DataError, match="0 to 3 numbers"):
        choose_texts([bare, record(KINDS[0])], TextChoice(), None)


@pytest.mark.parametrize("thumbnail", [True, False])
def test_the_drawn_views_are_those_of_the_definition(thumbnail):
    rows = keys(300)
    vectors = choose_views([record(views=12, thumbnail=thumbnail)] * 300, ViewChoice(views=4), rows)
    assert vectors.shape == (300, 4, 2)
    lots, coins = uniform(rows, "views/render", 4), uniform(rows, "views/thumbnail")
    for row in range(300):
        twin = slow_views(list(range(12)), -2 if thumbnail else None, lots=lots[row], coin=coins[row])
        assert places(vectors)[row] == twin


def test_views_are_drawn_with_repetitions_and_the_thumbnail_half_the_time():
    vectors = choose_views([record(views=12, thumbnail=True)] * 3000, ViewChoice(views=4), keys(3000))
    drawn = np.array(places(vectors))
    assert (drawn[:, 0] == -2).mean() == pytest.approx(0.5, abs=0.03)
    assert (drawn[:, 1:] >= 0).all()
    np.testing.assert_allclose(np.bincount(drawn[:, 1:].ravel()) / 9000, 1 / 12, atol=0.015)
    assert any(len(set(row)) < 4 for row in drawn.tolist())


def test_evaluation_shows_evenly_spaced_views_or_all_and_never_the_thumbnail():
    objects = [record(views=12, thumbnail=True)] * 2
    assert places(choose_views(objects, ViewChoice(views=4), None)) == [list(range(12))] * 2
    assert places(choose_views(objects, ViewChoice(evaluation_views=4), None)) == [[0, 3, 6, 9]] * 2
    assert places(choose_views(objects, ViewChoice(), keys(2))) == [list(range(12))] * 2
    with pytest.raises(DataError, match="13 rendered views of each object are needed, one has 12"):
        choose_views(objects, ViewChoice(evaluation_views=13), None)


def test_objects_without_pictures_are_a_data_set_without_or_an_error():
    assert choose_views([record()] * 2, ViewChoice(views=4), keys(2)) is None
    with pytest.raises(DataError, match="1 rendered views of each object are needed, one has 0"):
        choose_views([record(), record(views=3)], ViewChoice(views=4), keys(2))
    with pytest.raises(DataError, match="3 rendered views of each object are needed, one has 2"):
        choose_views([record(views=2), record(views=3)], ViewChoice(), None)


def test_a_row_is_chosen_the_same_alone_and_in_a_batch():
    objects = [record(KINDS[row % 4], views=12, thumbnail=row % 2 == 0) for row in range(8)]
    rows = keys(8, 3)
    for choice in (TextChoice(), TextChoice(mode="all")):
        together = choose_texts(objects, choice, rows)
        alone = choose_texts(objects[5:6], choice, rows[5:6])
        assert torch.equal(alone[0][0], together[0][5])
        assert torch.equal(alone[1][0], together[1][5])
    views = choose_views(objects, ViewChoice(views=4), rows)
    assert torch.equal(choose_views(objects[5:6], ViewChoice(views=4), rows[5:6])[0], views[5])


@pytest.mark.parametrize("wrong", [{"most": 0}, {"caption": 1.5}])
def test_texts_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        TextChoice(**wrong)


@pytest.mark.parametrize("wrong", [{"views": -1}, {"thumbnail": -0.1}, {"evaluation_views": -2}])
def test_views_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ViewChoice(**wrong)


def test_choices_survive_yaml():
    for choice in (TextChoice(mode="all", most=3), ViewChoice(views=4)):
        assert structure(type(choice), plain(choice), where="x") == choice
