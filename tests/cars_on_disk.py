"""A small checkout of finegrained-pose: two cars, four photographs for each benchmark and split."""

import numpy as np

from furniture_on_disk import boxes, write, write_picture

FIELDS = ("azimuth", "elevation", "theta", "distance", "u", "v", "f", "model_id")
# In ShapeNetCore v1's frame (front +x, up +y): a body, a cabin towards the rear, an exhaust on the +z side.
CAR = (
    ((-0.4, 0.4), (-0.1, 0.0), (-0.15, 0.15)),
    ((-0.35, 0.1), (0.0, 0.1), (-0.15, 0.15)),
    ((-0.48, -0.4), (-0.1, -0.06), (0.08, 0.12)),
)
MODELS = ("189c2b53ef76d02978a20fe14185667", "0dd4ccaf6ea35e00d7f0b7ab1b3fcaed")


# A real annotation of CompCars3D, and a made one.
POSES = (
    (1.041408990149021, 0.017867393322529037, 0.0, 1.7580869159106194, 20.0, 13.0, 615.5367074350507),
    (3.9, -0.11, -0.08, 1.54, 19.0, 20.0, 507.7),
    (5.2, 0.2, 0.1, 1.3, -24.0, 6.0, 368.35),
    (0.1, 0.35, 0.0, 0.95, -4.0, 16.0, 326.37),
)


def python_2_pickle(annotations):
    """The bytes that Python 2 wrote for a dictionary of poses: protocol 0, names taken from the memo."""
    text, memo = "(dp0\n", {}
    for number, (image, record) in enumerate(annotations.items()):
        text += f"S'{image}'\np{2 * number + 1}\n(dp{2 * number + 2}\n"
        for name, value in record.items():
            if name in memo:
                text += f"g{memo[name]}\n"
            else:
                memo[name] = 100_000 + len(memo)
                text += f"S'{name}'\np{memo[name]}\n"
            text += f"F{value!r}\ns" if isinstance(value, float) else f"S'{value}'\ns"
        text += "s"
    return (text + ".").encode()


def annotation(pose, model):
    return dict(zip(FIELDS, (*pose, model), strict=True))


def write_cars(root):
    """A checkout of finegrained-pose with four photographs for each benchmark and split."""
    folder = root / "finegrained-pose"
    for model in MODELS:
        write(folder / "CAD/02958343" / model / "model.obj", boxes(*CAR))
    write(folder / "CAD/CompCars3D.txt", "\n".join([*MODELS, MODELS[0]]) + "\n")
    for part in ("train", "test"):
        stanford, compcars = {}, {}
        for number, pose in enumerate(POSES):
            model = MODELS[number % 2]
            stanford[f"{number + 1:05d}.jpg"] = annotation(pose, model)
            compcars[f"78/{number}/2012/{part}{number}.jpg"] = annotation(pose, model)
        for name, annotations in (("StanfordCars", stanford), ("CompCars", compcars)):
            path = folder / "Anno3D" / name / f"{part}_anno.pkl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(python_2_pickle(annotations))
        refined = {image: {**record, "theta": 0.5} for image, record in stanford.items()}
        (folder / f"Anno3D/StanfordCars/{part}_anno_v2.pkl").write_bytes(python_2_pickle(refined))
        for image in stanford:
            picture(
                folder / "Image/StanfordCars" / f"cars_{part}" / image, shade=40 if part == "train" else 200
            )
        for image in compcars:
            picture(folder / "Image/CompCars/image" / image, shade=90)
    return root


def picture(path, *, shade):
    write_picture(path, np.full((400, 600, 3), shade))
