"""The kinds of methods, by what they read, behind one face for the contracts of `tests/contracts`."""

from dataclasses import replace

import torch

from anaglyph.methods.base import Method
from anaglyph.methods.catalog import METHODS, create_method
from anaglyph.methods.romo.labels import MODALITIES, PseudoLabels, write_pseudo_labels
from anaglyph.randomness import seeded
from anaglyph.types import Batch
from methods import shape_batches, synthetic, tower_batches
from tower_files import described, make_dual

OBJECTS = 8
SMALL = {
    "cmic": {"embed_dim": 16, "style_pool": 12, "learn_temperature": True},
    "crossmost": {
        "classes": ["one", "two", "three"],
        "embed_dim": 16,
        "scale_start": 5.0,
        "threshold": 0.0,
        "fairness_weight": 0.1,
        "image_layer_decay": 1.0,
        "image_reconstruction_weight": 0.0,
        "image_local_weight": 0.0,
        "image_mask_pixels": 2,
        "shape_reconstruction_weight": 0.0,
        "shape_local_weight": 0.0,
        "alignment_temperature": 0.1,
        "teacher_start": 0.5,
        "teacher_decay": 0.9,
    },
    "finetune": {"classes": [f"kind-{number}" for number in range(OBJECTS)], "head": "linear"},
    "image_text": {"embed_dim": 12, "average_decay": 0.5},
    "mixcon3d": {"embed_dim": 16, "image_dim": 16, "text_dim": 16, "average_decay": 0.5},
    "multi_positive": {"embed_dim": 16, "image_dim": 16, "text_dim": 16, "texts": 2, "average_decay": 0.5},
    "multi_view_zero": {},
    "openshape": {"embed_dim": 16, "image_dim": 16, "text_dim": 16},
    "pair_contrast": {"embed_dim": 16},
    "romo_annotate": {"embed_dim": 16, "clusters": 4, "warmup_epochs": 0},
    "romo_discover": {"embed_dim": 16, "clusters": 4},
    "romo_learn": {"embed_dim": 16, "clusters": 4, "average_decay": 0.9},
    "ulip": {"embed_dim": 16, "image_dim": 16, "text_dim": 16, "average_decay": 0.5},
}


