import re

import numpy as np
import pytest

from anaglyph.data.procedural.catalog import CATEGORIES
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.objects import list_categories, make_object
from anaglyph.errors import ConfigError
from anaglyph.geometry.sample import sample_surface

NAMES = list_categories()
SEEN = 12
"""Objects of each category that the slower tests look at."""


@pytest.fixture(scope="module")
def objects():
    return {name: [make_object(name, key=f"test/{i}") for i in range(SEEN)] for name in NAMES}


def arrays(made):
    mesh = made.mesh
    found = [mesh.vertices, mesh.faces, mesh.corner_uv, mesh.face_material, made.face_parts]
    return [
        array for array in (*found, *(material.texture for material in mesh.materials)) if array is not None
    ]


def test_there_are_many_categories_of_several_kinds():
    assert len(NAMES) >= 24
    assert len({entry.kind for entry in CATEGORIES.values()}) >= 6
    assert all(entry.words and entry.words[0] == name.replace("_", " ") for name, entry in CATEGORIES.items())


@pytest.mark.parametrize("name", NAMES)
def test_the_same_key_gives_the_same_bytes_whatever_was_made_before(name, objects):
    made, again = objects[name][3], make_object(name, key="test/3")
    assert made.caption == again.caption
    assert made.parameters == again.parameters
    assert made.part_names == again.part_names
    assert [m.name for m in made.mesh.materials] == [m.name for m in again.mesh.materials]
    assert [m.colour for m in made.mesh.materials] == [m.colour for m in again.mesh.materials]
    assert [array.tobytes() for array in arrays(made)] == [array.tobytes() for array in arrays(again)]


@pytest.mark.parametrize("name", NAMES)
def test_every_part_is_closed_wound_outwards_and_without_flat_faces(name, objects):
    for made in objects[name]:
        mesh = made.mesh
        corner = mesh.vertices[mesh.faces].astype(np.float64)
        cross = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        size = np.ptp(mesh.vertices, axis=0).max()
        assert np.linalg.norm(cross, axis=1).min() > 1e-12 * size**2, made.key
        content = np.einsum("fi,fi->f", corner[:, 0], cross) / 6
        for row, part in enumerate(made.part_names):
            face = mesh.faces[made.face_parts == row].astype(np.int64)
            edges = np.concatenate([face[:, [0, 1]], face[:, [1, 2]], face[:, [2, 0]]])
            there = edges @ [len(mesh.vertices), 1]
            back = edges @ [1, len(mesh.vertices)]
            assert len(np.unique(there)) == len(there), (made.key, part)
            assert (np.sort(there) == np.sort(back)).all(), (made.key, part)
            assert content[made.face_parts == row].sum() > 0, (made.key, part)


@pytest.mark.parametrize("name", NAMES)
def test_an_object_stands_on_the_floor_around_the_axis_with_a_sound_number_of_faces(name, objects):
    for made in objects[name]:
        low, high = made.mesh.vertices.min(axis=0), made.mesh.vertices.max(axis=0)
        size = float((high - low).max())
        np.testing.assert_allclose([low[1], low[0] + high[0], low[2] + high[2]], 0, atol=1e-5 * size)
        assert 0.03 < size < 260, made.caption
        assert 200 <= len(made.mesh.faces) <= 6000, made.key
        assert made.mesh.up == "y"
        assert len(made.face_parts) == len(made.mesh.faces)
        assert set(np.unique(made.face_parts)) == set(range(len(made.part_names)))
    assert len({part for made in objects[name] for part in made.part_names}) >= 2


@pytest.mark.parametrize("name", NAMES)
def test_captions_read_well_and_parameters_are_plain(name, objects):
    for made in objects[name]:
        caption = made.caption
        assert re.fullmatch(r"an? [a-zA-Z0-9', +-]+", caption), caption
        assert not re.search(r"\ba [aeiou8]|\ban [^aeiou8]|  | ,|, and|\bno \w+ and no", caption), caption
        assert made.words == CATEGORIES[name].words
        assert all(isinstance(value, str | int | float | bool) for value in made.parameters.values())
    assert len({made.caption for made in objects[name]}) > SEEN // 3


@pytest.mark.parametrize("name", NAMES)
def test_fifty_objects_of_a_category_differ_in_shape_and_not_only_in_size(name):
    """Distances between clouds of one box: the largest side of each is 1, so that scale plays no part."""
    clouds = []
    for i in range(50):
        mesh = make_object(name, key=f"fifty/{i}").mesh
        generator = np.random.default_rng(0)
        points = sample_surface(mesh, 256, generator=generator).points
        middle = (mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2
        size = np.ptp(mesh.vertices, axis=0)
        clouds.append(
            np.concatenate([np.sort((points - middle) / size.max(), axis=0).ravel(), 16 * size / size.max()])
        )
    flat = np.stack(clouds)
    squared = (flat**2).sum(axis=1)
    distance = np.sqrt(np.maximum(squared[:, None] + squared[None] - 2 * flat @ flat.T, 0))
    nearest = np.sort(distance + 1e9 * np.eye(50), axis=1)[:, 0]
    assert nearest.min() > 0.1
    assert np.median(nearest) > 0.5


def test_other_keys_and_categories_do_not_share_their_dice():
    one, two = Draws("chair", "7"), Draws("stool", "7")
    assert one.number("height", 0, 1) != two.number("height", 0, 1)
    assert one.number("height", 0, 1) != Draws("chair", "8").number("height", 0, 1)


def test_a_value_does_not_depend_on_what_was_asked_before():
    asked, fresh = Draws("chair", "7"), Draws("chair", "7")
    asked.number("width", 0, 1)
    asked.choice("back", "slats", "panel")
    assert asked.number("height", 2, 3) == fresh.number("height", 2, 3)
    assert list(fresh.parameters) == ["height"]


def test_draws_stay_in_their_ranges_and_reach_all_of_them():
    draws = [Draws("chair", str(i)) for i in range(400)]
    numbers = np.array([draw.number("n", -2.0, 6.0) for draw in draws])
    assert ((numbers >= -2) & (numbers < 6)).all()
    assert numbers.mean() == pytest.approx(2.0, abs=5 * 8 / np.sqrt(12 * 400))
    counts = np.bincount([draw.whole("w", 3, 5) for draw in draws], minlength=6)
    assert counts[:3].sum() == 0
    assert counts[3:].min() > 80
    choices = [draw.choice("c", "a", "a", "b") for draw in draws]
    assert 220 < choices.count("a") < 310
    assert 60 < sum(draw.chance("p", 0.25) for draw in draws) < 140


@pytest.mark.parametrize("name", NAMES)
def test_without_variation_all_objects_of_a_category_are_alike(name):
    first, second = (make_object(name, key=key, variation=0.0) for key in ("a", "b"))
    assert first.part_names == second.part_names
    assert first.parameters == second.parameters
    assert [array.tobytes() for array in arrays(first)] == [array.tobytes() for array in arrays(second)]


def test_a_variation_out_of_range_and_an_unknown_category_are_refused():
    with pytest.raises(ValueError, match=r"0\.\.1, got 1\.5"):
        make_object("chair", key="a", variation=1.5)
    with pytest.raises(ConfigError, match="did you mean 'chair'"):
        make_object("chiar", key="a")


def test_textures_are_small_and_some_objects_have_them(objects):
    textures = [m.texture for made in objects["chair"] for m in made.mesh.materials if m.texture is not None]
    assert textures
    assert all(texture.shape == (64, 64, 3) for texture in textures)
    assert any(made.mesh.corner_uv is not None for made in objects["chair"])
