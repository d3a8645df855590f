import io
import json
import logging
import pickle
import tarfile
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from anaglyph.data.array_records import stacked
from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.data.loader import ordered_batches
from anaglyph.data.records import Record
from anaglyph.data.shards.index import index_path, read_index, scan
from anaglyph.data.shards.layout import decode, encode, key_and_part, member_name
from anaglyph.data.shards.records import ShardRecords, rows_of, shards_in
from anaglyph.data.shards.writer import is_written, shard_path, write_shard, write_shards
from anaglyph.data.transforms.clouds import CloudPipeline
from anaglyph.errors import DataError
from anaglyph.io import open_files
from embedded_objects import keys_of, made_up, same

COUNT = 14


def items(count=COUNT, **change):
    return [
        (key, made_up(row, **change), {"label": f"class {row % 3}"} if row % 2 else None)
        for row, key in enumerate(keys_of(count))
    ]


@pytest.fixture
def shards(tmp_path):
    return write_shards(tmp_path, items(), per_shard=5)


@pytest.fixture
def records(shards):
    made = ShardRecords(shards)
    yield made
    made.close()


def test_what_was_written_comes_back(records, shards):
    assert [path.name for path in shards] == [f"records-0000{number}.tar" for number in range(3)]
    assert records.keys == keys_of(COUNT)
    assert all(same(records.read(row), made_up(row)) for row in np.random.default_rng(0).permutation(COUNT))
    np.testing.assert_array_equal(records.blocks, [0, 5, 10, 14])
    assert records.about(3) == {"label": "class 0"}
    assert records.about(4) == {}
    assert all(is_written(path) for path in shards)


def test_coordinates_are_half_precision_or_exact(tmp_path):
    drawn = np.random.default_rng(0).uniform(-1, 1, size=(50, 3)).astype(np.float32)
    nothing = np.empty((0, 0), np.float32)
    record = Record(points=drawn, images=nothing, texts=nothing, sources=np.empty(0, np.uint8))
    full = decode({"safetensors": encode(record, precision="float32")}, key="a").points
    np.testing.assert_array_equal(full, drawn)
    half = decode({"safetensors": encode(record, precision="float16")}, key="a").points
    assert 0 < np.abs(half - drawn).max() < 5e-4


def test_every_byte_of_a_colour_survives():
    grey = np.repeat(np.arange(256, dtype=np.float32)[:, None] / 255, 6, axis=1)
    nothing = np.empty((0, 0), np.float32)
    record = Record(points=grey, images=nothing, texts=nothing, sources=np.empty(0, np.uint8))
    back = decode({"safetensors": encode(record, precision="float32")}, key="a").points
    np.testing.assert_array_equal(np.round(back[:, 3:] * 255), np.round(grey[:, 3:] * 255))
    assert back.max() <= 1.0


def test_shards_are_plain_tars_that_others_read(shards):
    with tarfile.open(shards[0]) as archive:
        names = archive.getnames()
    assert names[:3] == ["set/group/000.safetensors", "set/group/001.safetensors", "set/group/001.json"]


def test_writing_twice_gives_the_same_bytes(shards, tmp_path):
    again = write_shards(tmp_path / "again", items(), per_shard=5)
    for a, b in zip(shards, again, strict=True):
        assert a.read_bytes() == b.read_bytes()
        assert index_path(a).read_bytes() == index_path(b).read_bytes()


@pytest.mark.parametrize("key", ["a", "a/b-c_d", "v.2", "ü/7", "..", "/abs", "a//b", "a/", "%2F", "~", "c:d"])
def test_every_key_survives_as_a_name_that_leads_nowhere(key, tmp_path):
    name = member_name(key, "safetensors")
    assert name.rpartition("/")[2].count(".") == 1
    assert key_and_part(name) == (key, "safetensors")
    write_shard(tmp_path / "one.tar", [(key, made_up(0), None)])
    index_path(tmp_path / "one.tar").unlink()
    with ShardRecords([tmp_path / "one.tar"])._files:
        assert scan(tmp_path / "one.tar").entries[0].key == key