class Pairs:
    """Methods that read an object's pictures and points."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dataset = synthetic.objects(OBJECTS)

    def make(self) -> Method:
        """Always from the same weights."""
        return synthetic.make_method(self.name, SMALL[self.name], count=OBJECTS)

    def ready(self, folder) -> Method:
        """A method after everything that comes before its first ordinary step."""
        method = self.make()
        artefacts = {}
        if self.name == "romo_learn":
            labels = torch.arange(OBJECTS) % 4
            pseudo = PseudoLabels(
                dict.fromkeys(MODALITIES, labels), dict.fromkeys(MODALITIES, torch.ones(OBJECTS))
            )
            write_pseudo_labels(folder, self.dataset.keys, pseudo)
            artefacts = {"annotate": folder}
        method.eval()
        with torch.no_grad():
            method.start(synthetic.context(self.dataset, artefacts=artefacts))
            method.before_epoch(synthetic.context(self.dataset, artefacts=artefacts))
        return method.train()

    def batch(self, crops: int = 1) -> Batch:
        """What the engine would show in a step, with labels."""
        first, *rest = (self.dataset.batch(range(OBJECTS), epoch=0, crop=draw) for draw in range(crops))
        return replace(first, crops=tuple(rest))

    def read_by(self, modality: str, batch: Batch) -> Batch:
        """What `embed(modality, ...)` is given."""
        return batch

    def row(self, modality: str, row: int) -> Batch:
        """The same of one object by itself."""
        return self.dataset.batch([row], epoch=0)

    def train(self, method: Method, *, steps: int) -> list[float]:
        """Full-batch Adam; returns the losses."""
        return synthetic.train(method, self.dataset, steps=steps)


class Shapes:
    """Methods that read pictures with masks, and views of shapes."""

    def __init__(self, name: str) -> None:
        self.name = name

    def make(self, weights: int = 0) -> Method:
        """Always from the same weights; another number gives others."""
        with seeded("contract", self.name, weights):
            channels = {"image": 4, "shape": 1} if self.name == "cmic" else {"image": 3}
            encoders = {key: shape_batches.small_encoder(count) for key, count in channels.items()}
            return create_method(self.name, SMALL[self.name], encoders=encoders, objects=OBJECTS)

    def ready(self, folder) -> Method:
        """A method before its first step."""
        return self.make().train()

    def batch(self, crops: int = 1) -> Batch:
        """What the engine would show in a step, with labels."""
        first, *rest = (shape_batches.batch(OBJECTS, shapes=10, seed=draw) for draw in range(crops))
        return replace(first, crops=tuple(rest))

    def read_by(self, modality: str, batch: Batch) -> Batch:
        """What `embed(modality, ...)` is given."""
        return shape_batches.shapes_of(batch) if modality == "shape" else batch

    def row(self, modality: str, row: int) -> Batch:
        """The same of one query or shape by itself."""
        batch = self.read_by(modality, self.batch())
        fields = {name: getattr(batch, name) for name in ("indices", "images", "masks", "views")}
        one = {name: value[row : row + 1] for name, value in fields.items() if value is not None}
        return Batch(keys=batch.keys[row : row + 1], **one)

    def train(self, method: Method, *, steps: int) -> list[float]:
        """Full-batch Adam; returns the losses."""
        return shape_batches.train(method, self.batch(), steps=steps)


class Towers:
    """Methods that read clouds and what frozen towers said of pictures and texts."""

    def __init__(self, name: str) -> None:
        self.name = name

    def make(self) -> Method:
        """Always from the same weights."""
        return tower_batches.make(self.name, **SMALL[self.name])

    def ready(self, folder) -> Method:
        """A method before its first step."""
        return self.make().train()

    def batch(self, crops: int = 1) -> Batch:
        """What the engine would show in a step, with labels."""
        first, *rest = (tower_batches.batch(OBJECTS, seed=draw) for draw in range(crops))
        return replace(first, crops=tuple(rest))

    def read_by(self, modality: str, batch: Batch) -> Batch:
        """What `embed(modality, ...)` is given."""
        return batch

    def row(self, modality: str, row: int) -> Batch:
        """The same of one object by itself."""
        return tower_batches.rows_of(self.batch(), [row])

    def train(self, method: Method, *, steps: int) -> list[float]:
        """Full-batch Adam; returns the losses."""
        return tower_batches.train(method, self.batch(), steps=steps)


class Words:
    """Methods that read an object's pictures and texts."""

    def __init__(self, name: str) -> None:
        self.name = name

    def make(self) -> Method:
        """Always from the same weights."""
        return make_dual(**SMALL[self.name])

    def ready(self, folder) -> Method:
        """A method before its first step."""
        return self.make().train()

    def batch(self, crops: int = 1) -> Batch:
        """What the engine would show in a step, with labels."""
        objects = described(OBJECTS)
        first, *rest = (objects.batch(range(OBJECTS), epoch=0, crop=draw) for draw in range(crops))
        return replace(first, crops=tuple(rest))

    def read_by(self, modality: str, batch: Batch) -> Batch:
        """What `embed(modality, ...)` is given."""
        return batch

    def row(self, modality: str, row: int) -> Batch:
        """The same of one object by itself."""
        return described(OBJECTS).batch([row], epoch=0)

    def train(self, method: Method, *, steps: int) -> list[float]:
        """Full-batch Adam; returns the losses."""
        return tower_batches.train(method, self.batch(), steps=steps)


class Clouds(Pairs):
    """Methods that read clouds alone."""


def kind_of(name: str) -> Pairs | Shapes | Towers | Words:
    """The kind of a method by what it reads; a new kind needs a class here."""
    kinds = {
        (("images",), ("points",)): Pairs,
        (("images", "masks"), ("views",)): Shapes,
        (("images",), ("views",)): Shapes,
        (("image_features",), ("points",)): Towers,
        (("images",), ("texts",)): Words,
    }
    inputs = METHODS.load(name).inputs
    if set(inputs) == {"shape"}:
        return Clouds(name)
    return kinds[inputs["image"], inputs.get("shape", inputs.get("text", ()))](name)
