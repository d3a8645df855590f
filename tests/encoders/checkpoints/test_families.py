"""Every family against the key tables of the dossiers: whole files fit, every single fault is named."""

import pytest

from anaglyph.encoders.checkpoints.catalog import FAMILIES, candidates
from anaglyph.encoders.checkpoints.family import Contents
from anaglyph.encoders.checkpoints.importer import count_parameters, examine_as
from anaglyph.errors import WeightsError
from encoders.checkpoints.conftest import FILES
from reference import official_backbones as backbones
from reference import official_keys as official

COUNTER = "num_batches_tracked"
LARGE = {"openshape 5", "openshape 6", "uni3d l", "uni3d g"}
"""The same rules as their smaller sisters; only whole files are tried."""
SMALL = {"point_mae 40", "openshape 4", "pointnet 40", "pointnet2 parts", "dgcnn 40", "point_bert 40"}
"""Here every axis of every key is tried, elsewhere one change per key."""
SAME_TOWERS = {"ulip pointnet2", "ulip pointmlp", "ulip pointnext"}
"""The keys of their towers are tried with Point-BERT."""
SAME_KEYS = {"point_mae 40", "point_mae linear", "act 15"}
"""Point-MAE and ACT publish the same keys, so these could be either."""


def keys_to_try(name, shapes):
    return [key for key in shapes if name not in SAME_TOWERS or key.startswith("point_encoder.")]


def faults_of(family, shapes, beside=()):
    """What is wrong in one line; empty when it imports."""
    try:
        return examine_as(FAMILIES[family], Contents(shapes, frozenset(beside))).match.faults()
    except WeightsError as error:
        return str(error)


@pytest.mark.parametrize("name", FILES)
def test_a_whole_file_fits_and_gives_the_dossiers_number_of_parameters(name):
    family, make, beside, parameters = FILES[name]
    shapes = make()
    examined = examine_as(FAMILIES[family], Contents(shapes, frozenset(beside)))
    assert examined.match.faults() == ""
    placed = [
        *examined.match.trunk.values(),
        *(key for keys in examined.match.left_out.values() for key in keys),
    ]
    assert sorted(placed) == sorted(shapes)
    if parameters is not None:
        assert count_parameters(examined.own, examined.own) == parameters


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_recognised_as_its_family_and_no_other(name):
    family, make, beside, _ = FILES[name]
    found = [each.name for each in candidates(Contents(make(), frozenset(beside)))]
    assert found == (["point_mae", "act"] if name in SAME_KEYS else [family])


def test_a_bare_ppat_could_be_openshape_or_mixcon3d():
    found = [each.name for each in candidates(Contents(backbones.ppat(3)))]
    assert found == ["openshape", "mixcon3d"]


@pytest.mark.parametrize("name", [name for name in FILES if name not in LARGE])
def test_every_single_missing_key_is_refused_by_name(name):
    family, make, beside, _ = FILES[name]
    shapes = make()
    for key in keys_to_try(name, shapes):
        left = {other: shape for other, shape in shapes.items() if other != key}
        assert key in faults_of(family, left, beside), key


@pytest.mark.parametrize("name", [name for name in FILES if name not in LARGE])
def test_a_single_extra_key_anywhere_is_refused_by_name(name):
    family, make, beside, _ = FILES[name]
    shapes = make()
    for extra in ("head.weight", *(f"{key}_old" for key in keys_to_try(name, shapes)[::3])):
        assert extra in faults_of(family, {**shapes, extra: (3,)}, beside), extra


@pytest.mark.parametrize("name", [name for name in FILES if name not in LARGE])
def test_every_single_key_of_another_shape_is_refused_by_name(name):
    family, make, beside, _ = FILES[name]
    shapes = make()
    for place, key in enumerate(keys_to_try(name, shapes)):
        shape = shapes[key]
        others = [(*shape, 1), *(_longer(shape, axis) for axis in range(len(shape)))]
        tried = others if name in SMALL else [others[place % len(others)]]
        for other in tried:
            assert key in faults_of(family, {**shapes, key: other}, beside), (key, other)


def _longer(shape, axis):
    return (*shape[:axis], shape[axis] + 1, *shape[axis + 1 :])


