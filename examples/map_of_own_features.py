"""Measure retrieval with features from anywhere: python examples/map_of_own_features.py.

Exact over the whole gallery, ties counted as one block, negative cosines welcome, NaN refused.
"""

import torch

from anaglyph.evaluation.retrieval import average_precisions, mean_average_precision, recall_at


def main() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(5).repeat_interleave(40)  # 200 objects of 5 classes
    centres = torch.randn(5, 32, generator=generator)
    pictures = centres[labels] + 1.5 * torch.randn(200, 32, generator=generator)
    shapes = centres[labels] + 1.5 * torch.randn(200, 32, generator=generator)

    print(f"mAP picture -> shape  {mean_average_precision(pictures, shapes, labels, labels):.3f}")
    print(f"mAP shape -> picture  {mean_average_precision(shapes, pictures, labels, labels):.3f}")
    for k, share in recall_at(pictures, shapes, labels, labels, ks=(1, 5)).items():
        print(f"recall@{k}              {share:.3f}")
    worst = average_precisions(pictures, shapes, labels, labels).argmin()
    print(f"hardest query: row {int(worst)}, class {int(labels[worst])}")


if __name__ == "__main__":
    main()
