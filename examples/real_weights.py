"""Official weights, imported and measured on the data beside them: python examples/real_weights.py [DATA]

DATA holds weights/, modelnet40_aligned/ and photos/; default $ANAGLYPH_DATA, else ../shared/data. Each file
is imported into safetensors and read back; the table shows hits / objects beside what the makers state, and
for how many objects they state it. Takes one to two minutes on a CPU.
"""

import csv
import os
import sys
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from anaglyph.encoders.checkpoints.importer import import_checkpoint
from anaglyph.encoders.checkpoints.load import LoadedEncoder, load_encoder
from anaglyph.encoders.preparation import prepare_cloud
from anaglyph.evaluation.retrieval import average_precision
from anaglyph.io.pictures import read_picture

# Classes of Caltech-101 and the ImageNet classes (by name) that mean the same thing.
IMAGENET = {
    "barrel": ("barrel", "rain barrel"),
    "cannon": ("cannon",),
    "cup": ("cup", "coffee mug"),
    "dalmatian": ("dalmatian",),
    "electric_guitar": ("electric guitar",),
    "ewer": ("pitcher", "water jug", "vase"),
    "grand_piano": ("grand piano",),
    "ketch": ("yawl", "schooner"),
    "lamp": ("table lamp", "lampshade"),
    "laptop": ("laptop", "notebook"),
    "pizza": ("pizza",),
    "revolver": ("revolver",),
    "stegosaurus": ("triceratops",),
    "stop_sign": ("street sign",),
    "strawberry": ("strawberry",),
    "airplanes": ("airliner", "warplane"),
    "car_side": (
        "sports car",
        "convertible",
        "beach wagon",
        "cab",
        "limousine",
        "minivan",
        "jeep",
        "Model T",
    ),
}
CIFAR = {"airplanes": 0, "car_side": 1, "ketch": 8, "dalmatian": 5}
Row = tuple[str, str, str, str]


def imported(file: Path, folder: Path) -> LoadedEncoder:
    """The encoder of an official file, through the safetensors file that a user would keep."""
    output = folder / f"{file.name}.safetensors"
    header = import_checkpoint(file, output)
    print(
        f"{file.name}: {header.family}, {header.variant}, {header.parameters:,} parameters, {header.licence}"
    )
    return load_encoder(output)


def pointnet_rows(data: Path, loaded: LoadedEncoder) -> list[Row]:
    """ModelNet40: classes, how well the feature finds shapes of a class, and what a wrong axis costs."""
    with np.load(data / "modelnet40_aligned" / "test.npz") as arrays:
        clouds, labels = arrays["points"], torch.from_numpy(arrays["label"].astype(np.int64))
        ids = [key.decode() for key in arrays["id"]]
    feature, best = pointnet(loaded, clouds, ids, up="z")
    hit = best == labels
    with (data / "modelnet40_aligned" / "duplicates.csv").open(encoding="utf-8") as file:
        repeated = {row["id"] for row in csv.DictReader(file)}
    once = torch.tensor([key not in repeated for key in ids])
    rows = []
    for name, kept in (("", torch.ones_like(once)), (", no repeated clouds", once)):
        stated = ("", "", "", "") if name else ("0.8594 of 2,468", "0.8068", "0.537", "0.837 of 2,468")
        mean = torch.stack([hit[kept & (labels == label)].float().mean() for label in labels.unique()]).mean()
        precision, first = shape_to_shape(feature[kept], labels[kept])
        rows += [
            (f"PointNet: accuracy{name}", share(hit[kept]), stated[0], "ModelNet40 test"),
            (f"PointNet: class mean{name}", f"{mean:.4f} of 40 classes", stated[1], ""),
            (f"PointNet: shape-to-shape mAP{name}", f"{precision:.4f}", stated[2], ""),
            (f"PointNet: R@1{name}", share(first), stated[3], ""),
        ]
    for step, name in ((2, "second"), (4, "fourth")):
        parts = [shape_to_shape(feature[at::step], labels[at::step])[1] for at in range(step)]
        rows.append((f"PointNet: R@1 among every {name} cloud", share(torch.cat(parts)), "", ""))
    for up in ("y", "x"):
        _, best = pointnet(loaded, clouds, ids, up=up)
        rows.append((f"PointNet: accuracy, wrong axis (--up {up})", share(best == labels), "", ""))
    return rows


