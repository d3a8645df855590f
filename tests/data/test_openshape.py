import json
import logging
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from anaglyph.cli.main import main
from anaglyph.data.catalog import DataConfig, create_dataset, describe
from anaglyph.data.datasets.zero_shot_clouds import SCANOBJECTNN
from anaglyph.data.loader import ordered_batches
from anaglyph.data.prepare.openshape import Share
from anaglyph.data.prepare.pickle_reader import PickleLimits, PickleReader
from anaglyph.data.prepare.prepare import prepare
from anaglyph.data.records import TextSource
from anaglyph.data.shards.index import read_index
from anaglyph.errors import ConfigError, DataError
from openshape_on_disk import LVIS, POINTS, TRAIN, feature, record, write_openshape, write_record

NAME, REJECTED, CAPTION, OTHER, RETRIEVED = TextSource
OPTIONS = {"per_shard": 4, "check": "report", "precision": "float32", "validation_fraction": 0.3}
ALL = sorted({"/".join(row[:3]) for row in [*TRAIN, *LVIS]})


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    root = tmp_path_factory.mktemp("openshape")
    write_openshape(root)
    prepare("openshape", root=root, options=OPTIONS)
    for name in ("modelnet40_zero_shot", "scanobjectnn_zero_shot"):
        prepare(name, root=root)
    return root


@pytest.fixture
def own(tmp_path):
    """Files that a test may change; nothing is prepared."""
    write_openshape(tmp_path)
    return tmp_path


def load(root, split, name="openshape", **change):
    options = {**OPTIONS, **change} if name == "openshape" else {"check": "report", **change}
    return create_dataset(DataConfig(name=name, options=options), split, root=root, seed=1)


def row(objects, key):
    return objects.records.read(int(objects.rows[objects.keys.index(key)]))


def test_every_object_of_every_list_is_converted_once_in_a_random_order(prepared):
    shards = sorted((prepared / "openshape/shards").glob("records-*.tar"))
    keys = [entry.key for path in shards for entry in read_index(path).entries]
    assert len(shards) == 3
    assert sorted(keys) == ALL
    assert keys != ALL


@pytest.mark.parametrize("train", ["ensemble", "ensemble_no_lvis", "shapenet_only"])
def test_splits_are_the_published_lists(prepared, train):
    parts = [load(prepared, split, train=train).keys for split in ("train", "validation")]
    expected = {
        "/".join(each) for each in TRAIN
        if train == "ensemble" or (train == "ensemble_no_lvis" and each[2] != "objc") or each[0] == "ShapeNet"
    }  # fmt: skip
    assert set(parts[0]) | set(parts[1]) == expected
    assert not set(parts[0]) & set(parts[1])
    assert min(map(len, parts)) > 0
    assert load(prepared, "test", train=train).keys == tuple("/".join(each[:3]) for each in LVIS)


def test_the_test_split_has_categories_and_vectors_in_sorted_order(prepared):
    test = load(prepared, "test")
    assert test.class_names == ("Band_Aid", "zebra")
    assert test.labels.tolist() == [1, 0, 1]
    np.testing.assert_array_equal(test.class_tensor(), np.arange(16).reshape(2, 8))
    assert load(prepared, "train").class_features is None
    assert set(load(prepared, "train").labels) == {0}


