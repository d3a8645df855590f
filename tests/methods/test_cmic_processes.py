"""CMIC in two processes: the shapes of both are candidates of both, each once."""

from dataclasses import replace

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file

from anaglyph.methods.cmic.config import CMICConfig
from anaglyph.methods.cmic.method import CMIC
from anaglyph.randomness import seeded
from anaglyph.types import Candidates
from methods.shape_batches import batch, rows_of, small_encoder
from two_ranks import in_two_processes

ROWS = 4


def part(queries, shapes):
    """Some queries of one fixed batch with some of its shapes; the shapes of the queries are among them."""
    given = batch(2 * ROWS, shapes=2 * ROWS + 1)
    all_ = given.shapes
    picked = Candidates(
        tuple(all_.keys[s] for s in shapes), all_.rows[shapes], all_.views[shapes], all_.categories[shapes]
    )
    targets = torch.tensor([shapes.index(j) for j in queries])
    return replace(rows_of(given, queries), shapes=picked, targets=targets)


def method():
    with seeded("two processes"):
        encoders = {"image": small_encoder(4), "shape": small_encoder(1)}
        config = CMICConfig(embed_dim=8, symmetric=True, hardness=0.5, style_pool=6)
        return CMIC(config, encoders=encoders, objects=8)


def step(given):
    """Loss and gradients with the running statistics, which a shape that stands twice does not enter."""
    made = method().eval()
    made.colours.probability = 0.0  # each process would draw its own
    output = made.training_step(given)
    output.loss.backward()
    return {"loss": output.loss.detach()} | {name: p.grad for name, p in made.named_parameters()}


def remembered(given):
    """The pool after a training step."""
    made = method().train()
    made.training_step(given)
    made.after_step()
    return {"pool": made.colours.pool, "stored": made.colours.stored}


def work(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    own = list(range(rank * ROWS, (rank + 1) * ROWS))
    fillers = [8] if rank == 0 else [0]  # shape 0 stands in both processes
    given = part(own, own + fillers)
    left = step(given) | remembered(given)
    # Gradients of the encoders lie with their channels side by side, which the format does not know.
    save_file({name: tensor.contiguous() for name, tensor in left.items()}, f"{folder}/{rank}")
    dist.destroy_process_group()


def test_two_processes_equal_one_with_the_joined_batch(tmp_path):
    whole = step(part(list(range(8)), list(range(9))))
    in_two_processes(work, str(tmp_path))
    first, second = (load_file(tmp_path / str(rank)) for rank in range(2))
    for name, value in whole.items():
        torch.testing.assert_close((first[name] + second[name]) / 2, value, rtol=1e-3, atol=1e-5, msg=name)
    assert torch.equal(first["loss"], second["loss"])
    assert torch.equal(first["pool"], second["pool"])
    assert first["stored"].item() == 6  # the last six of the eight pictures of both
    assert (first["pool"] != 0).all()
