"""Pictures that look for their shape: scores, surfaces, categories, and what a report shows."""

from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn

from anaglyph.data.paired import PairedObjects
from anaglyph.data.shape_queries import ShapeQueries, ShapeRepository
from anaglyph.engine.shape_scores import embed_queries, score_all, true_view_weight
from anaglyph.engine.shape_surface import Surfaces, surface_numbers
from anaglyph.engine.tasks.base import Asked
from anaglyph.engine.tasks.choice import check_fits, task_of
from anaglyph.engine.tasks.shape_retrieval import ShapeRetrieval
from anaglyph.errors import ConfigError, DataError
from anaglyph.evaluation.instance_retrieval import instance_report
from anaglyph.geometry.mesh import Mesh
from anaglyph.methods.base import Method
from anaglyph.methods.cmic.method import CMIC
from anaglyph.methods.pair_contrast.method import PairContrast

SHAPES, VIEWS = 12, 4
ASKED = Asked(device=torch.device("cpu"))


class Reader(Method):
    """Reads the row of a shape off the first pixel, so that what it finds is known beforehand."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def embed(self, modality, batch):
        pictures = batch.views[..., 0, 0, 0] if modality == "shape" else batch.images[:, 0, 0, 0, 0]
        return torch.eye(256)[(pictures * 255).round().long()]

    def score(self, query, items):
        return torch.einsum("qd,svd->qsv", query, items).mean(dim=2) * self.scale

    def view_weights(self, query, items):
        return torch.full((len(query), len(items), items.shape[1]), 1 / VIEWS)


@dataclass(frozen=True)
class Boxes:
    """Row r is a box as high as r + 1."""

    def __call__(self, row):
        corners = np.array([[x, y, z] for x in (0, 1) for y in (0, row + 1) for z in (0, 1)], np.float32)
        faces = [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
                 [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]]  # fmt: skip
        return Mesh(corners, np.array(faces, np.int32))

    def opened(self):
        return nullcontext(self)


def split(said=None, **changes) -> ShapeQueries:
    """Queries whose first pixel says which shape the reader will take them for; by default the true one."""
    shapes = np.arange(SHAPES)
    said = shapes if said is None else np.asarray(said)
    views = np.zeros((SHAPES, VIEWS, 1, 6, 6), np.uint8)
    views[:, :, :, 0, 0] = shapes[:, None, None]
    images = np.zeros((SHAPES, 3, 6, 6), np.uint8)
    images[:, 0, 0, 0] = said
    repository = ShapeRepository(
        keys=tuple(f"c{row % 2}/s{row}" for row in shapes),
        category_names=("even", "odd"),
        categories=shapes % 2,
        views=views,
        azimuths=np.arange(VIEWS, dtype=np.float32) * 90,
        meshes=Boxes(),
    )
    fields = {
        "keys": tuple(f"q{row}" for row in shapes),
        "shapes": shapes,
        "images": images,
        "masks": np.full((SHAPES, 6, 6), 255, np.uint8),
        "repository": repository,
        "azimuths": np.full(SHAPES, 85, np.float32),
        **changes,
    }
    return ShapeQueries(**fields)


def test_a_method_that_knows_finds_all_and_its_surfaces_agree():
    measured = ShapeRetrieval().measure(Reader(), split(), Asked(device=torch.device("cpu"), mode="full"))
    assert measured.metrics["top_1"] == 1.0
    assert measured.metrics["top_1_category"] == 1.0
    assert measured.metrics["hau"] == 0.0
    assert measured.metrics["iou"] == 1.0
    assert measured.metrics["true_view_weight"] == pytest.approx(1 / VIEWS)
    assert set(measured.groups) == {"even", "odd"}
    assert measured.groups["odd"]["queries"] == 6


def test_confusions_are_counted_by_instance_and_by_category():
    said = np.arange(SHAPES)
    said[0], said[1] = 2, 4  # an even shape for another even one, an odd one for an even one
    measured = ShapeRetrieval().measure(Reader(), split(said), ASKED)
    assert measured.metrics["top_1"] == pytest.approx(10 / 12)
    assert measured.metrics["top_1_category"] == pytest.approx(11 / 12)
    assert measured.groups["even"]["top_1"] == pytest.approx(5 / 6)
    assert measured.groups["odd"]["top_1_category"] == pytest.approx(5 / 6)
    assert measured.metrics["macro_top_1"] == pytest.approx(5 / 6)


def test_a_wrong_first_hit_costs_distance_and_overlap():
    said = np.arange(SHAPES)
    said[0] = 1  # a cube for a box twice as high
    full = Asked(device=torch.device("cpu"), mode="full")
    measured = ShapeRetrieval().measure(Reader(), split(said), full)
    alone = measured.groups["even"]
    # Longest side 1: the cube fills the whole grid, the box half of each of two sides, at the lowest corner.
    assert alone["iou"] == pytest.approx((5 + 1 / 4) / 6, abs=0.01)
    assert 0.02 < alone["hau"] < 0.1
    assert measured.metrics["iou"] == pytest.approx((11 + 1 / 4) / 12, abs=0.01)


def test_shapes_that_tie_for_the_first_place_count_against_the_method_in_distance_and_overlap_too():
    data = split()
    views = data.repository.views.copy()
    views[1] = views[0]  # the cube and the box twice as high cannot be told apart
    same = split(repository=replace(data.repository, views=views), said=[0, 0, *range(2, SHAPES)])
    measured = ShapeRetrieval().measure(Reader(), same, Asked(device=torch.device("cpu"), mode="full"))
    assert measured.metrics["top_1"] == pytest.approx(10 / 12)
    for group in ("even", "odd"):  # neither query gets its own shape, whichever comes first
        assert measured.groups[group]["iou"] == pytest.approx((5 + 1 / 4) / 6, abs=0.01)
        assert 0.02 < measured.groups[group]["hau"] < 0.1


def test_the_farthest_of_tied_shapes_gives_the_distance_and_the_least_overlap_the_iou():
    true = Surfaces(tuple("abcd"), Boxes())
    pairs = {hit: surface_numbers(true, true, np.array([0]), [[hit]]) for hit in range(4)}
    tied = surface_numbers(true, true, np.array([0, 0]), [[0, 3, 1], [2]])
    assert tied["hau"][0] == max(pairs[hit]["hau"][0] for hit in (0, 1, 3)) > 0
    assert tied["iou"][0] == min(pairs[hit]["iou"][0] for hit in (0, 1, 3)) < 1
    assert (tied["hau"][1], tied["iou"][1]) == (pairs[2]["hau"][0], pairs[2]["iou"][0])


def test_chance_is_what_many_random_orders_give():
    chance = ShapeRetrieval().chance(split(), seed=0)
    assert chance["true_view_weight"] == 1 / VIEWS
    data = split()
    shapes, categories = torch.from_numpy(data.shapes), torch.from_numpy(data.repository.categories)
    generator = torch.Generator().manual_seed(0)
    drawn = [
        instance_report(torch.rand((SHAPES, SHAPES), generator=generator), shapes, categories, ks=(1, 5, 10))
        for _ in range(400)
    ]
    for k in (1, 5, 10):
        assert chance[f"top_{k}"] == pytest.approx(np.mean([r.overall.top[k] for r in drawn]), abs=0.02)
    assert chance["top_1_category"] == pytest.approx(np.mean([r.overall.category for r in drawn]), abs=0.02)
    ranks = np.mean([r.overall.mean_reciprocal_rank for r in drawn])
    assert chance["mean_reciprocal_rank"] == pytest.approx(ranks, abs=0.02)


def test_other_shapes_are_searched_within_the_category_of_the_query():
    data = split()
    asked = Asked(device=torch.device("cpu"), mode="shapenet", reference=data.repository)
    measured = ShapeRetrieval().measure(Reader(), data, asked)
    assert set(measured.metrics) == {"queries", "hau", "iou", "macro_hau", "macro_iou"}
    assert measured.metrics["iou"] == 1.0
    with pytest.raises(ConfigError, match="--shapes FOLDER"):
        ShapeRetrieval().measure(Reader(), data, Asked(device=torch.device("cpu"), mode="shapenet"))


def test_surfaces_need_meshes_and_say_so():
    data = split()
    bare = ShapeRepository(
        keys=data.repository.keys,
        category_names=data.repository.category_names,
        categories=data.repository.categories,
        views=data.repository.views,
    )
    with pytest.raises(DataError, match="only known by their pictures"):
        ShapeRetrieval().measure(
            Reader(), split(repository=bare, azimuths=None), Asked(device=torch.device("cpu"), mode="full")
        )


def test_the_weight_of_the_true_view_leaves_out_unknown_azimuths_and_those_between_views():
    azimuths = np.full(SHAPES, np.nan, np.float32)
    method = Reader()
    data = split(azimuths=azimuths)
    embedded = embed_queries(method, data, device=torch.device("cpu"))
    assert true_view_weight(method, embedded, data) is None
    azimuths[:] = 45.0
    assert true_view_weight(method, embedded, split(azimuths=azimuths)) is None
    azimuths[3] = -10.0  # nearest to view 0, across the seam
    assert true_view_weight(method, embedded, split(azimuths=azimuths)) == pytest.approx(1 / VIEWS)


def test_scores_come_from_the_methods_own_rule():
    method = Reader()
    data = split()
    with torch.no_grad():
        method.scale.fill_(-1.0)
    embedded = embed_queries(method, data, device=torch.device("cpu"))
    assert torch.equal(score_all(method, embedded), -torch.eye(SHAPES))


def test_the_gallery_shows_the_true_shape_first_and_marks_the_hits():
    gallery = ShapeRetrieval().galleries(Reader(), split(), ASKED)[0]
    first = gallery.rows[0]
    assert "its true shape, rank 1" in first.hits[0].caption
    assert first.hits[0].correct is None
    assert [hit.correct for hit in first.hits[1:]] == [True, False, False, False, False, False]
    assert "0.25" in first.hits[1].caption


def test_methods_and_data_that_do_not_fit_are_told_apart_before_training():
    queries = split()
    pairs = PairedObjects(
        keys=("a", "b"),
        class_names=("x",),
        labels=np.zeros(2, np.int64),
        images=np.zeros((2, 1, 1, 8, 8), np.uint8),
        points=np.zeros((2, 16, 3), np.float32) + np.arange(16, dtype=np.float32)[None, :, None],
    )
    assert task_of(queries).name == "shape_retrieval"
    assert task_of(pairs).name == "cross_modal"
    check_fits(CMIC, queries, name="cmic", data="made")
    check_fits(PairContrast, pairs, name="pair_contrast", data="made")
    with pytest.raises(ConfigError, match="made has no masks, views; choose"):
        check_fits(CMIC, pairs, name="cmic", data="made")
    with pytest.raises(ConfigError, match="made has no points"):
        check_fits(PairContrast, queries, name="pair_contrast", data="made")
