import math
from dataclasses import replace

import numpy as np
import pytest

from anaglyph.config import plain, structure
from anaglyph.errors import ConfigError
from anaglyph.geometry.cameras import orbit
from anaglyph.geometry.mesh import Material, Mesh
from anaglyph.geometry.normalize import normalized
from anaglyph.randomness import numpy_generator
from anaglyph.render.backgrounds import KINDS, make_background
from anaglyph.render.darkroom import develop, draw_obstacle, predicted_mask
from anaglyph.render.options import RenderOptions
from anaglyph.render.photo import PhotoOptions, take_photo
from anaglyph.render.studio import subject
from anaglyph.render.views import render_views

SIZE = 48
BARE = PhotoOptions(
    roll=0.0, off_centre=0.0, smooth=0.0, recolour=0.0, shine=0.0, occlusion=0.0, backgrounds=("white",),
    background_blur=0.0, exposure=0.0, cast=0.0, blur=0.0, noise=0.0, jpeg=0.0, mask_noise=0.0,
    elevation=(30.0, 30.0), field_of_view=(49.1, 49.1), margin=(1.05, 1.05),
)  # fmt: skip


@pytest.fixture(scope="module")
def chair():
    """Something without symmetry: a seat, a back and one arm, of three colours."""
    boxes = [((-0.5, 0.0, -0.5), (0.5, 0.2, 0.5)), ((-0.5, 0.2, -0.5), (0.5, 1.2, -0.3)),
             ((-0.5, 0.2, -0.3), (-0.3, 0.6, 0.5))]  # fmt: skip
    corners = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    one = np.array([face for a, b, c, d in quads for face in ((a, b, c), (a, c, d))])
    vertices = np.concatenate([np.array(low) + corners * (np.array(high) - low) for low, high in boxes])
    colours = ((0.8, 0.2, 0.2), (0.2, 0.7, 0.2), (0.2, 0.2, 0.8))
    mesh = Mesh(
        vertices.astype(np.float32),
        np.concatenate([one + 8 * k for k in range(3)]).astype(np.int32),
        face_material=np.repeat(np.arange(3), 12).astype(np.int32),
        materials=tuple(Material(colour=colour) for colour in colours),
    )
    return subject(normalized(mesh, "sphere"))


def test_a_photo_is_a_function_of_its_key(chair):
    first = take_photo(chair, 3, "chair", 7, size=SIZE)
    again = take_photo(chair, 3, "chair", 7, size=SIZE)
    other = take_photo(chair, 3, "chair", 8, size=SIZE)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert (first.pixels != other.pixels).mean() > 0.3
    assert first.azimuth != other.azimuth


def test_global_generators_are_neither_used_nor_changed(chair, untouched_generators):
    take_photo(chair, "x", size=SIZE)


def test_the_mask_of_a_bare_photo_is_the_silhouette_seen_from_its_azimuth(chair):
    for number in range(4):
        photo = take_photo(chair, "bare", number, size=SIZE, options=BARE)
        views = render_views(
            chair.mesh, [orbit(photo.azimuth, photo.elevation)], options=RenderOptions(size=SIZE)
        )
        np.testing.assert_array_equal(photo.mask, views.mask[0])
        np.testing.assert_array_equal(photo.drawn_mask, photo.mask)


def test_the_azimuth_can_be_asked_for(chair):
    photo = take_photo(chair, "bare", size=SIZE, options=BARE, azimuth=-30.0)
    assert photo.azimuth == 330.0
    view = render_views(chair.mesh, [orbit(330.0, 30.0)], options=RenderOptions(size=SIZE))
    np.testing.assert_array_equal(photo.mask, view.mask[0])


def test_a_bare_photo_shows_the_own_colours_of_the_materials(chair):
    photo = take_photo(chair, "bare", size=SIZE, options=BARE, azimuth=200.0)
    inside = photo.pixels[photo.mask == 255].astype(float)
    strongest = inside.argmax(axis=1)
    assert set(strongest.tolist()) == {0, 1, 2}
    red = inside[strongest == 0]
    assert np.median(red[:, 0] / red[:, 1]) == pytest.approx(4.0, rel=0.35)  # .8 : .2, tinted by the lamp


def test_recolouring_changes_the_hue_but_not_the_mask(chair):
    options = replace(BARE, recolour=1.0)
    photos = [
        take_photo(chair, "hue", number, size=SIZE, options=options, azimuth=200.0) for number in (1, 2)
    ]
    np.testing.assert_array_equal(photos[0].mask, photos[1].mask)
    inside = [photo.pixels[photo.mask == 255].astype(float).mean(axis=0) for photo in photos]
    directions = [mean / np.linalg.norm(mean) for mean in inside]
    assert directions[0] @ directions[1] < 0.995


def test_elevations_lens_and_azimuths_keep_their_bounds(chair):
    options = PhotoOptions(elevation=(10.0, 20.0))
    photos = [take_photo(chair, "bounds", number, size=12, options=options) for number in range(60)]
    elevations = np.array([photo.elevation for photo in photos])
    azimuths = np.array([photo.azimuth for photo in photos])
    assert 10 <= elevations.min() < 12.5
    assert 17.5 < elevations.max() <= 20
    assert (np.histogram(azimuths, bins=4, range=(0, 360))[0] > 5).all()


