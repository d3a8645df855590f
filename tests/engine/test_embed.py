"""What embedding promises beside the command: masks, batches, memory and the place to go on from."""

import numpy as np
import pytest
import torch
from torch import nn

from anaglyph.encoders.convention import PointConvention
from anaglyph.engine.embed import EmbedOptions, Position, embed_files
from anaglyph.engine.shape_encoder import ShapeEncoder
from anaglyph.errors import ConfigError, DataError
from anaglyph.ops.checks import require_enough

CPU = torch.device("cpu")


class Recorder(nn.Module):
    """Counts the points it is shown; remembers shapes and masks."""

    embed_dim = 1

    def __init__(self, *, memory=None):
        super().__init__()
        self.seen, self.memory = [], memory

    def forward(self, points, valid=None):
        if self.memory is not None and points.numel() > self.memory:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.seen.append((tuple(points.shape), None if valid is None else valid.sum(dim=1).tolist()))
        count = torch.full((len(points),), points.shape[1]) if valid is None else valid.sum(dim=1)
        return count[:, None].float()


def encoder(**options):
    return ShapeEncoder(Recorder(**options), PointConvention(points=50), {}, trained=True)


def files(tmp_path, sizes):
    """One file for a number, one of several clouds for (clouds, points)."""
    made = []
    for number, size in enumerate(sizes):
        shape = (*size, 3) if isinstance(size, tuple) else (size, 3)
        made.append(tmp_path / f"{number}.npy")
        np.save(made[-1], np.random.default_rng(number).normal(size=shape))
    return made


def test_clouds_of_one_size_come_without_a_mask_and_others_padded_with_one(tmp_path):
    used = encoder()
    batches = list(
        embed_files(files(tmp_path, [20, 20, 60, 7, 30]), used, EmbedOptions(batch_size=2), device=CPU)
    )
    assert used.module.seen == [((2, 20, 3), None), ((2, 50, 3), [50, 7]), ((1, 30, 3), None)]
    assert np.concatenate([batch.vectors for batch in batches]).ravel().tolist() == [20, 20, 50, 7, 30]


def test_every_batch_says_where_the_next_begins_and_going_on_there_gives_the_rest(tmp_path):
    paths = files(tmp_path, [5, (4, 6), 7, (3, 8)])
    options = EmbedOptions(batch_size=2)
    whole = list(embed_files(paths, encoder(), options, device=CPU))
    assert [batch.after for batch in whole] == [
        Position(1, 1), Position(1, 3), Position(3, 0), Position(3, 2), Position(4, 0),
    ]  # fmt: skip
    assert [batch.share for batch in whole] == pytest.approx(
        [1.25 / 4, 1.75 / 4, 3 / 4, (3 + 2 / 3) / 4, 1.0]
    )
    for done, batch in enumerate(whole):
        rest = list(embed_files(paths, encoder(), options, device=CPU, start=batch.after))
        assert [each.keys for each in rest] == [each.keys for each in whole[done + 1 :]]
        for found, expected in zip(rest, whole[done + 1 :], strict=True):
            np.testing.assert_array_equal(found.vectors, expected.vectors)


def test_skipped_clouds_between_batches_are_counted_once_wherever_a_run_goes_on(tmp_path):
    paths = files(tmp_path, [5, 6, 7, 8])
    for bad in (1, 3):
        np.save(paths[bad], np.full((4, 3), np.nan))
    options = EmbedOptions(batch_size=1, skip_bad=True)
    first, *later = embed_files(paths, encoder(), options, device=CPU)
    assert [len(batch.skipped) for batch in (first, *later)] == [0, 1, 1]
    again = list(embed_files(paths, encoder(), options, device=CPU, start=first.after))
    assert [batch.skipped for batch in again] == [batch.skipped for batch in later]


def test_a_batch_too_large_for_the_device_says_what_to_lower(tmp_path):
    paths = files(tmp_path, [40, 40])
    with pytest.raises(
        ConfigError, match="no memory for 2 clouds of 40 points at once; use a smaller --batch-size"
    ):
        list(embed_files(paths, encoder(memory=200), EmbedOptions(), device=CPU))


def test_a_cloud_far_from_the_origin_gets_the_vector_of_the_same_cloud_near_it(tmp_path):
    from anaglyph.engine.shape_encoder import open_shape_encoder

    points = np.random.default_rng(0).normal(size=(300, 3))
    (tmp_path / "far").mkdir()
    for name, place in (("a.npy", 0.0), ("far/a.npy", np.array([5e5, 4.6e6, 100.0]))):
        np.save(tmp_path / name, points + place)
    paths = [tmp_path / "a.npy", tmp_path / "far" / "a.npy"]
    (batch,) = embed_files(paths, open_shape_encoder("pointnet"), EmbedOptions(points=200), device=CPU)
    np.testing.assert_allclose(batch.vectors[1], batch.vectors[0], atol=1e-5)
    assert np.ptp(batch.vectors[0]) > 0.1


class Demanding(Recorder):
    """Refuses what the point operations refuse, in their words."""

    def forward(self, points, valid=None):
        available = points.shape[1] if valid is None else int(valid.sum(dim=1).min())
        require_enough(available, 40, what="groups", shortage="refuse")
        return super().forward(points, valid)


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        (
            {},
            "at least 40 points, the file has 7: sample it denser, or leave such files out with",
        ),
        ({"points": 5}, r"at least 40 points, 5 were taken; ask for more with --points \(--skip-bad"),
    ],
)
def test_advice_about_too_few_points_can_be_followed_from_the_command(tmp_path, options, advice):
    demanding = ShapeEncoder(Demanding(), PointConvention(points=50), {}, trained=True)
    with pytest.raises(DataError, match=advice) as caught:
        list(embed_files(files(tmp_path, [7]), demanding, EmbedOptions(**options), device=CPU))
    assert "shortage" not in str(caught.value)
    assert str(caught.value).count("--skip-bad") == 1


def test_fewer_points_than_the_encoder_expects_can_be_asked_for(tmp_path):
    used = encoder()
    (batch,) = embed_files(files(tmp_path, [100, 10]), used, EmbedOptions(points=30), device=CPU)
    assert used.module.seen == [((2, 30, 3), [30, 10])]
    assert batch.smaller == 1


@pytest.mark.gpu
def test_a_gpu_gives_the_vectors_of_the_cpu(tmp_path):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    from anaglyph.engine.shape_encoder import open_shape_encoder

    paths = files(tmp_path, [60, 50, 20])
    made = [
        next(
            embed_files(paths, open_shape_encoder("pointnet"), EmbedOptions(), device=torch.device(name))
        ).vectors
        for name in ("cpu", "cuda")
    ]
    np.testing.assert_allclose(made[0], made[1], atol=1e-3)
