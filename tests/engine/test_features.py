"""Described objects through towers: what is stored, found again, resumed and refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from anaglyph.data.array_records import ArrayRecords
from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.data.feature_records import FeatureRecords, open_features
from anaglyph.data.records import TextSource
from anaglyph.engine import feature_output
from anaglyph.engine.events import Note
from anaglyph.engine.feature_output import FeatureProgress, ShardChoice, compute_shard
from anaglyph.engine.feature_parts import FeatureSettings, embed_classes, embed_rows
from anaglyph.engine.features import embedded_objects
from anaglyph.engine.interrupt import Interrupted, StopRequest
from anaglyph.engine.tower_specs import TowerSpec, TowersSpec
from anaglyph.engine.towers import Towers, open_towers
from anaglyph.errors import ConfigError, DataError
from tower_files import CLASSES, WIDTH, described, save_dual

SETTINGS = FeatureSettings(templates="photo", batch=3)


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    path = save_dual(tmp_path_factory.mktemp("dual") / "dual.safetensors")
    tower = TowerSpec(name="dual", options={"source": str(path)})
    return TowersSpec(image=tower, text=tower, templates="photo", batch=3)


@pytest.fixture(scope="module")
def towers(spec, tmp_path_factory):
    return open_towers(spec, root=tmp_path_factory.mktemp("root"))


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(feature_output, "PART", 2)


def same_record(first, second):
    for name in ("points", "images", "thumbnail", "texts", "sources"):
        one, two = getattr(first, name), getattr(second, name)
        assert (one is None) == (two is None), name
        if one is not None:
            np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6, err_msg=name)


def slow_record(objects, row, towers):
    """One object, one picture and one text at a time."""
    pictures = [torch.from_numpy(view)[None] / 255.0 for view in objects.pictures[row]]
    thumbnail = objects.thumbnails[row]
    texts = [towers.text([text])[0].numpy() for _, text in objects.texts[row]]
    return ArrayRecords(
        keys=("one",),
        points=objects.points[row][None],
        images=np.stack([towers.image(picture)[0].numpy() for picture in pictures])[None],
        thumbnails=None
        if thumbnail is None
        else towers.image(torch.from_numpy(thumbnail)[None] / 255.0).numpy(),
        texts=np.stack(texts) if texts else np.zeros((0, WIDTH), np.float32),
        sources=np.array([source for source, _ in objects.texts[row]], dtype=np.uint8),
        offsets=np.array([0, len(texts)]),
    ).read(0)


def test_each_record_is_what_the_towers_say_of_its_pictures_and_texts_one_by_one(towers):
    objects = described(5)
    records = embed_rows(objects, range(5), towers, SETTINGS)
    for row in range(5):
        same_record(records.read(row), slow_record(objects, row, towers))


def test_pictures_of_one_channel_are_grey_ones_of_three_to_towers_and_in_batches(towers):
    plain = described(3, thumbnails=(None,) * 3)
    one = replace(plain, pictures=np.ascontiguousarray(plain.pictures[:, :, :1]))
    three = replace(plain, pictures=np.repeat(one.pictures, 3, axis=2))
    first, second = (embed_rows(each, range(3), towers, SETTINGS) for each in (one, three))
    same_record(first.read(2), second.read(2))
    for epoch in (None, 0):
        assert torch.equal(one.batch([0, 2], epoch=epoch).images, three.batch([0, 2], epoch=epoch).images)


def test_prompted_names_and_captions_are_averages_over_sentences_and_retrieved_texts_stay(towers):
    objects = described(3)
    settings = FeatureSettings(templates="official64", prompt_texts=True)
    record = embed_rows(objects, [2], towers, settings).read(0)
    assert list(record.sources) == [TextSource.NAME, TextSource.CAPTION, TextSource.RETRIEVED]
    from anaglyph.evaluation.templates import expand

    for place, (_, text) in enumerate(objects.texts[2][:2]):
        units = [F.normalize(towers.text([sentence]), dim=1)[0] for sentence in expand(text)]
        expected = F.normalize(sum(units) / len(units), dim=0)
        np.testing.assert_allclose(record.texts[place], expected.numpy(), rtol=1e-4, atol=1e-5)
    plain = towers.text([objects.texts[2][2][1]])[0]
    np.testing.assert_allclose(record.texts[2], plain.numpy(), rtol=1e-4, atol=1e-5)


def test_class_names_are_cleaned_and_put_into_sentences(towers):
    found = embed_classes(CLASSES, towers.text, SETTINGS)
    sentences = ["a photo of a chair.", "a photo of a Floor Lamp.", "a photo of a table."]
    np.testing.assert_allclose(
        found, F.normalize(towers.text(sentences), dim=1).numpy(), rtol=1e-4, atol=1e-5
    )
    raw = embed_classes(CLASSES, towers.text, FeatureSettings(templates="plain", clean_names=False))
    np.testing.assert_allclose(
        raw, F.normalize(towers.text(list(CLASSES)), dim=1).numpy(), rtol=1e-4, atol=1e-5
    )
    assert embed_classes(CLASSES, None, SETTINGS) is None


def test_one_side_alone_leaves_the_other_out(towers):
    pictures = embed_rows(described(3), range(3), Towers(towers.image, None), SETTINGS).read(2)
    assert pictures.texts.shape == (0, 0)
    assert len(pictures.images) == 2
    words = embed_rows(described(3), range(3), Towers(None, towers.text), SETTINGS).read(2)
    assert words.images.shape == (0, 0)
    assert len(words.texts) == 3


def test_objects_without_clouds_and_jobs_without_towers_are_refused(towers, tmp_path):
    with pytest.raises(DataError, match="stored beside clouds"):
        embed_rows(described(3, points=None), range(3), towers, SETTINGS)
    with pytest.raises(ConfigError, match="need a tower"):
        compute_shard(described(3), Towers(None, None), SETTINGS, tmp_path)


def test_half_precision_halves_the_vectors_and_hardly_changes_them(towers):
    whole = embed_rows(described(3), range(3), towers, SETTINGS)
    half = embed_rows(described(3), range(3), towers, FeatureSettings(templates="photo", storage="float16"))
    assert half.images.dtype == half.texts.dtype == half.thumbnails.dtype == np.float16
    np.testing.assert_allclose(half.images.astype(np.float32), whole.images, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("shards", [1, 2, 3])
def test_shards_together_hold_every_object_once_in_order(towers, tmp_path, small_parts, shards):
    objects = described(7)
    for shard in reversed(range(shards)):
        compute_shard(objects, towers, SETTINGS, tmp_path, choice=ShardChoice(shard=shard, shards=shards))
    stored = open_features(tmp_path)
    assert stored.records.keys == objects.keys
    assert np.array_equal(stored.labels, objects.labels)
    assert stored.class_names == CLASSES
    direct = embed_rows(objects, range(7), towers, SETTINGS)
    for row in (0, 6, 3, 1, 5, 2, 4):
        same_record(stored.records.read(row), direct.read(row))
    assert stored.records.blocks[0] == 0
    assert stored.records.blocks[-1] == 7


def test_a_stopped_shard_goes_on_to_the_same_bytes(towers, tmp_path, small_parts):
    objects, stop, seen = described(7), StopRequest(), []
    compute_shard(objects, towers, SETTINGS, tmp_path / "whole")

    def listen(event):
        seen.append(event)
        stop.requested = isinstance(event, FeatureProgress) and event.objects >= 4

    with pytest.raises(Interrupted, match="after 4 of 7 objects"):
        compute_shard(objects, towers, SETTINGS, tmp_path / "cut", stop=stop, listen=listen)
    with pytest.raises(DataError, match=r"shard 0/1 .* is not finished"):
        open_features(tmp_path / "cut")
    seen.clear()
    compute_shard(objects, towers, SETTINGS, tmp_path / "cut", listen=seen.append)
    assert seen[0] == Note("going on after 4 of 7 objects")
    assert [event.new for event in seen[1:]] == [2, 3]
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_a_finished_shard_is_not_made_again(towers, tmp_path):
    compute_shard(described(3), towers, SETTINGS, tmp_path)
    seen = []
    compute_shard(described(3), towers, SETTINGS, tmp_path, listen=seen.append)
    assert [type(event) for event in seen] == [Note]
    assert "already finished" in seen[0].text


@pytest.mark.parametrize(
    ("settings", "objects", "what"),
    [
        (FeatureSettings(templates="plain", batch=3), {}, "settings.templates: 'plain' now, 'photo' then"),
        (SETTINGS, {"seed": 1}, "data: "),
    ],
)
def test_features_of_other_data_or_settings_are_never_mixed(towers, tmp_path, settings, objects, what):
    compute_shard(described(3), towers, SETTINGS, tmp_path)
    with pytest.raises(DataError, match=what):
        compute_shard(described(3, **objects), towers, settings, tmp_path)
    compute_shard(described(3, **objects), towers, settings, tmp_path, resume=False)
    assert len(open_features(tmp_path).labels) == 3


def test_shards_of_different_runs_are_refused(towers, tmp_path):
    for shard, seed in ((0, 0), (1, 1)):
        choice = ShardChoice(shard=shard, shards=2)
        compute_shard(described(4, seed=seed), towers, SETTINGS, tmp_path, choice=choice)
    with pytest.raises(DataError, match="made of other data or by other towers"):
        open_features(tmp_path)


def test_a_shard_that_is_missing_is_named_with_its_command(towers, tmp_path):
    compute_shard(described(4), towers, SETTINGS, tmp_path, choice=ShardChoice(shard=0, shards=2))
    with pytest.raises(DataError, match=r"shard 1/2 of .* is missing; .*--shard 1/2"):
        open_features(tmp_path)
    with pytest.raises(DataError, match="holds no features"):
        open_features(tmp_path / "nowhere")


def test_a_changed_byte_is_found_when_its_part_is_read(towers, tmp_path):
    place = compute_shard(described(4), towers, SETTINGS, tmp_path)
    part = place / "part-000000.safetensors"
    damaged = bytearray(part.read_bytes())
    damaged[-1] ^= 1
    part.write_bytes(damaged)
    stored = open_features(tmp_path)
    with pytest.raises(DataError, match=r"part-000000.safetensors' has changed since it was written"):
        stored.records.read(0)
    part.write_bytes(damaged[:-1])
    with pytest.raises(DataError, match="is missing or has not the"):
        open_features(tmp_path)


def test_shards_that_do_not_exist_or_are_empty_are_refused(towers, tmp_path):
    with pytest.raises(ConfigError, match="shard 2/2 does not exist; shards count from 0"):
        ShardChoice(shard=2, shards=2)
    with pytest.raises(ConfigError, match="of 2 objects is empty; use fewer shards"):
        compute_shard(described(2), towers, SETTINGS, tmp_path, choice=ShardChoice(shard=0, shards=5))


def test_parts_beyond_the_memory_limit_are_let_go_and_read_again(towers, tmp_path, small_parts):
    compute_shard(described(7), towers, SETTINGS, tmp_path)
    records = FeatureRecords(open_features(tmp_path).records.parts, held_bytes=1)
    first = records.read(0)
    for row in (6, 3, 0):
        records.read(row)
        assert len(records._held) == 1
    same_record(records.read(0), first)
    import pickle

    copied = pickle.loads(pickle.dumps(records))
    assert not copied._held
    same_record(copied.read(6), records.read(6))


@pytest.mark.parametrize("cached", [True, False])
def test_a_described_split_becomes_one_to_train_on(towers, spec, tmp_path, cached):
    objects = described(6)
    made = embedded_objects(objects, towers, spec, cache=tmp_path / "cache" if cached else None, seed=0)
    assert isinstance(made, EmbeddedObjects)
    assert made.keys == objects.keys
    assert made.class_features.shape == (3, WIDTH)
    assert made.fields == {"points", "labels", "image_features", "text_features", "text_present"}
    direct = embed_rows(objects, range(6), towers, SETTINGS)
    batch = made.batch([2], epoch=None)
    np.testing.assert_allclose(batch.image_features[0].numpy(), direct.read(2).images, rtol=1e-5, atol=1e-6)
    assert batch.text_features.shape == (1, 3, WIDTH)


def test_the_cache_is_read_and_other_towers_have_another_place(towers, spec, tmp_path, monkeypatch):
    first = embedded_objects(described(4), towers, spec, cache=tmp_path, seed=0)

    def never(*arguments, **options):
        raise AssertionError("it was there already")

    monkeypatch.setattr("anaglyph.engine.features.compute_shard", never)
    again = embedded_objects(described(4), towers, spec, cache=tmp_path, seed=3)
    assert again.fingerprint() == first.fingerprint()
    with pytest.raises(AssertionError, match="there already"):
        embedded_objects(described(4), Towers(towers.image, None), spec, cache=tmp_path, seed=0)


def test_a_damaged_cache_is_made_again(towers, spec, tmp_path):
    first = embedded_objects(described(4), towers, spec, cache=tmp_path, seed=0)
    for part in tmp_path.rglob("part-*"):
        part.write_bytes(part.read_bytes()[:-8])
    again = embedded_objects(described(4), towers, spec, cache=tmp_path, seed=0)
    assert again.fingerprint() == first.fingerprint()
    same_record(again.records.read(3), first.records.read(3))