def test_a_record_holds_what_its_pickle_held(prepared):
    objects = load(prepared, "test")
    made, source = row(objects, "Objaverse/000-002/objd"), record("Objaverse", "000-002", "objd")
    np.testing.assert_array_equal(made.points[:, :3], source["xyz"].astype(np.float32))
    np.testing.assert_allclose(made.points[:, 3:], source["rgb"], atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(made.images, source["image_feat"], atol=2e-3)
    np.testing.assert_allclose(made.thumbnail, source["thumbnail_feat"], atol=2e-3)
    assert made.sources.tolist() == [NAME, CAPTION, OTHER, RETRIEVED, RETRIEVED, RETRIEVED]
    expected = [feature("objd", "first name"), feature("objd", "blip"), feature("objd", "msft")]
    expected += [feature("objd", "found", number) for number in range(3)]
    np.testing.assert_allclose(made.texts, np.concatenate(expected), atol=2e-3)
    place = int(objects.rows[objects.keys.index("Objaverse/000-002/objd")])
    texts = objects.records.about(place)["texts"]
    assert texts == ["first name", "a thing", "some thing", "buy this", "buy that", "sale"]


def test_rejected_names_empty_captions_and_sources_follow_the_published_rules(prepared):
    objects = load(prepared, "train", train="ensemble", validation_fraction=1e-9)
    everything = {**{key: row(objects, key) for key in objects.keys}}
    held = load(prepared, "validation", train="ensemble", validation_fraction=1e-9)
    everything |= {key: row(held, key) for key in held.keys}
    assert everything["Objaverse/000-000/obja"].sources[0] == REJECTED
    assert everything["Objaverse/000-001/objb"].sources.tolist() == [NAME, OTHER, *[RETRIEVED] * 3]
    shapenet = everything["ShapeNet/03001627/chair2"]
    assert shapenet.sources[:2].tolist() == [NAME, NAME]  # all raw texts, not only the first
    assert shapenet.thumbnail is None


def test_batches_are_those_of_mixcon3d(prepared):
    objects = load(prepared, "train", clouds={"points": 20})
    batch = objects.batch(range(len(objects)), epoch=0)
    assert batch.points.shape == (len(objects), 20, 6)
    assert batch.image_features.shape == (len(objects), 4, 8)
    assert batch.text_features.shape == (len(objects), 1, 8)
    there = next(ordered_batches(objects, batch=len(objects), epoch=0, workers=1))
    assert torch.equal(there.points, batch.points)
    assert torch.equal(pickle.loads(pickle.dumps(objects)).batch([1], epoch=0).points[0], batch.points[1])


def test_preparing_again_writes_nothing_and_a_missing_shard_only(own):
    first = prepare("openshape", root=own, options=OPTIONS)
    before = {path: path.read_bytes() for path in first.written}
    assert prepare("openshape", root=own, options=OPTIONS).written == ()
    first.written[1].unlink()
    assert prepare("openshape", root=own, options=OPTIONS).written == (first.written[1],)
    assert {path: path.read_bytes() for path in before} == before


def test_shares_make_the_shards_of_one(own, prepared):
    parts = [prepare("openshape", root=own, options=OPTIONS, share=Share(n, 2)).written for n in (1, 2)]
    assert [path.name for path in parts[0]] == ["records-00000.tar", "records-00002.tar"]
    assert [path.name for path in parts[1]] == ["records-00001.tar"]
    for path in [*parts[0], *parts[1]]:
        assert path.read_bytes() == (prepared / "openshape/shards" / path.name).read_bytes()


def test_shards_of_other_options_are_not_mixed(own):
    prepare("openshape", root=own, options=OPTIONS)
    with pytest.raises(DataError, match="holds other records than it would"):
        prepare("openshape", root=own, options={**OPTIONS, "per_shard": 5})


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "a/b", "1/0", "-1/2", "1/2/3"])
def test_shares_that_cannot_be_are_refused(text):
    with pytest.raises(ConfigError, match="shard"):
        Share.parse(text)


class Touches:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def spoilt(root, how):
    path = write_record(root / "openshape", *TRAIN[1])
    if how == "missing":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:-300])
    elif how == "hostile":
        np.save(path, {**record(*TRAIN[1]), "xyz": Touches(root / "made")})
    elif how == "other":
        np.save(path, record(*TRAIN[0]))
    elif how == "not finite":
        np.save(path, {**record(*TRAIN[1]), "xyz": np.full((POINTS, 3), np.nan)})
    else:
        np.save(path, {**record(*TRAIN[1]), "text_feat": []})


