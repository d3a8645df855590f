"""`anaglyph data prepare openshape`, killed at any moment, started twice, or with a damaged pickle."""

import signal

import pytest

from openshape_on_disk import TRAIN, write_openshape, write_record

MODULE = "anaglyph.data.prepare.openshape"
SHARDS = 3
PER_SHARD = 4


def command(root, *more):
    options = [f"per_shard={PER_SHARD}", "check=report", "precision=float32"]
    return ["data", "prepare", "openshape", "--data-root", str(root), *more, "--set", *options]


def made(root):
    """Name -> bytes of everything in the folder of shards."""
    return {path.name: path.read_bytes() for path in sorted((root / "openshape/shards").iterdir())}


@pytest.fixture(scope="module")
def whole(server, tmp_path_factory):
    """What an undisturbed conversion leaves."""
    root = tmp_path_factory.mktemp("whole")
    write_openshape(root)
    child = server.start(command(root))
    assert child.wait() == 1, child.text()  # 1: lists so short are not the published ones
    return made(root)


@pytest.fixture
def root(tmp_path):
    write_openshape(tmp_path)
    return tmp_path


def goes_on(server, root):
    child = server.start(command(root))
    assert child.wait() == 1, child.text()
    return child.text()


def killed(server, root, **where):
    child = server.start(command(root), **where)
    assert child.wait() == -signal.SIGKILL, child.text()


def without_times(files):
    """When a shard was verified is kept beside it, and names the time at which it was written."""
    return {name: data for name, data in files.items() if not name.endswith(".checked.json")}


def test_an_undisturbed_conversion_leaves_shards_indices_and_nothing_else(whole):
    parts = [f"records-{number:05d}.tar" for number in range(SHARDS)]
    assert sorted(without_times(whole)) == sorted([*parts, *(f"{part}.index.json" for part in parts)])
    assert {name for name in whole if name.endswith(".checked.json")} == {
        f"{part}.checked.json" for part in parts
    }


@pytest.mark.parametrize(
    ("inside", "call", "shards"),
    [("read_record", 3, 0), ("read_record", 6, 1), ("write_shard", 2, 1), ("write_shard", 3, 2)],
)
def test_killed_between_records_or_shards_it_goes_on_to_the_same_bytes(
    inside, call, shards, server, root, whole
):
    killed(server, root, inside=f"{MODULE}:{inside}", call=call, point=0)
    left = made(root) if (root / "openshape/shards").is_dir() else {}
    assert sum(name.endswith(".tar") for name in left) == shards
    assert any(name.endswith(".partial") for name in left) == (inside == "read_record")
    said = goes_on(server, root)
    assert said.count("written: ") == SHARDS - shards
    assert without_times(made(root)) == without_times(whole)


@pytest.mark.slow
def test_killed_before_every_single_write_of_a_shard_it_goes_on_to_the_same_bytes(server, root, whole):
    goes_on(server, root)
    point, code = 0, None
    while code != 1:
        for path in (root / "openshape/shards").glob("records-00002*"):
            path.unlink()
        point += 1
        child = server.start(command(root), inside=f"{MODULE}:write_shard", call=1, point=point)
        code = child.wait()
        if code != 1:
            assert code == -signal.SIGKILL, child.text()
            goes_on(server, root)
        assert without_times(made(root)) == without_times(whole)
    assert point > 8  # a shard and its index have more writes than that, and none is missed


def test_killed_again_and_again_it_comes_to_the_same_end(server, root, whole):
    codes = []
    while 1 not in codes:
        child = server.start(command(root), inside=f"{MODULE}:write_shard", call=2, point=4)
        codes.append(child.wait())
    assert codes == [-signal.SIGKILL] * (SHARDS - 1) + [1]  # each attempt leaves one shard more
    assert without_times(made(root)) == without_times(whole)


def test_a_second_conversion_of_the_same_shards_is_refused_and_harms_nothing(server, root, whole):
    first = server.start(command(root), inside=f"{MODULE}:read_record", call=6, point=0, stop=True)
    first.wait_until_stopped()
    second = server.start(command(root))
    assert second.wait() == 2
    (line,) = second.text().splitlines()
    shard = root / "openshape/shards/records-00000.tar"
    assert line.startswith(f"anaglyph: another process is making '{shard}'; let it end, or share the work")
    first.send(signal.SIGCONT)
    assert first.wait() == 1, first.text()
    assert without_times(made(root)) == without_times(whole)


def test_shares_of_one_work_run_side_by_side(server, root, whole):
    first = server.start(
        command(root, "--shard", "1/2"), inside=f"{MODULE}:read_record", call=2, point=0, stop=True
    )
    first.wait_until_stopped()
    second = server.start(command(root, "--shard", "2/2"))
    assert second.wait() == 1, second.text()
    assert second.text().count("written: ") == 1
    first.send(signal.SIGCONT)
    assert first.wait() == 1, first.text()
    assert without_times(made(root)) == without_times(whole)


def damage(root):
    path = write_record(root / "openshape", *TRAIN[1])
    path.write_bytes(path.read_bytes()[:-300])


def refusal(child):
    """The sentence with which it stopped; before that it may say which records it left out."""
    assert child.wait() == 2, child.text()
    *before, line = child.text().splitlines()
    assert all(" left out" in each for each in before)
    return line


def test_a_damaged_pickle_stops_it_by_name(server, root):
    damage(root)
    line = refusal(server.start(command(root)))
    assert line.startswith("anaglyph: records that cannot be used: 1 (Objaverse/000-001/objb), 0 are allowed")
    assert "damaged" in line


def test_a_damaged_pickle_is_named_counted_and_left_out_also_when_it_was_killed_meanwhile(server, root):
    damage(root)
    allowing = ("--set", "max_bad=1")
    child = server.start(command(root, *allowing), inside=f"{MODULE}:write_shard", call=SHARDS, point=0)
    assert child.wait() == -signal.SIGKILL
    assert "left out: Objaverse/000-001/objb: " in child.text()
    child = server.start(command(root, *allowing))
    assert child.wait() == 1
    assert "missing: left out: Objaverse/000-001/objb: " in child.text()
    assert "found: 9 records in 3 shards" in child.text()
    line = refusal(server.start(command(root)))
    assert "1 (Objaverse/000-001/objb), 0 are allowed" in line
