"""A miniature of OpenShape's files as their scripts write them: `np.save` of dictionaries, lists in JSON."""

import json

import numpy as np

from anaglyph.randomness import numpy_generator

WIDTH = 8
POINTS = 30
TRAIN = [
    ("Objaverse", "000-000", "obja"), ("Objaverse", "000-001", "objb"),
    ("Objaverse", "000-001", "objc"), ("ShapeNet", "02691156", "plane1"),
    ("ShapeNet", "03001627", "plane1"), ("ShapeNet", "03001627", "chair2"),
    ("ABO", "B0", "B07A"), ("3D-FUTURE", "model", "f-1"),
]  # fmt: skip
LVIS = [("Objaverse", "000-001", "objc", "zebra"), ("Objaverse", "000-002", "objd", "Band_Aid"),
        ("Objaverse", "000-002", "obje", "zebra")]  # fmt: skip


def write_openshape(root):
    folder = root / "openshape"
    for dataset, group, key in sorted({*TRAIN, *(row[:3] for row in LVIS)}):
        write_record(folder, dataset, group, key)
    meta = folder / "meta_data"
    rows = [row_of(*row) for row in TRAIN]
    no_lvis = [row for row in rows if row["id"] != "objc"]
    put(meta / "split/train_all.json", rows)
    put(meta / "split/train_no_lvis.json", no_lvis)
    put(
        meta / "split/ablation/train_shapenet_only.json",
        [row for row in rows if row["dataset"] == "ShapeNet"],
    )
    put(
        meta / "split/lvis.json",
        [
            {"uid": key, "category": category, "group": group, "data_path": f"/mnt/elsewhere/{key}.npy"}
            for _, group, key, category in LVIS
        ],
    )
    put(
        meta / "gpt4_filtering.json",
        {"obja": {"flag": "N", "name": "untitled 3"}, "objb": {"flag": "Y", "name": "x"}},
    )
    np.save(meta / "lvis_cat_name_pt_feat.npy", np.arange(2 * WIDTH, dtype=np.float32).reshape(2, WIDTH))
    write_modelnet(meta / "modelnet40")
    write_scans(meta / "scanobjectnn")
    return folder


def row_of(dataset, group, key):
    return {"id": key, "dataset": dataset, "group": group, "data_path": f"/mnt/cluster/{dataset}/{key}.npy"}


def put(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def feature(*what):
    return numpy_generator("tiny openshape", *what).normal(size=(1, WIDTH)).astype(np.float32)


def record(dataset, group, key):
    draw = numpy_generator("tiny openshape cloud", dataset, group, key)
    objaverse = dataset == "Objaverse"
    names = ["first name", "second name"]
    both = [{"original": feature(key, n, "plain"), "prompt_avg": feature(key, n)} for n in names]
    return {
        "dataset": dataset, "group": group, "id": key,
        "xyz": draw.uniform(-1, 1, size=(POINTS, 3)),
        "rgb": draw.uniform(size=(POINTS, 3)).astype(np.float32),
        "image_feat": draw.normal(size=(12, WIDTH)).astype(np.float32),
        "thumbnail_feat": feature(key, "thumbnail")[0] if objaverse else feature(key, "front")[0],
        "text": names, "text_feat": both,
        "blip_caption": "a thing" if key != "objb" else "",
        "blip_caption_feat": {"original": feature(key, "blip plain"), "prompt_avg": feature(key, "blip")},
        "msft_caption": "some thing",
        "msft_caption_feat": {"original": feature(key, "msft plain"), "prompt_avg": feature(key, "msft")},
        "retrieval_text": ["buy this", "buy that", "sale"],
        "retrieval_text_feat": [{"original": feature(key, "found", n)} for n in range(3)],
    }  # fmt: skip


def write_record(folder, dataset, group, key):
    path = folder / f"objaverse-processed/merged_for_training_final/{dataset}/{group}/{key}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, record(dataset, group, key))
    return path


def class_features(names):
    return {name: {"open_clip_text_feat": feature("class", name)} for name in names}


def write_modelnet(folder, names=("toilet", "airplane", "bed")):
    """Classes in an order that is not alphabetical: the dictionary's order is the order of labels."""
    folder.mkdir(parents=True)
    objects = [(f"{name}_{number:04d}", name) for name in sorted(names) for number in range(2)]
    put(folder / "test_split.json", [{"name": key, "category": name} for key, name in objects])
    np.save(
        folder / "test_pc.npy",
        [
            {"xyz": numpy_generator("tiny", key).normal(size=(POINTS, 3)), "rgb": np.full((POINTS, 3), 100)}
            for key, _ in objects
        ],
    )
    np.save(folder / "cat_name_pt_feat.npy", class_features(names))


def write_scans(folder, count=20, points=16):
    from anaglyph.data.datasets.zero_shot_clouds import SCANOBJECTNN

    folder.mkdir(parents=True)
    value = {
        "xyz": numpy_generator("tiny scans").normal(size=(count, points, 3)).astype(np.float32),
        "label": np.arange(count) % 15,
        "rgb": np.ones((count, points, 3), dtype=np.float32),
    }
    np.save(folder / "xyz_label.npy", value)
    np.save(folder / "cat_name_pt_feat.npy", class_features(sorted(SCANOBJECTNN)))
