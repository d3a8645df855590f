"""Recipes so small that a run takes about a second, and what such a run leaves behind."""

import copy
import re
import signal

import yaml

from anaglyph.engine.events import Step
from anaglyph.engine.recipe import resolve
from anaglyph.engine.run import RunOptions, run_recipe

TIMES = re.compile(rb', "data_wait_share": [^,}]+')
OBJECTS = 96
BATCH = 32
STEPS_PER_EPOCH = OBJECTS // BATCH
DATA = {
    "name": "digits3d",
    "options": {
        "train": OBJECTS,
        "validation": 1500,
        "stored_points": 512,
        "points": 32,
        "evaluation_points": 32,
        "size": 8,
    },
}
ENCODERS = {
    "image": {"name": "digit_cnn", "options": {"embed_dim": 16, "width": 4}},
    "shape": {"name": "pointnet_small", "options": {"embed_dim": 16, "widths": [16, 16, 32]}},
}
SHAPES = {
    "name": "procedural",
    "options": {
        "shapes": 12,
        "categories": ["bowl", "plate", "stool"],
        "train": 2,
        "validation": 1,
        "test": 1,
        "views": "ring8",
        "size": 16,
        "training_views": 3,
    },
}
SHAPE_BATCH = 12 * 2 // STEPS_PER_EPOCH
ANNOTATE = {"embed_dim": 16, "warmup_epochs": 1, "select": "agreement"}
PLAIN = {
    "best": {
        "method": "romo",
        "preset": "best",
        "stages": {
            "annotate": {"epochs": 2, "config": {"embed_dim": 16, "draws": 1, "head_multiples": [1, 2]}},
            "learn": {"epochs": 3, "config": {"embed_dim": 16, "draws": 1, "refresh_every": 2}},
        },
    },
    "paper": {
        "method": "romo",
        "preset": "paper",
        "stages": {
            "annotate": {"epochs": 3, "config": ANNOTATE},
            "learn": {"epochs": 2, "config": {"embed_dim": 16}},
        },
    },
    "released": {
        "method": "romo",
        "preset": "released",
        "stages": {
            "annotate": {"epochs": 2, "config": {"embed_dim": 16}},
            "learn": {"epochs": 1, "config": {"embed_dim": 16}},
        },
    },
    "pair_contrast": {
        "method": "pair_contrast",
        "preset": "paper",
        "stages": {"contrast": {"epochs": 3, "config": {"embed_dim": 16}}},
    },
    "cmic": {
        "method": "cmic",
        "preset": "best",
        "data": SHAPES,
        "encoders": {
            "image": {"name": "resnet18", "options": {"in_channels": 4, "width": 2}},
            "shape": {"name": "resnet18", "options": {"in_channels": 1, "width": 2}},
        },
        "stages": {
            "contrast": {"epochs": 3, "batch": SHAPE_BATCH, "config": {"embed_dim": 16, "style_pool": 20}}
        },
    },
    "crossmost": {
        "method": "crossmost",
        "preset": "paper",
        "encoders": {
            "image": {"name": "digit_cnn", "options": {"embed_dim": 16, "width": 4}},
            "shape": {
                "name": "point_bert",
                "options": {
                    "width": 12,
                    "depth": 1,
                    "heads": 2,
                    "groups": 4,
                    "group_size": 4,
                    "patch_channels": 8,
                },
            },
        },
        "class_names": {"text": {"name": "dual", "options": {"source": "mini"}}, "templates": "plain"},
        "weak_strong": {"points": 32},
        "stages": {
            "adapt": {
                "epochs": 3,
                "config": {
                    "classes": list("0123456789"),
                    "embed_dim": 256,
                    "threshold": 0.15,
                    "scale_start": 20.0,
                    "image_layer_decay": 1.0,
                    "image_reconstruction_weight": 0.0,
                    "image_local_weight": 0.0,
                    "image_mask_pixels": 4,
                    "teacher_start": 0.5,
                    "teacher_decay": 0.9,
                    "teacher_ramp": 4,
                },
            }
        },
    },
    "finetune": {
        "method": "finetune",
        "preset": "best",
        "encoders": {
            "shape": {
                "name": "point_mae",
                "options": {"width": 12, "depth": 2, "heads": 2, "groups": 8, "group_size": 4},
            },
        },
        "labelled_clouds": {"points": 32, "cover": 40},
        "stages": {"finetune": {"epochs": 3, "config": {"classes": list("0123456789")}}},
    },
    "multi_view_zero": {
        "method": "multi_view_zero",
        "preset": "paper",
        "data": SHAPES,
        "encoders": {"image": {"name": "resnet18", "options": {"width": 2}}},
        "stages": {"zero": {}},
    },
}


def tiny_plain(kind):
    """A tiny recipe as plain data, as a user would write it; the caller's own, to change at will."""
    stages = {name: {"batch": BATCH, **stage} for name, stage in PLAIN[kind]["stages"].items()}
    plain = {"title": f"tiny {kind}", "data": DATA, "encoders": ENCODERS, **PLAIN[kind], "stages": stages}
    return copy.deepcopy(plain)


def tiny_recipe(kind, *assignments):
    """A tiny recipe, resolved."""
    return resolve(tiny_plain(kind), assignments=assignments)


def tiny_file(kind, folder, *, name=None):
    """A tiny recipe as a YAML file; returns its path."""
    path = folder / f"{name or kind}.yaml"
    path.write_text(yaml.safe_dump(tiny_plain(kind), sort_keys=False), encoding="utf-8")
    return path


def train(recipe, folder, *, cache, listen=lambda event: None, **options):
    """Run a recipe in this process."""
    defaults = {"data_root": folder, "validate_every": None, "clock": None}
    run_options = RunOptions(output=folder, cache=cache, device="cpu", **{**defaults, **options})
    return run_recipe(recipe, run_options, listen=listen)


def interrupting(stage, step):
    """A listener that presses Ctrl-C while the given step (1-based) of a stage is being finished."""

    def listen(event):
        if isinstance(event, Step) and (event.stage, event.step) == (stage, step):
            signal.raise_signal(signal.SIGINT)

    return listen


class CrashError(Exception):
    """The end of a process, as far as anything on disk can tell."""


def crashing(stage, step):
    """A listener that ends the run without a word, right after the given step of a stage."""

    def listen(event):
        if isinstance(event, Step) and (event.stage, event.step) == (stage, step):
            raise CrashError

    return listen


def outcome(folder):
    """Everything that a run learned or logged, but for times: relative path -> bytes."""
    names = ("model.safetensors", "stage.json", "metrics.jsonl", "nonfinite.json")
    kept = [p for p in folder.glob("stages/**/*") if p.name in names or p.suffix == ".txt"]
    return {str(path.relative_to(folder)): TIMES.sub(b"", path.read_bytes()) for path in sorted(kept)}


def train_command(recipe, output, *more):
    """Arguments of the command line that train a recipe."""
    return ["train", str(recipe), "--output", str(output), "--validate-every", "0", "--device", "cpu", *more]
