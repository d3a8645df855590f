"""CrossMoST in two processes equals one with the joined batch: labels, fairness, masks, alignment."""

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file

from methods.crossmost_batches import batch, make
from two_ranks import in_two_processes

ROWS = 4
KINDS = {
    "paper": {},
    "best": {
        "soft_labels": True,
        "balance": 0.5,
        "threshold_kind": "adaptive",
        "alignment_temperature": 0.07,
    },
    "running mean": {"fairness_average_from": 3, "shape_target": "chamfer"},
    "baseline": {"rule": "separate", "alignment_weight": 0.0},
}


def step(first, rows):
    """Losses, gradients and thresholds of every kind over some rows of a fixed batch."""
    left = {}
    for kind, options in KINDS.items():
        method = make(dtype=torch.float64, **options).train()
        output = method.training_step(batch(rows, first=first, dtype=torch.float64))
        output.loss.backward()
        method.after_step()
        left[f"{kind}, loss"] = output.loss.detach()
        left |= {f"{kind}, part {name}": value.detach().double() for name, value in output.parts.items()}
        left |= {f"{kind}, {name}": p.grad for name, p in method.named_parameters() if p.requires_grad}
        left |= {f"{kind}, part {name}": value.double() for name, value in method.teaching.named_buffers()}
        if method.predicted is not None:
            means = method.predicted.named_buffers()
            left |= {f"{kind}, part predicted {name}": value.clone() for name, value in means}
    return left


def work(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    save_file(step(rank * ROWS, ROWS), f"{folder}/{rank}")
    dist.destroy_process_group()


def test_two_processes_equal_one_with_the_joined_batch(tmp_path):
    whole = step(0, 2 * ROWS)
    in_two_processes(work, str(tmp_path))
    first, second = (load_file(tmp_path / str(rank)) for rank in range(2))
    assert first.keys() == whole.keys()
    for name, value in whole.items():
        torch.testing.assert_close((first[name] + second[name]) / 2, value, rtol=1e-6, atol=1e-9, msg=name)
        if ", part " in name:  # the log of either process is that of both
            torch.testing.assert_close(first[name], second[name], msg=name)
