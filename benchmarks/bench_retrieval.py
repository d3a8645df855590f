"""Mean average precision of 10,000 x 10,000: ours against the double loop of the reference code.

Run with `python benchmarks/bench_retrieval.py`. The double loop sorts one query's scores and walks
through all of its gallery in Python, as the code of the papers does. It runs on a subsample of the
queries and its time is scaled up, since every query costs it the same.
"""

import resource
import time

import numpy as np
import torch
import torch.nn.functional as F

from anaglyph.evaluation.retrieval import average_precisions

ITEMS = 10_000
WIDTH = 256
CLASSES = 10
SAMPLE = 40
SEED = 0


def run() -> list[dict]:
    """One row: seconds of both ways, their ratio, and the largest difference between their results."""
    rng = torch.Generator().manual_seed(SEED)
    labels = torch.randint(CLASSES, (ITEMS,), generator=rng)
    centres = torch.randn(CLASSES, WIDTH, generator=rng)
    image, shape = (centres[labels] + 4 * torch.randn(ITEMS, WIDTH, generator=rng) for _ in range(2))

    average_precisions(image[:500], shape, labels[:500], labels)  # warm up
    before = _peak_megabytes()
    start = time.perf_counter()
    ours = average_precisions(image, shape, labels, labels)
    seconds = time.perf_counter() - start
    grown = _peak_megabytes() - before

    start = time.perf_counter()
    loop = _double_loop(image[:SAMPLE], shape, labels[:SAMPLE].numpy(), labels.numpy())
    loop_seconds = (time.perf_counter() - start) * ITEMS / SAMPLE
    return [
        {
            "name": f"mAP of {ITEMS:,} x {ITEMS:,}, D={WIDTH}",
            "ours_seconds": seconds,
            "baseline_seconds": loop_seconds,
            "ratio": loop_seconds / seconds,
            "note": f"double loop timed on {SAMPLE} queries and scaled; {torch.get_num_threads()} threads; "
            f"mAP {float(ours.mean()):.4f}; largest difference of an AP "
            f"{float(np.abs(ours[:SAMPLE].numpy() - loop).max()):.1e}; {grown:.0f} MB above the warm-up",
        }
    ]


def _double_loop(
    query: torch.Tensor, gallery: torch.Tensor, query_labels: np.ndarray, gallery_labels: np.ndarray
) -> np.ndarray:
    distance = (1 - F.normalize(query.double(), dim=1) @ F.normalize(gallery.double(), dim=1).T).numpy()
    values = []
    for i in range(len(distance)):
        found, total = 0.0, 0.0
        order = distance[i].argsort()
        for j in range(len(order)):
            if query_labels[i] == gallery_labels[order[j]]:
                found += 1
                total += found / (j + 1)
        values.append(total / found if found else 0.0)
    return np.array(values)


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    for row in run():
        print(f"{row['name']}: {row['ours_seconds']:.2f} s against {row['baseline_seconds']:.1f} s")
        print(f"{row['ratio']:.1f} times as fast; {row['note']}")
