import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest
import torch

from anaglyph.config import plain, structure
from anaglyph.data.crop import mask_box
from anaglyph.data.datasets.procedural import Procedural, ProceduralMeshes
from anaglyph.errors import ConfigError, DataError
from anaglyph.render.photo import PhotoOptions

NAMES = ("chair", "table", "mug")
SMALL = Procedural(shapes=6, categories=NAMES, train=3, validation=1, test=2, unseen_shapes=0.34, size=24)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def splits(cache):
    names = ("train", "validation", "test")
    return {name: SMALL.load(name, root=cache, cache=cache, seed=1) for name in names}


def test_all_splits_search_the_same_shapes(splits):
    keys = {queries.repository.keys for queries in splits.values()}
    assert len(keys) == 1
    repository = splits["train"].repository
    assert repository.category_names == NAMES
    assert [key.split("/")[0] for key in repository.keys] == [*NAMES, *NAMES]
    assert repository.views.shape == (6, 12, 1, 24, 24)
    np.testing.assert_array_equal(repository.azimuths, np.arange(12) * 30)
    assert len({repository.views[row].tobytes() for row in range(6)}) == 6


def test_splits_have_the_queries_asked_for_and_share_none(splits):
    assert [len(splits[name]) for name in ("train", "validation", "test")] == [4 * 3, 4 * 1, 6 * 2]
    pictures = [image.tobytes() for queries in splits.values() for image in queries.images]
    assert len(set(pictures)) == len(pictures)
    keys = [key for queries in splits.values() for key in queries.keys]
    assert len(set(keys)) == len(keys)


def test_unseen_shapes_have_only_test_queries(splits):
    trained = set(splits["train"].shapes.tolist())
    assert len(trained) == 4
    assert set(splits["validation"].shapes.tolist()) == trained
    assert set(splits["test"].shapes.tolist()) == set(range(6))


def test_queries_are_cropped_to_their_masks(splits):
    queries = splits["train"]
    assert queries.images.shape == (12, 3, 24, 24)
    for mask in queries.masks:
        columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        assert max(np.ptp(columns), np.ptp(rows)) >= 20
        assert 0.02 < mask.mean() / 255 < 1
    azimuths = queries.azimuths
    assert not np.isnan(azimuths).any()
    assert len(set(azimuths.tolist())) == 12


def test_the_query_s_mask_fits_the_view_from_its_azimuth_best():
    """Silhouettes of photographs taken at the views' elevation agree with the nearest of the twelve views."""
    steady = PhotoOptions(elevation=(30.0, 30.0), roll=0.0, off_centre=0.0, occlusion=0.0, mask_noise=0.0,
                          field_of_view=(49.1, 49.1), margin=(1.05, 1.05))  # fmt: skip
    source = replace(SMALL, categories=("chair",), shapes=2, train=8, unseen_shapes=0.0, photo=steady)
    queries = source.load("train", root=None, cache=None, seed=0)
    right = 0
    for row in range(len(queries)):
        fits = []
        for view in queries.repository.views[queries.shapes[row], :, 0]:
            left, top, end, bottom = mask_box((view < 250).astype(np.uint8) * 255)
            part = (view < 250)[top:bottom, left:end]
            mask = queries.masks[row] > 127
            left, top, end, bottom = mask_box(mask.astype(np.uint8))
            mask = mask[top:bottom, left:end]
            rows = np.arange(20) * len(mask) // 20, np.arange(20) * len(part) // 20
            columns = np.arange(20) * mask.shape[1] // 20, np.arange(20) * part.shape[1] // 20
            one, two = mask[rows[0]][:, columns[0]], part[rows[1]][:, columns[1]]
            fits.append((one & two).sum() / (one | two).sum())
        away = abs((queries.azimuths[row] - 30 * np.argmax(fits) + 180) % 360 - 180)
        right += away <= 30
    assert right >= 0.6 * len(queries)  # by chance 2.5 of 12


def test_the_cache_gives_the_same_and_another_setting_does_not(splits, cache):
    again = SMALL.load("train", root=cache, cache=cache, seed=9)
    fresh = SMALL.load("train", root=cache, cache=None, seed=9)
    assert again.fingerprint() == splits["train"].fingerprint() == fresh.fingerprint()
    other = replace(SMALL, collection=1).load("train", root=cache, cache=None, seed=1)
    assert other.fingerprint() != fresh.fingerprint()
    assert (other.repository.views != fresh.repository.views).any()
    white = replace(SMALL, photo=PhotoOptions(backgrounds=("white",))).load(
        "train", root=cache, cache=cache, seed=1
    )
    assert (white.images != fresh.images).any()
    np.testing.assert_array_equal(white.repository.views, fresh.repository.views)


def test_objects_in_other_colours_are_pictured_anew(tmp_path, monkeypatch):
    source = replace(SMALL, shapes=3, train=1, unseen_shapes=0.0, coloured_views=True)
    before = source.load("train", root=tmp_path, cache=tmp_path, seed=0)
    original = ProceduralMeshes.__call__

    def blue(self, row):
        mesh = original(self, row)
        dyed = tuple(replace(material, colour=(0.0, 0.0, 1.0)) for material in mesh.materials)
        return replace(mesh, materials=dyed)

    monkeypatch.setattr(ProceduralMeshes, "__call__", blue)
    after = source.load("train", root=tmp_path, cache=tmp_path, seed=0)
    assert (after.repository.views != before.repository.views).any()
    assert (after.images != before.images).any()


def test_meshes_of_the_repository_are_had_by_row_also_after_pickling(splits):
    source = splits["test"].repository.meshes
    copy = pickle.loads(pickle.dumps(source))
    for row in (0, 5):
        np.testing.assert_array_equal(copy(row).vertices, source(row).vertices)
    assert len(source(0).faces) > 10
    assert source(0).up == "y"


def test_a_split_reaches_a_spawned_loader_process_without_its_pictures(splits):
    queries = splits["train"]
    assert queries.images.nbytes + queries.repository.views.nbytes > 50_000
    assert len(pickle.dumps(queries)) < 20_000
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as workers:
        there = workers.submit(queries.__class__.batch, queries, [3, 1], epoch=2).result(timeout=120)
    here = queries.batch([3, 1], epoch=2)
    assert torch.equal(there.images, here.images)
    assert torch.equal(there.shapes.views, here.shapes.views)


def test_batches_can_be_drawn(splits):
    batch = splits["train"].batch([0, 1, 5], epoch=0)
    assert batch.images.shape == (3, 1, 3, 24, 24)
    assert batch.shapes.views.shape == (3, 12, 1, 24, 24)


def test_photographs_of_a_folder_serve_as_backgrounds(tmp_path, shared_data):
    source = replace(
        SMALL, shapes=3, unseen_shapes=0.0, train=1, photographs="photos",
        photo=PhotoOptions(backgrounds=("photograph",)),
    )  # fmt: skip
    queries = source.load("train", root=shared_data, cache=None, seed=0)
    assert len(queries) == 3
    with pytest.raises(DataError, match="no pictures for backgrounds"):
        replace(source, photographs="absent").load("train", root=tmp_path, cache=None, seed=0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"categories": ("chiar",)},
        {"shapes": 0},
        {"train": 0},
        {"unseen_shapes": 1.0},
        {"variation": 1.5},
        {"size": 4},
    ],
)
def test_options_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong)).replace("categories", "category")):
        Procedural(**wrong)


def test_the_options_survive_yaml():
    assert structure(Procedural, plain(SMALL), where="x") == SMALL