@pytest.mark.parametrize(
    ("how", "message"),
    [("missing", "there is no file"), ("truncated", "damaged"), ("hostile", "asks to import"),
     ("other", "it is the record of 'obja'"), ("not finite", "not finite"),
     ("texts", "no list of 2 vectors")],
)  # fmt: skip
def test_a_bad_pickle_is_named_and_stops_or_is_left_out(own, how, message):
    spoilt(own, how)
    with pytest.raises(DataError, match=rf"used: 1 \(Objaverse/000-001/objb\), 0 are.*{message}"):
        prepare("openshape", root=own, options=OPTIONS)
    assert not (own / "made").exists()
    done = prepare("openshape", root=own, options={**OPTIONS, "max_bad": 1})
    assert any("left out: Objaverse/000-001/objb" in sentence for sentence in done.missing)
    assert "Objaverse/000-001/objb" not in load(own, "train", train="ensemble", check="strict").keys
    assert prepare("openshape", root=own, options={**OPTIONS, "max_bad": 1}).written == ()
    with pytest.raises(DataError, match="0 are allowed"):
        prepare("openshape", root=own, options=OPTIONS)


def test_what_is_missing_is_said_with_where_to_get_it(own):
    with pytest.raises(DataError, match=r"no shards.*openshape-training-data.*data prepare openshape"):
        load(own, "train")
    (own / "openshape/meta_data/split/lvis.json").unlink()
    with pytest.raises(DataError, match=r"lvis\.json'. Download meta_data\.zip"):
        load(own, "test")
    with pytest.raises(DataError, match="openshape-training-data"):
        load(own / "nowhere", "train")


def test_counts_that_differ_and_absent_records_stop_a_strict_run(own, caplog):
    prepare("openshape", root=own, options=OPTIONS)
    with pytest.raises(DataError, match="3 shapes of LVIS instead of the published 46,832 or 46,205"):
        load(own, "test", check="strict")
    (own / "openshape/shards/records-00000.tar").unlink()
    with caplog.at_level(logging.WARNING):
        left = load(own, "train", train="ensemble")
    assert "records are not in the shards" in caplog.text
    with pytest.raises(DataError, match="records are not in the shards"):
        load(own, "train", train="ensemble", check="strict")
    assert 0 < len(left) < len(TRAIN)
    assert len(left.labels) == len(left)


def test_names_that_lead_out_of_the_folder_are_refused(own):
    path = own / "openshape/meta_data/split/train_all.json"
    path.write_text(json.dumps([{"id": "../../x", "dataset": "ABO", "group": "g"}]))
    with pytest.raises(DataError, match="must be a path within the data set"):
        prepare("openshape", root=own, options=OPTIONS)


def test_a_reader_that_is_stopped_by_the_clock_says_so(own):
    path = write_record(own / "openshape", *TRAIN[0])
    with (
        PickleReader(PickleLimits(seconds=1e-4)) as reader,
        pytest.raises(DataError, match=r"longer than|computing time"),
    ):
        # A busy machine may start the clock after an answer.
        _ = [reader.read(path, "record", key="obja", first_name=True) for _ in range(100)]


def test_a_file_larger_than_allowed_is_refused(own):
    path = write_record(own / "openshape", *TRAIN[0])
    with PickleReader(PickleLimits(file_bytes=100)) as reader, pytest.raises(DataError, match="at most 100"):
        reader.read(path, "record", key="obja", first_name=True)


