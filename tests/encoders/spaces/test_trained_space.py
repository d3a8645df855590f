"""A space out of a trained method: vectors are those of the method, slim or not; hostile files fail."""

import pytest
import torch

from anaglyph.config import structure
from anaglyph.data.transforms.clouds import CloudPipeline, prepare_clouds
from anaglyph.encoders.spaces.clouds import RecipeClouds
from anaglyph.encoders.spaces.open import open_space
from anaglyph.encoders.spaces.trained import write_space
from anaglyph.encoders.towers.catalog import open_image_tower, open_text_tower
from anaglyph.engine.features import embedded_objects
from anaglyph.engine.models import load_method
from anaglyph.engine.tower_specs import TowersSpec
from anaglyph.engine.towers import Towers
from anaglyph.errors import ConfigError, WeightsError
from anaglyph.io.weights import read_header, read_weights, write_weights
from space_files import METHODS, objects, save_run, towers_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("spaces")


@pytest.fixture(scope="module")
def runs(folder):
    """Method -> weights of a run that took a few steps, so that the average is not the student."""
    return {name: save_run(folder / f"{name}.safetensors", name) for name in METHODS}


@pytest.fixture(scope="module")
def split(folder):
    """The described objects as the method sees them."""
    spec = structure(TowersSpec, towers_of(folder), where="towers")
    towers = Towers(
        image=open_image_tower(spec.image.name, spec.image.options, root=folder),
        text=open_text_tower(spec.text.name, spec.text.options, root=folder),
    )
    return embedded_objects(objects(), towers, spec, cache=None, seed=0)


@pytest.mark.parametrize("name", METHODS)
def test_vectors_are_those_of_the_method(runs, folder, split, name):
    method, space = load_method(runs[name]).method, open_space(runs[name], root=folder)
    batch, shown = split.batch(range(5), epoch=None), objects()
    clouds, pictures = torch.from_numpy(shown.points), torch.from_numpy(shown.pictures).float() / 255
    found = {"shape": space.shapes(clouds), "image": space.views(pictures)}
    if space.fuses:
        found["fused"] = space.fused(clouds, pictures)
    assert space.fuses == ("fused" in method.embeds)
    with torch.no_grad():
        for modality, vectors in found.items():
            torch.testing.assert_close(vectors, method.embed(modality, batch), rtol=0, atol=1e-6)
        said = space.texts([text for _, text in shown.texts[2]])
        torch.testing.assert_close(said, method.class_vectors(batch.text_features[2, :3]), rtol=0, atol=1e-6)


def test_a_single_picture_is_an_object_with_one_view(runs, folder):
    space = open_space(runs["mixcon3d"], root=folder)
    pictures = torch.from_numpy(objects().pictures[:, 0]).float() / 255
    torch.testing.assert_close(space.pictures(pictures), space.views(pictures[:, None]), rtol=0, atol=0)


def test_a_vector_does_not_depend_on_its_batch(runs, folder):
    space, shown = open_space(runs["mixcon3d"], root=folder), objects()
    clouds, pictures = torch.from_numpy(shown.points), torch.from_numpy(shown.pictures).float() / 255
    for together, alone in (
        (space.shapes(clouds), [space.shapes(each[None]) for each in clouds]),
        (space.views(pictures), [space.views(each[None]) for each in pictures]),
        (space.texts(["a chair", "table"]), [space.texts([each]) for each in ("a chair", "table")]),
    ):
        torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-6)
        torch.testing.assert_close(together.norm(dim=1), torch.ones(len(together)))


def test_a_space_says_what_it_reads(runs, folder):
    space = open_space(runs["mixcon3d"], root=folder)
    assert space.reads == {"shape", "image", "text"}
    assert (space.dim, space.points, space.coloured, space.pixels) == (8, 6, True, 16)
    assert space.default_inputs == "sum"
    assert len(space.fingerprint) == 16
    assert space.about["stage"]["method"] == "mixcon3d"


def test_clouds_without_colours_are_grey(runs, folder):
    space = open_space(runs["mixcon3d"], root=folder)
    clouds = torch.from_numpy(objects().points).clone()
    clouds[..., 3:] = 0.4
    torch.testing.assert_close(space.shapes(clouds[..., :3]), space.shapes(clouds), rtol=0, atol=0)


def test_the_slim_file_is_smaller_and_agrees_to_a_thousandth(runs, folder):
    source, target = runs["mixcon3d"], folder / "slim.safetensors"
    write_space(source, target, root=folder, header={"licence": "CC0-1.0", "default_inputs": "fused"})
    whole, slim = open_space(source, root=folder), open_space(target, root=folder)
    clouds = torch.from_numpy(objects().points)
    torch.testing.assert_close(slim.shapes(clouds), whole.shapes(clouds), rtol=0, atol=1e-3)
    torch.testing.assert_close(slim.texts(["a table"]), whole.texts(["a table"]), rtol=0, atol=1e-3)
    assert target.stat().st_size < source.stat().st_size / 2
    assert (slim.licence, slim.default_inputs) == ("CC0-1.0", "fused")
    assert slim.fingerprint != whole.fingerprint
    write_space(target, folder / "again.safetensors", root=folder, header={"licence": "CC0-1.0"})
    again = open_space(folder / "again.safetensors", root=folder)
    torch.testing.assert_close(again.shapes(clouds), slim.shapes(clouds), rtol=0, atol=0)


