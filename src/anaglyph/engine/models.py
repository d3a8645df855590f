"""Methods as files: built from a stage's spec, saved with everything needed to build them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from anaglyph import __version__
from anaglyph.config import plain, structure
from anaglyph.data.catalog import DataConfig
from anaglyph.data.labelled_clouds import LabelledSpec
from anaglyph.data.weak_strong import WeakStrongSpec
from anaglyph.encoders.catalog import create_encoder
from anaglyph.encoders.spaces.trained import KIND as SPACE
from anaglyph.engine.recipe import StageSpec
from anaglyph.engine.starting_weights import StartingWeights
from anaglyph.engine.tower_specs import TowersSpec
from anaglyph.errors import WeightsError
from anaglyph.io.run_folder import find_weights
from anaglyph.io.weights import load_into, read_header, read_weights, write_weights
from anaglyph.methods.base import Method
from anaglyph.methods.catalog import create_method
from anaglyph.randomness import seeded

MAX_OBJECTS = 100_000_000


@dataclass(frozen=True)
class SavedMethod:
    """A trained method with what its file says about it."""

    method: Method
    spec: StageSpec
    data: DataConfig
    header: Mapping[str, Any]
    towers: TowersSpec | None = None
    """What the pictures and texts of its data went through."""
    weak_strong: WeakStrongSpec | None = None
    """How its data was shown to a teacher and its student; without changes it is measured so, too."""
    labelled_clouds: LabelledSpec | None = None
    """How its data was shown to a classifier."""


def build_method(
    spec: StageSpec,
    *,
    objects: int,
    seed: int,
    name: str,
    starts: Mapping[str, StartingWeights] | None = None,
) -> Method:
    """A fresh method; its initial weights depend on the seed, the stage's name and what it starts from.

    Args:
        spec: the stage.
        objects: size of the training split.
        seed: the run's.
        name: of the stage.
        starts: modality -> weights that its encoder starts from; they are put in before the method is made.
    """
    with seeded(seed, name, "weights"):
        encoders = _encoders(spec, name=name, starts=starts or {})
        return create_method(spec.method, spec.config, encoders=encoders, objects=objects)


def build_encoders(
    spec: StageSpec, *, seed: int, name: str, starts: Mapping[str, StartingWeights]
) -> dict[str, nn.Module]:
    """Modality -> the encoder of which `build_method`, whose arguments these are, makes a fresh method."""
    with seeded(seed, name, "weights"):
        return _encoders(spec, name=name, starts=starts)


def _encoders(spec: StageSpec, *, name: str, starts: Mapping[str, StartingWeights]) -> dict[str, nn.Module]:
    encoders: dict[str, nn.Module] = {
        modality: create_encoder(encoder.name, **encoder.options)
        for modality, encoder in spec.encoders.items()
    }
    for modality, start in starts.items():
        start.put_into(encoders[modality], where=f"stages.{name}.encoders.{modality}")
    return encoders


def save_method(
    path: Path,
    method: Method,
    *,
    spec: StageSpec,
    data: DataConfig,
    towers: TowersSpec | None = None,
    weak_strong: WeakStrongSpec | None = None,
    labelled_clouds: LabelledSpec | None = None,
    objects: int,
    identity: str,
    leaks: Sequence[str] = (),
) -> None:
    """Write weights and, in the header, the stage's spec, its data with what changed it, and the run."""
    header = {
        "format": 1,
        "anaglyph": __version__,
        "stage": plain(spec),
        "data": plain(data),
        **({} if towers is None else {"towers": plain(towers)}),
        **({} if weak_strong is None else {"weak_strong": plain(weak_strong)}),
        **({} if labelled_clouds is None else {"labelled_clouds": plain(labelled_clouds)}),
        "objects": objects,
        "fingerprint": identity,
        "leaks": list(leaks),
    }
    write_weights(path, method.state_dict(), header=header)


def load_method(path: str | Path) -> SavedMethod:
    """Read a method from a weights file, a stage's artefact folder or a run folder (its last stage).

    Raises:
        WeightsError: there are no weights, they are damaged, or they do not fit what their header says.
    """
    file = find_weights(Path(path))
    header = read_header(file)
    if header.get("kind") == SPACE:
        raise WeightsError(
            f"'{file}' is a space without training code (`anaglyph models export`); measure it with "
            f"--zero-shot, or pass the run that it was made of."
        )
    if header.get("format") != 1 or "stage" not in header:
        raise WeightsError(
            f"'{file}' is not a method saved by Anaglyph: its header lacks 'stage'. "
            f"Pass a run folder or its weights."
        )
    missing = [name for name in ("stage", "data", "objects") if name not in header]
    objects = header.get("objects")
    if missing or not isinstance(objects, int) or not 1 <= objects <= MAX_OBJECTS:
        raise WeightsError(
            f"'{file}' has a header that cannot be meant (missing: {missing}, objects: {objects!r}; "
            f"allowed are 1 to {MAX_OBJECTS}). It was damaged or made by another program; train again."
        )
    spec = structure(StageSpec, header["stage"], where=f"{file.name}: stage")
    data = structure(DataConfig, header["data"], where=f"{file.name}: data")
    given = header.get("towers")
    towers = None if given is None else structure(TowersSpec, given, where=f"{file.name}: towers")
    shown = header.get("weak_strong")
    if shown is not None:
        shown = structure(WeakStrongSpec, shown, where=f"{file.name}: weak_strong")
    labelled = header.get("labelled_clouds")
    if labelled is not None:
        labelled = structure(LabelledSpec, labelled, where=f"{file.name}: labelled_clouds")
    method = build_method(spec, objects=objects, seed=0, name="load")
    load_into(method, read_weights(file), what=f"'{file}'")
    return SavedMethod(method.eval(), spec, data, header, towers, shown, labelled)