def test_something_in_front_hides_within_its_bounds(chair):
    options = replace(BARE, occlusion=1.0, hidden=(0.1, 0.3))
    free = [take_photo(chair, "hide", n, size=SIZE, options=BARE, azimuth=40.0) for n in range(12)]
    hidden = [take_photo(chair, "hide", n, size=SIZE, options=options, azimuth=40.0) for n in range(12)]
    parts = [1 - a.mask.sum() / b.mask.sum() for a, b in zip(hidden, free, strict=True)]
    assert sum(0.09 < part < 0.31 for part in parts) >= 9
    assert all(part == pytest.approx(0, abs=0.01) or 0.09 < part < 0.31 for part in parts)


def test_shadows_darken_the_floor_beside_the_object(chair):
    photos = [take_photo(chair, "shadow", n, size=SIZE, options=BARE) for n in range(6)]
    dark = [(photo.pixels[photo.mask == 0] < 230).any(axis=1).mean() for photo in photos]
    assert max(dark) > 0.03
    assert max(dark) < 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_backgrounds_are_pictures_that_differ_by_key(kind):
    ground = np.full((20, 24, 2), np.nan, dtype=np.float32)
    y, x = np.mgrid[0:10, 0:24] / 8.0
    ground[10:] = np.stack([x, y], axis=-1)
    photographs = [np.random.default_rng(2).integers(0, 256, (40, 50, 3)).astype(np.uint8)]
    made = [
        make_background(numpy_generator(kind, number), ground, kinds=(kind,), photographs=photographs)
        for number in range(3)
    ]
    for picture in made:
        assert picture.shape == (20, 24, 3)
        assert 0 <= picture.min() <= picture.max() <= 1
    if kind == "white":
        assert all((picture == 1).all() for picture in made)
    else:
        assert np.abs(made[0] - made[1]).mean() > 0.01


def test_without_photographs_there_are_no_backgrounds_from_them():
    ground = np.full((8, 8, 2), np.nan, dtype=np.float32)
    plain_one = make_background(numpy_generator(1), ground, kinds=("photograph",))
    assert (plain_one == plain_one[0, 0]).all()


def test_developing_without_errors_keeps_the_picture():
    light = np.random.default_rng(0).random((30, 30, 3)).astype(np.float32)
    pixels = develop(light, numpy_generator(3), exposure=0, cast=0, blur=0, noise=0, jpeg=0)
    y, x = np.mgrid[-1:1:30j, -1:1:30j]
    middle = np.hypot(x, y) < 0.3  # corners are darker
    np.testing.assert_allclose(pixels[middle], light[middle] ** (1 / 2.2) * 255, atol=4)


def test_exposure_is_in_stops():
    light = np.full((4, 4, 3), 0.1, dtype=np.float32)
    values = [
        develop(light, numpy_generator(n), exposure=1, cast=0, blur=0, noise=0, jpeg=0)[1:3, 1:3].mean()
        for n in range(80)
    ]
    gains = (np.array(values) / 255) ** 2.2 / 0.1
    assert 0.45 < gains.min() < 0.6
    assert 1.6 < gains.max() < 2.1


def test_an_obstacle_is_soft_and_of_the_right_share():
    mask = np.zeros((40, 40), dtype=np.float32)
    mask[10:30, 10:30] = 1
    found = 0
    for number in range(20):
        cover, looks = draw_obstacle(mask, numpy_generator("o", number), part=(0.1, 0.4))
        hidden = (cover * mask).sum() / mask.sum()
        found += hidden > 0
        assert hidden == 0 or 0.1 <= hidden <= 0.4
        assert looks.shape == (40, 40, 3)
        assert 0 <= looks.min() <= looks.max() <= 1
    assert found > 15
    empty, _ = draw_obstacle(np.zeros_like(mask), numpy_generator("o"), part=(0.1, 0.4))
    assert (empty == 0).all()


def test_a_predicted_mask_is_close_to_the_true_one_and_its_border_moves():
    y, x = np.mgrid[-1:1:80j, -1:1:80j]
    mask = (np.hypot(x, y) < 0.6).astype(np.float32)
    areas = []
    for number in range(20):
        drawn = predicted_mask(mask, numpy_generator("m", number), amount=0.03)
        overlap = np.minimum(drawn, mask).sum() / np.maximum(drawn, mask).sum()
        assert 0.75 < overlap < 0.999
        assert (drawn[np.hypot(x, y) < 0.4] == 1).all()
        assert (drawn[np.hypot(x, y) > 0.85] == 0).all()
        areas.append(drawn.sum() / mask.sum())
    assert min(areas) < 0.99
    assert max(areas) > 1.01


def test_a_thin_object_keeps_its_mask():
    mask = np.zeros((60, 60), dtype=np.float32)
    mask[:, 30] = 1
    np.testing.assert_array_equal(predicted_mask(mask, numpy_generator("t"), amount=0.05), mask)


@pytest.mark.parametrize(
    "wrong",
    [
        {"elevation": (40.0, 10.0)},
        {"elevation": (0.0, 90.0)},
        {"field_of_view": (0.0, 40.0)},
        {"margin": (0.1, 1.0)},
        {"occlusion": 1.5},
        {"noise": -0.1},
        {"noise": math.nan},
        {"backgrounds": ("beach",)},
        {"backgrounds": ()},
    ],
)
def test_bounds_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"photo|background"):
        PhotoOptions(**wrong)


def test_the_options_survive_yaml():
    assert structure(PhotoOptions, plain(BARE), where="x") == BARE