@pytest.mark.parametrize("name", ["point_mae 40", "ulip pointnet2", "openshape 4", "act_stage2"])
def test_files_from_before_batch_counters_fit(name):
    family, make, beside, _ = FILES[name]
    shapes = {key: shape for key, shape in make().items() if not key.endswith(COUNTER)}
    assert len(shapes) < len(make())
    assert faults_of(family, shapes, beside) == ""


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("point_bert pre-trained", "dvae."),
        ("point_bert pre-trained", "transformer_k."),
        ("act_stage2", "dvae_tokenizer."),
        ("uni3d b", "point_encoder.visual.head."),
    ],
)
def test_a_part_that_is_left_out_anyway_may_be_absent_as_a_whole_only(name, prefix):
    family, make, beside, _ = FILES[name]
    shapes = {key: shape for key, shape in make().items() if not key.startswith(prefix)}
    whole = prefix != "point_encoder.visual.head."  # a part of what the picture model alone needs
    assert (faults_of(family, shapes, beside) == "") == whole


def test_the_teacher_inside_stage_two_has_the_dossiers_size():
    examined = examine_as(FAMILIES["act_stage2"], Contents(official.act_stage2()))
    left_out = examined.match.left_out
    shapes = official.act_stage2()
    assert count_parameters(left_out["teacher of Stage I"], shapes) == 116_185_883
    assert count_parameters(shapes, shapes) == 145_371_035
    assert count_parameters(left_out["unused heads"], shapes) == 3_613_696


def test_whole_files_have_the_dossiers_sizes():
    for shapes, parameters in (
        (official.point_mae_pretrained(), 29_006_432 - 768),  # the dossier counts a class token nobody saves
        (official.recon_pretrained(), 50_288_480),
        (backbones.ulip("point_bert"), 171_872_001),
        (backbones.ulip("pointnet2"), 151_216_449),
        (backbones.ulip("pointmlp"), 162_979_265),
        (backbones.ulip("pointnext"), 151_114_305),
    ):
        assert count_parameters(shapes, shapes) in (parameters, parameters + 768)


def test_towers_that_nobody_listed_are_left_out_by_their_beginning():
    shapes = {**backbones.ulip2(), "visual.conv1.weight": (1664, 3, 14, 14), "ln_final.weight": (1280,)}
    examined = examine_as(FAMILIES["ulip2"], Contents(shapes))
    assert examined.match.fits
    assert examined.match.left_out["picture and text towers"] == ["visual.conv1.weight", "ln_final.weight"]
    pretrained = {**official.recon_pretrained(), "img_encoder.norm.weight": (768,)}
    assert faults_of("recon", pretrained) == ""


def test_crossmosts_student_gives_its_point_encoder_and_leaves_out_what_else_it_learned():
    shapes = backbones.crossmost(40)
    assert [each.name for each in candidates(Contents(shapes))] == ["crossmost"]
    examined = examine_as(FAMILIES["crossmost"], Contents(shapes))
    assert examined.match.faults() == ""
    assert count_parameters(examined.own, examined.own) == 22_252_032
    counted = {
        key: shape for key, shape in shapes.items() if not key.endswith(("running_mean", "running_var"))
    }
    assert count_parameters(counted, counted) == 109_402_881
    for key in ("visual.ln_patch.bias", "point_encoder.proj", "classifier", "image_projection"):
        left = {other: shape for other, shape in shapes.items() if other != key}
        assert key in faults_of("crossmost", left), key


def test_sparse_convolutions_are_recognised_and_refused_with_the_reason():
    shapes = {"conv0p1s1.kernel": (125, 6, 32), "bn0.bn.weight": (32,)}
    assert [each.name for each in candidates(Contents(shapes))] == ["sparseconv"]
    assert "kernel offsets is not known" in faults_of("sparseconv", shapes)


def test_recon_part_segmentation_is_refused_with_the_reason():
    shapes = {**official.recon_tuned(15), "propagation_0.mlp_convs.0.weight": (1, 1, 1)}
    assert "part segmentation" in faults_of("recon", shapes)


@pytest.mark.parametrize(
    ("name", "groups", "points"),
    [("act 15", 128, 2048), ("point_mae 40", 64, 1024), ("point_bert pre-trained", 64, 1024)],
)
def test_what_no_file_holds_follows_the_papers_settings(name, groups, points):
    family, make, beside, _ = FILES[name]
    variant = examine_as(FAMILIES[family], Contents(make(), frozenset(beside))).variant
    assert variant.options.get("groups", 64) == groups
    assert variant.convention.points == points