def test_a_slim_file_beside_other_towers_is_refused(runs, folder, tmp_path):
    from tower_files import make_dual, save_dual

    (tmp_path / "dual.safetensors").write_bytes((folder / "dual.safetensors").read_bytes())
    write_space(runs["openshape"], tmp_path / "slim.safetensors", root=tmp_path, header={})
    open_space(tmp_path / "slim.safetensors", root=tmp_path)
    save_dual(tmp_path / "dual.safetensors", make_dual(seed=1))
    with pytest.raises(WeightsError, match="made beside another image tower"):
        open_space(tmp_path / "slim.safetensors", root=tmp_path)
    chosen = {"image_tower": "dual:dual.safetensors", "text_tower": "dual:dual.safetensors"}
    assert open_space(tmp_path / "slim.safetensors", root=tmp_path, **chosen).reads >= {"image"}


def test_the_fingerprint_follows_weights_and_towers(runs, folder, tmp_path):
    from tower_files import make_dual, save_dual

    found = {open_space(path, root=folder).fingerprint for path in runs.values()}
    assert len(found) == len(METHODS)
    save_dual(tmp_path / "dual.safetensors", make_dual(seed=1))
    assert open_space(runs["mixcon3d"], root=tmp_path).fingerprint not in found
    assert open_space(runs["mixcon3d"], root=folder).fingerprint in found


def test_without_a_fusion_layer_nothing_is_fused(runs, folder):
    space = open_space(runs["openshape"], root=folder)
    with pytest.raises(ConfigError, match="no fusion layer"):
        space.fused(torch.from_numpy(objects().points), torch.rand(5, 2, 3, 16, 16))


def test_a_default_that_the_space_cannot_do_is_not_written(runs, folder, tmp_path):
    with pytest.raises(ConfigError, match="default_inputs is 'fused'; this space allows points, sum"):
        write_space(
            runs["openshape"], tmp_path / "x.safetensors", root=folder, header={"default_inputs": "fused"}
        )


def changed(header, place, value):
    """The header with the value at a dotted place."""
    first, _, rest = place.partition(".")
    return {**header, first: changed(header.get(first, {}), rest, value) if rest else value}


@pytest.mark.parametrize(
    ("place", "value", "match"),
    [
        ("stage", {"method": "romo_learn"}, "holds a trained 'romo_learn'"),
        ("stage", 3, "holds a trained None"),
        ("format", 2, "header format 2"),
        ("stage.config.embed_dim", 10**9, "embed_dim must lie in 1 to 65536"),
        ("stage.config.embed_dim", 16, "shape encoder gives 8 numbers"),
        ("stage.config.image_dim", 13, "one head cannot serve"),
        ("stage.config.head", "mlp", r"different: .*heads\.shared\.layers\.2"),
        ("stage.config.aggregation", "sum", "aggregation"),
        ("stage.config", {}, "KeyError"),
        ("stage.encoders", {}, "KeyError"),
        ("stage.encoders.shape.name", "pointnot", "pointnot"),
        ("stage.encoders.shape.options", {"widths": [10**12]}, "at most 65536"),
        ("stage.encoders.shape.options", {"widths": [8] * 200}, "more than|different"),
        ("towers.clouds.points", -1, "points must lie in 0"),
        ("towers.clouds.points", 10**30, "points must lie in 0"),
        ("towers.clouds.uncoloured", float("inf"), "uncoloured"),
        ("towers.image", {"name": "dual", "surprise": 1}, "surprise"),
        ("towers.clouds", [1], "clouds must be a mapping"),
        ("default_inputs", ["sum"], "default_inputs"),
    ],
)
def test_a_header_that_cannot_be_meant_is_refused(runs, folder, tmp_path, place, value, match):
    header = changed(read_header(runs["mixcon3d"]), place, value)
    write_weights(tmp_path / "w.safetensors", read_weights(runs["mixcon3d"]), header=header)
    with pytest.raises(WeightsError, match=match):
        open_space(tmp_path / "w.safetensors", root=folder)


def test_tensors_that_do_not_fit_the_header_or_are_not_finite_are_refused(runs, folder, tmp_path):
    header, tensors = read_header(runs["mixcon3d"]), read_weights(runs["mixcon3d"])
    key = "average.module.heads.shared.layers.0.bias"
    for value, match in ((torch.ones(3), "heads.shared"), (torch.full((8,), torch.nan), "NaN")):
        write_weights(tmp_path / "w.safetensors", {**tensors, key: value}, header=header)
        with pytest.raises(WeightsError, match=match):
            open_space(tmp_path / "w.safetensors", root=folder)
    whole = runs["mixcon3d"].read_bytes()
    for length in (0, 5, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.safetensors").write_bytes(whole[:length])
        with pytest.raises(WeightsError):
            open_space(tmp_path / "cut.safetensors", root=folder)


@pytest.mark.parametrize(
    ("clouds", "match"),
    [
        (torch.zeros(2, 5), "clouds must be"),
        (torch.zeros(2, 5, 4), "clouds must be"),
        (torch.zeros(0, 5, 6), "hold no point"),
        (torch.full((1, 5, 6), torch.nan), "not finite"),
        (torch.full((1, 5, 6), 255.0), "divide bytes by 255"),
    ],
)
def test_clouds_that_cannot_be_meant_are_refused(runs, folder, clouds, match):
    from anaglyph.errors import DataError

    with pytest.raises(DataError, match=match):
        open_space(runs["mixcon3d"], root=folder).shapes(clouds)


@pytest.mark.parametrize("axis", ["y", "z"])
def test_clouds_with_heights_are_prepared_as_in_training(axis):
    options = {"points": 5, "channels": 4, "unit_sphere": True, "up_axis": axis}
    given = torch.randn(2, 12, 3, generator=torch.Generator().manual_seed(1)) / 4
    trained = prepare_clouds(list(given.numpy()), CloudPipeline(**options, turn=True), None)
    assert torch.equal(RecipeClouds(**options)(given), trained)
