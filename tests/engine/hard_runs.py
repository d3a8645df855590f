"""OpenShape in two tiny stages, the second on batches of look-alikes, and the objects it learns from."""

from dataclasses import replace

from anaglyph.engine.recipe import resolve
from embedded_toys import toy_objects

WIDTHS = {"embed_dim": 3, "image_dim": 3, "text_dim": 3}
OBJECTS = 70
"""More than are embedded at once."""
BATCH, GROUP = 20, 5
STEPS_PER_EPOCH = OBJECTS // BATCH
PLAIN = {
    "title": "tiny look-alikes",
    "method": "openshape",
    "data": {"name": "features"},
    "encoders": {"shape": {"name": "tiny_coloured", "options": {"embed_dim": 3}}},
    "stages": {
        "align": {"config": {**WIDTHS, "head": "linear"}, "epochs": 2, "batch": BATCH},
        "hard": {
            "method": "openshape",
            "config": {**WIDTHS, "head": "linear", "false_negative_margin": 0.001},
            "epochs": 2,
            "batch": BATCH,
            "needs": ["align"],
            "start_from": "align",
            "hard_batches": {"group": GROUP, "nearest": 9},
            "optimiser": {"name": "adamw", "lr": 0.01},
        },
    },
}


def hard_recipe(*assignments):
    """The recipe, resolved; its encoder is one of `tiny_encoders`."""
    return resolve(PLAIN, assignments=assignments)


def hard_objects(*, labels=None, seed=0):
    """Objects of three classes, coloured by class; some lack a text. `labels` are others than the colours."""
    classes = [row % 3 for row in range(OBJECTS)]
    made = toy_objects(classes, captions=[int(row % 7 > 0) for row in range(OBJECTS)], seed=seed)
    return made if labels is None else replace(made, labels=labels)
