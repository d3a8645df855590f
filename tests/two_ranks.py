"""Two processes that work together, forked from a server that has imported torch once for all tests."""

import multiprocessing
import os
import socket

import torch.multiprocessing

IMPORTED = [
    "torch", "torch.distributed.fsdp", "anaglyph.engine.run", "anaglyph.data.datasets.digits3d",
    "anaglyph.methods.romo.learn", "anaglyph.methods.cmic.method", "anaglyph.methods.mixcon3d.method",
    "anaglyph.methods.crossmost.method",
]  # fmt: skip


def in_two_processes(work, *arguments):
    """Run `work(rank, *arguments)` as rank 0 and 1; an error in one ends both and is raised here."""
    multiprocessing.set_forkserver_preload(IMPORTED)
    torch.multiprocessing.start_processes(work, arguments, nprocs=2, start_method="forkserver")


def as_torchrun(work, *arguments):
    """Run `work(*arguments)` twice, in the environment that torchrun gives its processes."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    in_two_processes(_in_environment, port, work, arguments)


def _in_environment(rank, port, work, arguments):
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0", "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": "tests",
    }  # fmt: skip
    work(*arguments)