def test_a_key_that_is_too_long_is_refused():
    with pytest.raises(DataError, match="makes a name of 312 letters; at most 254"):
        member_name("a" * 300, "safetensors")


def test_a_pickled_copy_and_workers_open_the_files_anew(records, shards):
    objects = EmbeddedObjects(
        records=records, class_names=("a",), labels=np.zeros(COUNT, dtype=np.int64),
        clouds=CloudPipeline.mixcon3d(points=16),
    )  # fmt: skip
    here = objects.batch(range(COUNT), epoch=1)
    copied = pickle.loads(pickle.dumps(objects))
    assert torch.equal(here.points, copied.batch(range(COUNT), epoch=1).points)
    copied.records.close()
    there = next(ordered_batches(objects, batch=COUNT, epoch=1, workers=1))
    assert torch.equal(here.points, there.points)
    in_memory = EmbeddedObjects(
        records=stacked(keys_of(COUNT), [made_up(row) for row in range(COUNT)]), class_names=("a",),
        labels=objects.labels, clouds=objects.clouds,
    )  # fmt: skip
    assert torch.equal(here.points, in_memory.batch(range(COUNT), epoch=1).points)


def test_threads_read_at_the_same_time(records):
    with ThreadPoolExecutor(4) as threads:
        rows = [row % COUNT for row in range(200)]
        assert all(
            same(made_up(row), read) for row, read in zip(rows, threads.map(records.read, rows), strict=True)
        )


def test_no_more_files_stay_open_than_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(open_files, "KEPT", 2)
    made = ShardRecords(write_shards(tmp_path, items(9), per_shard=1))
    for row in range(9):
        assert same(made.read(row), made_up(row))
    assert len(made._files._files) == 2
    made.close()


def test_a_fingerprint_depends_on_the_content_and_not_on_the_place(records, tmp_path):
    moved = ShardRecords(write_shards(tmp_path / "moved", items(), per_shard=14))
    assert moved.fingerprint() == records.fingerprint()
    other = ShardRecords(write_shards(tmp_path / "other", items(channels=3), per_shard=5))
    assert other.fingerprint() != records.fingerprint()


def test_rows_are_found_by_key(records):
    rows, missing = rows_of(records, ["set/group/013", "nobody", "set/group/002"])
    assert rows.tolist() == [13, 2]
    assert missing == ["nobody"]


# damage


