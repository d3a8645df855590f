"""A small 3D-FUTURE: a sofa and a lamp in six rooms."""

from furniture_on_disk import boxes, disc, photograph, write, write_json, write_picture

SOFA, LAMP = "209fdbd6-b95d-4d11-a05e-8fcefa32a60d", "3062da49-9d90-3894-8c6a-207b131a7f1f"
WIDTH, HEIGHT = 90, 60


def run_lengths(mask):
    """COCO's plain run lengths, counted pixel by pixel down the columns."""
    runs, value = [0], 0
    for pixel in (mask > 127).T.ravel():
        if pixel != value:
            runs.append(0)
            value = pixel
        runs[-1] += 1
    return runs


MASK = disc(WIDTH, HEIGHT, centre=(40, 30), radius=20)
RUNS = run_lengths(MASK)


RECTANGLE = [10.0, 10.0, 49.0, 10.0, 49.0, 49.0, 10.0, 49.0]


def rooms(part, count):
    """COCO-like content with the published fields."""
    annotations = []
    for room in range(count):
        segmentations = ([RECTANGLE], {"counts": RUNS, "size": [HEIGHT, WIDTH]})
        for number, (model, segmentation) in enumerate(zip((SOFA, LAMP), segmentations, strict=True)):
            annotations.append(
                {
                    "id": 10 * room + number,
                    "image_id": room,
                    "category_id": 1,
                    "segmentation": segmentation,
                    "area": 900.0,
                    "bbox": [10, 10, 40, 40],
                    "model_id": model,
                    "texture_id": None,
                    "pose": [],
                    "fov": 0.8,
                    "style": "Modern",
                }
            )
        annotations.append({**annotations[-1], "id": 10 * room + 5, "bbox": [0, 0, 4, 40]})  # too small
        annotations.append({**annotations[-1], "id": 10 * room + 6, "bbox": [0, 0, 40, 40], "model_id": None})
    images = [
        {"id": room, "width": WIDTH, "height": HEIGHT, "file_name": f"{part}{room:07d}"}
        for room in range(count)
    ]
    return {"categories": [{"id": 1, "category_name": "Sofa"}], "images": images, "annotations": annotations}


def write_future3d(root):
    folder = root / "3D-FUTURE"
    info = [
        {
            "model_id": SOFA,
            "super-category": "Sofa",
            "category": "Three-Seat / Multi-seat Sofa",
            "style": "Modern",
        },
        {"model_id": LAMP, "super-category": None, "category": None},
    ]
    write_json(folder / "3D-FUTURE-model/model_info.json", info)
    write(folder / "3D-FUTURE-model" / SOFA / "raw_model.obj", boxes(((-1, 1), (0, 0.5), (-0.4, 0.4))))
    write(folder / "3D-FUTURE-model" / LAMP / "raw_model.obj", boxes(((-0.1, 0.1), (0, 1.5), (-0.1, 0.1))))
    for part, count in (("train", 4), ("test", 2)):
        content = rooms(part, count)
        write_json(folder / f"3D-FUTURE-scene/GT/{part}_set.json", content)
        for image in content["images"]:
            path = folder / "3D-FUTURE-scene" / part / "image" / f"{image['file_name']}.jpg"
            write_picture(path, photograph(MASK, inside=(250, 20, 20)))
    return root
