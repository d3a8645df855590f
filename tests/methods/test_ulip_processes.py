"""ULIP in two processes: joined rows equal one process; detached ones are what the release does."""

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file

from methods.tower_batches import batch, make, rows_of
from two_ranks import in_two_processes

ROWS = 4


def step(rows, gather):
    """Loss and gradients over some rows of a fixed batch."""
    method = make("ulip", gather=gather).double().train()
    output = method.training_step(rows_of(batch(2 * ROWS, dtype=torch.float64), rows))
    output.loss.backward()
    return {"loss": output.loss.detach(), **{name: p.grad for name, p in method.named_parameters()}}


def work(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    rows = list(range(rank * ROWS, (rank + 1) * ROWS))
    for gather in ("joined", "detached"):
        save_file(step(rows, gather), f"{folder}/{gather}-{rank}")
    dist.destroy_process_group()


def released_gradient():
    """Of the softmax whose rows are the shapes alone; the others reach the scale, not the encoder."""
    method = make("ulip").double().train()
    given = batch(2 * ROWS, dtype=torch.float64)
    features = method.encode(given)
    unit = torch.nn.functional.normalize
    shape = unit(features["shape"], dim=1)
    total = 0.0
    for rows in (slice(0, ROWS), slice(ROWS, None)):
        for other in (features["image"], features["text"][:, 0]):
            there = unit(other, dim=1)
            scale = method.contrast.scales["shared"]()
            own = torch.arange(2 * ROWS)[rows]
            forth = torch.nn.functional.cross_entropy(scale * shape[rows] @ there.T, own)
            back = torch.nn.functional.cross_entropy(scale * there[rows] @ shape.detach().T, own)
            total = total + (forth + back) / 4
    total.backward()
    return {name: p.grad for name, p in method.named_parameters()}


def test_joined_rows_equal_one_process_and_detached_ones_teach_by_the_shapes_softmax_alone(tmp_path):
    in_two_processes(work, str(tmp_path))
    expected = {"joined": step(list(range(2 * ROWS)), "joined"), "detached": released_gradient()}
    for gather, whole in expected.items():
        first, second = (load_file(tmp_path / f"{gather}-{rank}") for rank in range(2))
        for name, value in whole.items():
            mean = (first[name] + second[name]) / 2
            torch.testing.assert_close(mean, value, rtol=1e-7, atol=1e-11, msg=f"{gather} {name}")


def test_one_process_does_the_same_either_way():
    for name, value in step(list(range(ROWS)), "joined").items():
        torch.testing.assert_close(step(list(range(ROWS)), "detached")[name], value)
