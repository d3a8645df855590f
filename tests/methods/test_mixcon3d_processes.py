"""MixCon3D and ULIP in two processes: gathered or local rows equal one process with the joined batch."""

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from methods.tower_batches import batch, make, rows_of
from two_ranks import in_two_processes

ROWS = 4
KINDS = {
    "infonce": ("mixcon3d", {"loss": "infonce"}),
    "infonce_local": ("mixcon3d", {"loss": "infonce_local", "hardness": 0.5}),
    "masked": ("mixcon3d", {"loss": "infonce_local", "false_negative_margin": 0.2}),
    "sigmoid": ("mixcon3d", {"loss": "sigmoid"}),
    "decoupled": ("mixcon3d", {"loss": "decoupled", "texts": 2}),
    "ulip": ("ulip", {}),
}
DETACHED = {"detached": ("ulip", {"gather": "detached"})}
# The second process has half as many texts, and of the last batch none at all.
BATCHES = {"some": (1, 5, 6), "none": (4, 5, 6, 7)}


def step(rows, kinds):
    """Losses and gradients of every kind over some rows of fixed batches."""
    left = {}
    for kind, (method_name, options) in kinds.items():
        for name, missing in BATCHES.items():
            method = make(method_name, average_decay=0.0, **options).double().train()
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
    save_file(step(list(range(rank * ROWS, (rank + 1) * ROWS)), KINDS | DETACHED), f"{folder}/{rank}")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What either process found."""
    folder = tmp_path_factory.mktemp("ranks")
    in_two_processes(work, str(folder))
    return tuple(load_file(folder / str(rank)) for rank in range(2))


def test_two_processes_equal_one_with_the_joined_batch(ranks):
    first, second = ranks
    whole = step(list(range(2 * ROWS)), KINDS)
    assert {name for name in first if not name.startswith("detached")} == whole.keys()
    for name, value in whole.items():
        torch.testing.assert_close((first[name] + second[name]) / 2, value, rtol=1e-9, atol=1e-12, msg=name)
        if ", part " in name:  # the log of either process is that of both
            torch.testing.assert_close(first[name], second[name], msg=name)


def test_detached_rows_teach_the_encoder_by_the_softmax_of_its_own_shapes_alone(ranks):
    method = make("ulip").double().train()
    features = method.encode(batch(2 * ROWS, missing=BATCHES["some"], dtype=torch.float64))
    shape, image = (F.normalize(features[name], dim=1) for name in ("shape", "image"))
    there = features["text_present"][:, 0]
    text = F.normalize(features["text"][:, 0], dim=1)
    scale, own = method.contrast.scales["shared"](), torch.arange(2 * ROWS)
    total = both_ways(scale, shape, image, own).mean()
    total = total + both_ways(scale, shape[there], text[there], own[: int(there.sum())]).mean()
    total.backward()
    for name, parameter in method.named_parameters():
        found = sum(rank[f"detached, some, {name}"] for rank in ranks) / 2
        torch.testing.assert_close(found, parameter.grad, rtol=1e-7, atol=1e-11, msg=name)


def both_ways(scale, shape, other, own):
    """(B,) cross-entropies; the candidates of pictures and texts are shapes without a gradient."""
    forth = F.cross_entropy(scale * shape @ other.T, own, reduction="none")
    back = F.cross_entropy(scale * other @ shape.detach().T, own, reduction="none")
    return (forth + back) / 2


def test_one_process_does_the_same_with_detached_rows_or_without():
    rows = list(range(ROWS))
    detached = step(rows, DETACHED)
    for name, value in step(rows, {"detached": KINDS["ulip"]}).items():
        torch.testing.assert_close(detached[name], value, msg=name)