@torch.inference_mode()
def pointnet(
    loaded: LoadedEncoder, clouds: np.ndarray, ids: list[str], *, up: Literal["y", "z", "x"]
) -> tuple[Tensor, Tensor]:
    """(clouds, D) features and (clouds,) classes of clouds whose `up` axis points up."""
    features, classes = [], []
    for first in range(0, len(clouds), 64):
        batch = torch.stack([
            prepare_cloud(cloud, None, loaded.convention, up=up, key=key)
            for cloud, key in zip(clouds[first : first + 64], ids[first : first + 64], strict=True)
        ])  # fmt: skip
        features.append(loaded.module(batch))
        classes.append(loaded.module.logits(batch).argmax(dim=1))
    return torch.cat(features), torch.cat(classes)


def shape_to_shape(feature: Tensor, labels: Tensor) -> tuple[float, Tensor]:
    """mAP, and whether the first find is right, each shape searching among the others by cosine."""
    unit = torch.nn.functional.normalize(feature.double(), dim=1)
    rows = torch.arange(len(unit))
    others = torch.stack([rows[rows != row] for row in rows])  # (Q, Q - 1)
    scores = (unit @ unit.T).gather(1, others)
    relevant = labels[others] == labels[:, None]
    first = relevant.gather(1, scores.argmax(dim=1, keepdim=True))
    return float(average_precision(scores, relevant).mean()), first[:, 0]


def photos(data: Path, classes: dict[str, object]) -> list[tuple[Path, str]]:
    """Photographs of the given classes of Caltech-101."""
    with (data / "photos" / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        (data / "photos" / row["file"], row["source_class"]) for row in rows if row["source_class"] in classes
    ]


@torch.inference_mode()
def classified(loaded: LoadedEncoder, files: list[Path]) -> Tensor:
    """(pictures, classes) scores, with the pixels, mean and deviation of the file's header."""
    about = loaded.about.pictures
    mean, std = (torch.tensor(about[name])[:, None, None] for name in ("mean", "std"))
    parts = []
    for first in range(0, len(files), 32):
        pictures = np.stack([read_picture(file, size=about["pixels"]) for file in files[first : first + 32]])
        parts.append(loaded.module.logits((torch.from_numpy(pictures) / 255 - mean) / std))
    return torch.cat(parts)


def mobilenet_rows(data: Path, loaded: LoadedEncoder) -> list[Row]:
    """Photographs whose class has a counterpart in ImageNet."""
    lines = (data / "weights" / "imagenet_labels_1001.txt").read_text(encoding="utf-8").splitlines()
    rows = {name: row for row, line in reversed(list(enumerate(lines))) for name in line.split(", ")}
    wanted = {name: {rows[each] for each in names} for name, names in IMAGENET.items()}
    files = photos(data, wanted)
    best = classified(loaded, [file for file, _ in files])[:, 1:].topk(5, dim=1).indices + 1
    found = [
        [row in wanted[name] for row in top] for top, (_, name) in zip(best.tolist(), files, strict=True)
    ]
    hits = torch.tensor(found)
    where = f"{len(wanted)} classes of Caltech-101"
    return [
        ("MobileNet-V2: top-1", share(hits[:, 0]), "0.843 of 102 (ImageNet)", where),
        ("MobileNet-V2: top-5", share(hits.any(dim=1)), "0.971 of 102 (ImageNet)", where),
    ]


def resnet_rows(data: Path, loaded: LoadedEncoder) -> list[Row]:
    """No CIFAR-10 lies here: photographs of four of its classes, made as small as its pictures."""
    files = photos(data, CIFAR)
    hits = classified(loaded, [file for file, _ in files]).argmax(dim=1) == torch.tensor(
        [CIFAR[n] for _, n in files]
    )
    stated = f"{float(loaded.about.training['best_prec1']) / 100:.4f} of 10,000 (CIFAR-10)"
    return [("ResNet-20: accuracy", share(hits), stated, "4 classes of Caltech-101 at 32 pixels")]


def share(hits: Tensor) -> str:
    """Hits, objects and their ratio."""
    return f"{int(hits.sum())} / {len(hits)} = {hits.double().mean():.4f}"


def main(data: Path) -> None:
    """Import, measure and print."""
    if not (data / "weights").is_dir():
        print(f"no official weights at '{data / 'weights'}'; pass the folder of data or set ANAGLYPH_DATA.")
        return
    measures = {
        "pointnet_modelnet40_cls.t7": pointnet_rows,
        "mobilenet_v2_imagenet_int8.npz": mobilenet_rows,
        "resnet20_cifar10.th": resnet_rows,
    }
    rows: list[Row] = [("measure", "here", "stated", "objects here")]
    with tempfile.TemporaryDirectory() as folder:
        for name, measure in measures.items():
            rows += measure(data, imported(data / "weights" / name, Path(folder)))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    default = Path(os.environ.get("ANAGLYPH_DATA", "../shared/data"))
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
