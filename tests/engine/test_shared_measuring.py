"""Measuring in two processes that share the rows equals measuring in one."""

import json
from pathlib import Path

import torch
import torch.distributed as dist

from anaglyph.engine.gathered import joined_rows, own_rows
from anaglyph.engine.tasks.base import Asked
from anaglyph.engine.tasks.zero_shot import ZeroShot
from embedded_toys import Reader, toy_objects
from two_ranks import in_two_processes

CPU = torch.device("cpu")


def splits():
    """Rows that do not divide evenly; a second half without texts; fewer rows than processes."""
    labels, said = (0, 1, 2, 0, 1), (1, 1, 2, 0, 0)
    return {
        "uneven": toy_objects(labels, said=said, captions=[1, 2, 1, 1, 3]),
        "half": toy_objects(labels, said=said, captions=[1, 2, 1, 0, 0]),
        "single": toy_objects((2,)),
    }


def numbers(*, shared):
    asked = Asked(device=CPU, mode="full", shared=shared)
    return {name: ZeroShot().measure(Reader(), split, asked).metrics for name, split in splits().items()}


def work(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    reader = Reader()
    found = numbers(shared=True)
    ZeroShot().measure(reader, splits()["uneven"], Asked(device=CPU, shared=True))
    embedded = sum(len(batch) for modality, batch in reader.seen if modality == "image") // 2  # once in fused
    joined = joined_rows(torch.full((rank * 2, 3), float(rank)), device=CPU)
    left = {
        "numbers": found, "embedded": embedded, "joined": joined.tolist(), "rows": list(own_rows(5)),
        "alone": numbers(shared=False) if rank == 0 else None,
    }  # fmt: skip
    Path(folder, f"{rank}.json").write_text(json.dumps(left))
    dist.destroy_process_group()


def test_two_processes_that_share_the_rows_find_what_one_finds(tmp_path):
    in_two_processes(work, str(tmp_path))
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    alone = numbers(shared=False)
    assert first["numbers"] == second["numbers"] == alone
    assert (first["embedded"], second["embedded"]) == (3, 2)
    assert (first["rows"], second["rows"]) == ([0, 1, 2], [3, 4])
    assert first["joined"] == second["joined"] == [[1.0] * 3] * 2
    assert first["alone"] == alone, "one process alone may measure while the others do not"


def test_a_single_process_works_off_all_rows():
    assert list(own_rows(4)) == [0, 1, 2, 3]
    rows = torch.rand(3, 2)
    assert joined_rows(rows, device=CPU) is rows
