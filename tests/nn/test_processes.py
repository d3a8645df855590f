"""Two processes must give what one process gives with the joined batch."""

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file

from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.edge_conv import EdgeConv
from anaglyph.nn.gather import gather_rows, processes, sum_over_processes
from anaglyph.ops.knn import k_nearest
from two_ranks import in_two_processes

ROWS = 4


def step(first, last):
    """A loss over rows first to last of one fixed batch; returns everything that a process can see of it."""
    random = torch.Generator().manual_seed(0)
    pictures = torch.randn(2 * ROWS, 3, 5, generator=random, dtype=torch.float64)[first:last].clone()
    points = torch.randn(2 * ROWS, 20, 3, generator=random, dtype=torch.float64)[first:last].clone()
    torch.manual_seed(0)
    norm, split, literal = (BatchNorm(3), EdgeConv(3, 6), EdgeConv(3, 6, form="literal"))
    literal.load_state_dict(split.state_dict())
    near = k_nearest(points, points, 5)
    parts, seen = [], {}
    for name, module, inputs in (
        ("norm", norm, (pictures,)),
        ("split", split, (points, near)),
        ("literal", literal, (points, near)),
    ):
        leaf = inputs[0].clone().requires_grad_()
        out = module.double()(leaf, *inputs[1:])
        parts.append(gather_rows(out.square().flatten(1).sum(dim=1)))  # (all rows,)
        seen[name] = (module, leaf, out)
    weight = torch.linspace(-1, 1, 2 * ROWS, dtype=torch.float64)
    loss = sum((part * weight).sin().sum() for part in parts)
    loss.backward()
    result = {"loss": loss.detach()}
    for name, (module, leaf, out) in seen.items():
        result[f"{name} output"], result[f"{name} input gradient"] = out.detach(), leaf.grad
        for key, parameter in module.named_parameters():
            result[f"{name} {key} gradient"] = parameter.grad
        result |= {f"{name} {key}": value for key, value in module.state_dict().items()}
    return result


def work(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    assert processes() == 2
    assert gather_rows(torch.tensor([rank])).tolist() == [0, 1]
    assert sum_over_processes(torch.tensor([1.0 + rank])).item() == 3.0
    save_file(step(rank * ROWS, (rank + 1) * ROWS), f"{folder}/{rank}")
    dist.destroy_process_group()


def test_two_processes_equal_one_with_the_joined_batch(tmp_path):
    whole = step(0, 2 * ROWS)
    in_two_processes(work, str(tmp_path))
    first, second = (load_file(tmp_path / str(rank)) for rank in range(2))
    for name, value in whole.items():
        if name.endswith(("output", "input gradient")):
            both = torch.cat([first[name], second[name]])
            # Every process owns the whole loss, so gradients count it twice; DDP's mean halves them.
            both = both / 2 if "gradient" in name else both
        elif name.endswith("gradient"):
            both = (first[name] + second[name]) / 2
        else:
            torch.testing.assert_close(first[name], second[name], msg=name)
            both = first[name]
        torch.testing.assert_close(both, value, msg=name)


def test_one_process_gets_its_own_rows_back():
    x = torch.ones(2, 3)
    assert gather_rows(x) is x
    assert sum_over_processes(x) is x
