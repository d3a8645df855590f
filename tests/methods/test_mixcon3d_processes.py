"""MixCon3D in two processes: gathered or local rows equal one process with the joined batch."""

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file

from methods.tower_batches import batch, make, rows_of
from two_ranks import in_two_processes

ROWS = 4
KINDS = {
    "infonce": {"loss": "infonce"},
    "infonce_local": {"loss": "infonce_local", "hardness": 0.5},
    "masked": {"loss": "infonce_local", "false_negative_margin": 0.2},
    "sigmoid": {"loss": "sigmoid"},
    "decoupled": {"loss": "decoupled", "texts": 2},
}
# The second process has half as many texts, and of the last batch none at all.
BATCHES = {"some": (1, 5, 6), "none": (4, 5, 6, 7)}


def step(rows):
    """Losses and gradients of every kind over some rows of fixed batches."""
    left = {}
    for kind, options in KINDS.items():
        for name, missing in BATCHES.items():
            method = make("mixcon3d", average_decay=0.0, **options).double().train()
            given = rows_of(batch(2 * ROWS, missing=missing, dtype=torch.float64), rows)
            output = method.training_step(given)
            output.loss.backward()
            key = f"{kind}, {name}"
            left[f"{key}, loss"] = output.loss.detach()
            left |= {f"{key}, part {part}": value.detach() for part, value in output.parts.items()}
            left |= {f"{key}, {place}": p.grad for place, p in method.named_parameters()}
    return left


def work(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    save_file(step(list(range(rank * ROWS, (rank + 1) * ROWS))), f"{folder}/{rank}")
    dist.destroy_process_group()


def test_two_processes_equal_one_with_the_joined_batch(tmp_path):
    whole = step(list(range(2 * ROWS)))
    in_two_processes(work, str(tmp_path))
    first, second = (load_file(tmp_path / str(rank)) for rank in range(2))
    assert first.keys() == whole.keys()
    for name, value in whole.items():
        torch.testing.assert_close((first[name] + second[name]) / 2, value, rtol=1e-9, atol=1e-12, msg=name)
        if ", part " in name:  # the log of either process is that of both
            torch.testing.assert_close(first[name], second[name], msg=name)