def test_the_child_loads_neither_torch_nor_pickle_code(own):
    code = (
        "import sys, anaglyph.data.prepare.pickle_worker as w; "
        "print([name for name in ('torch', 'trimesh') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# zero-shot sets


def test_modelnet_has_labels_in_the_order_of_the_dictionary(prepared):
    test = load(prepared, "test", "modelnet40_zero_shot")
    assert test.class_names == ("toilet", "airplane", "bed")
    assert [test.class_names[label] for label in test.labels] == ["airplane"] * 2 + ["bed"] * 2 + [
        "toilet"
    ] * 2
    np.testing.assert_array_equal(test.class_tensor()[1], feature("class", "airplane")[0])
    batch = test.batch(range(6), epoch=None)
    assert batch.points.shape == (6, POINTS, 6)
    np.testing.assert_allclose(batch.points[..., 3:], 100 / 255)
    assert test.fields == {"points", "labels"}


def test_scans_have_the_published_order_and_no_colours(prepared):
    test = load(prepared, "test", "scanobjectnn_zero_shot", resample=0)
    assert test.class_names == SCANOBJECTNN
    assert test.labels.tolist() == [number % 15 for number in range(20)]
    np.testing.assert_array_equal(test.class_tensor()[2], feature("class", "box")[0])
    batch = test.batch(range(20), epoch=None)
    assert batch.points.shape == (20, 16, 6)
    np.testing.assert_allclose(batch.points[..., 3:], 0.4)
    assert batch.points[..., :3].norm(dim=-1).max() == pytest.approx(1.0)


def test_scans_are_drawn_to_ten_thousand_points_as_released(prepared):
    plain = load(prepared, "test", "scanobjectnn_zero_shot", resample=0)
    drawn = load(prepared, "test", "scanobjectnn_zero_shot")
    assert drawn.batch([3], epoch=None).points.shape == (1, 10_000, 6)
    assert torch.equal(drawn.batch([3], epoch=None).points, drawn.batch([3, 2], epoch=None).points[:1])
    stored = {tuple(point) for point in plain.records.read(3).points.tolist()}
    repeated = [tuple(point) for point in drawn.records.read(3).points.tolist()]
    assert set(repeated) == stored
    assert repeated[:16] != sorted(repeated[:16])
    assert plain.fingerprint() != drawn.fingerprint()


@pytest.mark.parametrize("name", ["modelnet40_zero_shot", "scanobjectnn_zero_shot"])
def test_zero_shot_sets_verify_their_counts_and_have_only_a_test_split(prepared, own, name):
    with pytest.raises(DataError, match="instead of the published"):
        load(prepared, "test", name, check="strict")
    with pytest.raises(DataError, match=f"{name} has no train split, only test"):
        load(prepared, "train", name)
    with pytest.raises(DataError, match=f"data prepare {name}"):
        load(own, "test", name)
    assert len(load(prepared, "test", name)) in (6, 20)


def test_a_description_shows_the_splits_that_there_are(prepared):
    config = DataConfig(name="modelnet40_zero_shot", options={"check": "report"})
    about = describe(config, root=prepared)
    assert about["available"]
    assert set(about["splits"]) == {"test"}
    assert about["splits"]["test"]["points"]["per_access"] == [POINTS, 6]


def test_classes_without_a_vector_and_counts_that_differ_are_named(own):
    meta = own / "openshape/meta_data/modelnet40"
    rows = json.loads((meta / "test_split.json").read_text())
    (meta / "test_split.json").write_text(json.dumps(rows[1:]))
    with pytest.raises(DataError, match="6 clouds for 5 objects"):
        prepare("modelnet40_zero_shot", root=own)
    (meta / "test_split.json").write_text(json.dumps([{"name": "x", "category": "lamp"}, *rows[1:]]))
    with pytest.raises(DataError, match="no vector of 'lamp'"):
        prepare("modelnet40_zero_shot", root=own)
    shutil.rmtree(meta)
    with pytest.raises(DataError, match=r"cat_name_pt_feat\.npy'. Download"):
        prepare("modelnet40_zero_shot", root=own)


def test_the_command_prepares_a_share(own, capsys):
    command = [
        "data",
        "prepare",
        "openshape",
        "--shard",
        "2/2",
        "--set",
        "per_shard=4",
        "--data-root",
        str(own),
    ]
    assert main([*command, "--json"]) == 1  # the other half is missing
    told = json.loads(capsys.readouterr().out)
    assert [path.rpartition("/")[2] for path in told["written"]] == ["records-00001.tar"]
    assert any("records are not in the shards" in sentence for sentence in told["missing"])
    assert main(["data", "prepare", "pix3d", "--shard", "1/2", "--data-root", str(own)]) == 2
    assert "prepared as a whole" in capsys.readouterr().err
