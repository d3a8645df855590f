"""A small Pix3D: chairs of two shapes, a bed, a desk."""

from furniture_on_disk import boxes, disc, photograph, write, write_json, write_picture

# In Pix3D's frame (+x left, +y up, +z inward): a seat, its back at the far side, an arm on the left.
CHAIR = boxes(
    ((-0.4, 0.4), (0, 0.3), (-0.4, 0.4)),
    ((-0.4, 0.4), (0.3, 1.0), (0.3, 0.4)),
    ((0.3, 0.4), (0.3, 0.6), (-0.4, 0.3)),
)
BED = boxes(((-0.5, 0.5), (0, 0.2), (-0.9, 0.9)), ((-0.5, 0.5), (0.2, 0.6), (0.8, 0.9)))


DESK = boxes(((-0.6, 0.6), (0.7, 0.75), (-0.3, 0.3)))


def record(image, category, model, *, flags=(), camera=(0.0, 0.5, -2.0), mask=None):
    """One entry of pix3d.json with all of its fields."""
    number = image.rpartition(".")[0]
    return {
        "img": f"img/{category}/{image}",
        "category": category,
        "img_size": [60, 40],
        "2d_keypoints": [[[-1.0, -1.0], [3.0, 4.0]]],
        "mask": mask or f"mask/{category}/{number}.png",
        "img_source": "ikea",
        "model": f"model/{category}/{model}",
        "model_raw": None,
        "model_source": "ikea",
        "3d_keypoints": f"model/{category}/{model}.txt",
        "voxel": f"model/{category}/{model}.mat",
        "rot_mat": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        "trans_mat": [0.0, 0.0, 2.0],
        "focal_length": 35.0,
        "cam_position": list(camera),
        "inplane_rotation": 0.0,
        "truncated": "truncated" in flags,
        "occluded": "occluded" in flags,
        "slightly_occluded": "slightly_occluded" in flags,
        "bbox": [10, 5, 40, 35],
    }


def records():
    """Chairs of two shapes (one with several models in its folder), beds of one, and a desk."""
    jules = [("JULES/jules_1.obj", 3), ("JULES/jules_2.obj", 2)]
    rows = []
    for model, count in jules:
        rows += [record(f"{len(rows) + n:04d}.png", "chair", f"IKEA_{model}") for n in range(count)]
    rows += [record(f"1{n:03d}.jpg", "chair", "IKEA_POANG/model.obj") for n in range(4)]
    rows += [record(f"2{n:03d}.png", "bed", "IKEA_MALM/malm.obj") for n in range(3)]
    rows += [
        record("3000.png", "bed", "IKEA_MALM/malm.obj", flags=("occluded",)),
        record("3001.png", "bed", "IKEA_MALM/malm.obj", flags=("slightly_occluded",)),
        record("3002.png", "bed", "IKEA_MALM/malm.obj", flags=("truncated",), camera=(2.0, 0.5, 0.0)),
        record("4000.png", "desk", "IKEA_LACK/model.obj"),
    ]
    return rows


def write_pix3d(root):
    folder = root / "pix3d"
    rows = records()
    write_json(folder / "pix3d.json", rows)
    models = {"chair": CHAIR, "bed": BED, "desk": DESK}
    for row in rows:
        write(folder / row["model"], models[row["category"]])
        mask = disc(60, 40, centre=(30, 20), radius=10)
        write_picture(folder / row["img"], photograph(mask, inside=(250, 10, 10)))
        write_picture(folder / row["mask"], mask)
    return root
