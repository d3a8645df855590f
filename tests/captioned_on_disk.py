"""A folder of small models with captions, as a user might have it."""

from cc0_on_disk import PLY

HEADER = "file,caption,category,split"
MODELS = 12


def write_captioned(root, *, models=MODELS, header=HEADER, lines=None):
    """Boxy tetrahedra in a folder below; every third has two captions, and every fourth none."""
    folder = root / "captioned_models"
    (folder / "more models").mkdir(parents=True)
    rows = []
    for number in range(models):
        place = f"more models/thing {number}.ply"
        (folder / place).write_text(PLY.format(w=0.4 + 0.1 * number))
        category = ("cup", "box")[number % 2]
        split = ("train", "train", "validation", "test")[number // 2 % 4]
        caption = "" if number % 4 == 3 else f'"a {category}, number {number}"'
        rows.append(f"{place},{caption},{category},{split}")
        if number % 3 == 0:
            rows.append(f"{place},the other caption of {number},{category},{split}")
    (folder / "captions.csv").write_text("\n".join([header, *(rows if lines is None else lines)]) + "\n")
    return folder