def spoil(shard, key, part="safetensors"):
    """Change a byte in the middle of one member."""
    entry = next(entry for entry in read_index(shard).entries if entry.key == key)
    place = next(each for each in entry.parts if each.kind == part)
    data = bytearray(shard.read_bytes())
    data[place.offset + place.size // 2] ^= 255
    shard.write_bytes(data)


def test_a_damaged_record_is_named_and_stops_the_run_or_is_left_out(shards, caplog):
    spoil(shards[1], "set/group/007")
    with pytest.raises(DataError, match=r"used: 1 \(set/group/007\), 0 are allowed.*damaged.*max_bad"):
        ShardRecords(shards)
    with caplog.at_level(logging.WARNING):
        made = ShardRecords(shards, max_bad=1)
    assert "left out: set/group/007: its safetensors member is damaged" in caplog.text
    assert made.keys == tuple(key for key in keys_of(COUNT) if key != "set/group/007")
    assert same(made.read(7), made_up(8))
    np.testing.assert_array_equal(made.blocks, [0, 5, 9, 13])
    made.close()


def test_damage_is_met_when_a_record_is_read_where_nothing_was_verified(shards):
    spoil(shards[1], "set/group/007")
    made = ShardRecords(shards, verify=False)
    assert same(made.read(6), made_up(6))
    with pytest.raises(DataError, match=r"'set/group/007' of '.*records-00001\.tar'.*checksum"):
        made.read(7)
    made.close()


def test_a_truncated_shard_is_named_with_the_records_that_are_lost(shards):
    last = read_index(shards[2]).entries
    data = shards[2].read_bytes()
    shards[2].write_bytes(data[: last[2].parts[0].offset + 100])
    with pytest.raises(DataError, match=r"used: 2 \(set/group/012, set/group/013\).*cut off.*truncated"):
        ShardRecords(shards, max_bad=1)
    made = ShardRecords(shards, max_bad=2)
    assert len(made) == 12
    assert same(made.read(11), made_up(11))
    made.close()


def test_a_truncated_shard_without_an_index_gives_what_came_before(shards):
    last = read_index(shards[2]).entries
    shards[2].write_bytes(shards[2].read_bytes()[: last[2].parts[0].offset + 100])
    index_path(shards[2]).unlink()
    with pytest.raises(DataError, match=r"used: 1 \(records-00002\.tar\).*truncated or lies"):
        ShardRecords(shards)
    made = ShardRecords(shards, max_bad=1)
    assert len(made) == 12
    made.close()


def test_a_shard_is_verified_once_and_again_when_it_changes(shards, monkeypatch):
    ShardRecords(shards)
    assert json.loads((shards[0].parent / "records-00000.tar.checked.json").read_text())["bad"] == []
    monkeypatch.setattr("anaglyph.data.shards.verify.fault_of", lambda *_: "read again")
    assert len(ShardRecords(shards)) == COUNT
    shards[1].touch()
    assert len(ShardRecords(shards, max_bad=5)) == COUNT - 5


def test_an_index_that_does_not_belong_to_its_shard_is_refused(shards):
    with shards[0].open("ab") as file:
        file.write(bytes(512))
    with pytest.raises(DataError, match="do not belong together"):
        ShardRecords(shards)


@pytest.mark.parametrize(
    "damage",
    ["{", "[]", '{"format": 2}', "[" * 100_000,
     '{"format":1,"bytes":9,"records":[["a",[["json",5,9,1]]]],"left_out":[],"faults":[]}',
     '{"format":1,"bytes":-1,"records":[],"left_out":[],"faults":[]}'],
)  # fmt: skip
def test_a_damaged_index_is_named_and_made_again(shards, damage, caplog):
    before = index_path(shards[0]).read_text()
    index_path(shards[0]).write_text(damage)
    with caplog.at_level(logging.WARNING):
        assert len(ShardRecords(shards)) == COUNT
    assert "is damaged" in caplog.text
    assert index_path(shards[0]).read_text() == before


def test_a_missing_shard_and_an_empty_folder_are_named(tmp_path, shards):
    with pytest.raises(DataError, match="no shard"):
        ShardRecords([*shards, tmp_path / "records-00009.tar"])
    with pytest.raises(DataError, match=r"no shards '.*\*\.tar'. Ask me\."):
        shards_in(tmp_path / "nowhere", obtain="Ask me.")
    assert shards_in(tmp_path) == shards


def test_a_write_that_fails_leaves_the_old_shard(tmp_path):
    path = shard_path(tmp_path, 0)
    write_shard(path, items(3))
    before = path.read_bytes()

    def failing():
        yield from items(2)
        raise OSError("the source is gone")

    with pytest.raises(OSError, match="gone"):
        write_shard(path, failing())
    assert path.read_bytes() == before
    assert not is_written(path)  # so that it is written again
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_twice_is_refused_within_a_shard_and_across(tmp_path):
    with pytest.raises(DataError, match="'set/group/000' stands twice"):
        write_shard(tmp_path / "a.tar", items(1) * 2)
    paths = [tmp_path / "a.tar", tmp_path / "b.tar"]
    for path in paths:
        write_shard(path, items(1))
    with pytest.raises(DataError, match="stands 2 times"):
        ShardRecords(paths)


# shards from elsewhere


def npy(array):
    target = io.BytesIO()
    np.save(target, array)
    return target.getvalue()


def foreign(path, *members):
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            about = tarfile.TarInfo(name)
            about.size, about.mtime = len(content), 1700000000.5
            archive.addfile(about, io.BytesIO(content))
    return path


def test_shards_of_npy_members_are_read_and_indexed_once(tmp_path, caplog):
    cloud, images = np.random.default_rng(0).uniform(size=(9, 6)), np.ones((2, 4), np.float32)
    path = foreign(
        tmp_path / "shard.tar",
        ("x/chair.points.npy", npy(cloud)), ("x/chair.images.npy", npy(images)), ("x/chair.jpg", b"?"),
        ("x/chair.texts.npy", npy(np.ones((2, 3)))), ("x/chair.json", b'{"label": "chair"}'),
        ("x/table.points.npy", npy(cloud[:, :3].astype(np.float16))),
    )  # fmt: skip
    with caplog.at_level(logging.INFO):
        made = ShardRecords([path])
    assert "has no index" in caplog.text
    assert made.keys == ("x/chair", "x/table")
    chair, table = made.read(0), made.read(1)
    np.testing.assert_array_equal(chair.points, cloud)
    np.testing.assert_array_equal(chair.images, images)
    assert chair.sources.tolist() == [0, 0]
    assert table.points.dtype == np.float16
    assert table.texts.shape == (0, 0)
    assert made.about(0) == {"label": "chair"}
    made.close()
    caplog.clear()
    ShardRecords([path])
    assert "has no index" not in caplog.text


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("a.json", b"{}")], "has no cloud"),
        ([("a.points.npy", b"no array")], "cannot be read"),
        ([("a.points.npy", npy(np.array([{}], dtype=object)))], "must hold numbers"),
        ([("a.points.npy", npy(np.ones((3, 4))))], r"points have shape \(3, 4\)"),
        ([("a.points.npy", npy(np.full((3, 3), np.nan)))], "not finite"),
        ([("a.points.npy", npy(np.ones((3, 6)) * 255))], r"colours lie outside \[0, 1\]"),
        ([("a.points.npy", npy(np.ones((3, 3), dtype=np.int32)))], "int32"),
        ([("a.points.npy", npy(np.ones((3, 3)))), ("a.json", b"[1")], "description"),
        ([("a.points.npy", npy(np.ones((3, 3)))), ("a.points.npy", npy(np.ones((3, 3))))], "stands twice"),
        ([("a.safetensors", b"\xff" * 40)], "truncated or no safetensors"),
        ([("a.safetensors", (20).to_bytes(8, "little") + b'{"x":' + b" " * 15)], "not JSON"),
        ([("a.safetensors", (1 << 17).to_bytes(8, "little") + bytes(1 << 18))], "at most 65536"),
    ],
)
def test_bad_foreign_records_are_named(tmp_path, members, message):
    good = ("b.points.npy", npy(np.ones((3, 3))))
    path = foreign(tmp_path / "shard.tar", *members, good)
    with pytest.raises(DataError, match=rf"used: 1 \(a\).*{message}"):
        ShardRecords([path])
    assert ShardRecords([path], max_bad=1).keys == ("b",)


def test_a_shard_that_leads_out_is_refused_as_a_whole(tmp_path):
    path = foreign(tmp_path / "shard.tar", ("../a.points.npy", npy(np.ones((3, 3)))))
    with pytest.raises(DataError, match=r"is not read: the member name.*leads out"):
        ShardRecords([path], max_bad=9)
    path.write_bytes(zlib.compress(b"no tar"))
    with pytest.raises(DataError, match="no uncompressed tar archive"):
        ShardRecords([path], max_bad=9)


def test_a_folder_that_cannot_be_written_is_read_all_the_same(tmp_path, monkeypatch, caplog):
    path = foreign(tmp_path / "shard.tar", ("a.points.npy", npy(np.ones((3, 3)))))

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("anaglyph.data.shards.index.write_text", refuse)
    monkeypatch.setattr("anaglyph.data.shards.verify.write_json", refuse)
    assert ShardRecords([path]).keys == ("a",)
    assert "is not kept: Permission denied" in caplog.text
