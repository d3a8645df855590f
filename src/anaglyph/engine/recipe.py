"""Recipes: everything a run is made of, as strict YAML laid over a method's preset.

    recipe file  ->  its preset (methods/<method>/presets/<preset>.yaml)  <-  laid over it
                 ->  assignments from the command line
                 ->  a Recipe, checked down to each method, encoder and data option

There is one level of inheritance, the preset, and the resolved recipe is stored in the run folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from anaglyph.config import mapping, merge, override, parse_yaml, plain, read_yaml, structure
from anaglyph.data.catalog import DataConfig, dataset_source
from anaglyph.data.hard_batches import HardBatches
from anaglyph.data.labelled_clouds import LabelledSpec
from anaglyph.data.weak_strong import WeakStrongSpec
from anaglyph.encoders.catalog import check_encoder
from anaglyph.engine.stage_checks import (
    check_accumulation,
    check_class_names,
    check_epochs,
    check_hard_batches,
    check_labelled,
    check_start,
)
from anaglyph.engine.tower_specs import ClassNamesSpec, TowersSpec, checked_class_names, checked_towers
from anaglyph.errors import ConfigError, unknown_name
from anaglyph.methods.catalog import DEFAULT_DATA, METHODS, PRESET_FAMILIES

FirstLayer = Literal["copied", "copied_mean", "random"]


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """An encoder by its catalog name and options."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    weights: str | None = None
    """File that it starts from: one of `anaglyph models import`, an official one, which is then imported, or
    a run whose last stage has an encoder of this modality; `mini` is the package's: of pictures its tower, of
    shapes what `models_mixed_ulip_best` learned beside it. A relative path starts at the data root."""
    first_layer: FirstLayer = "copied"
    """What becomes of the first filters of `weights`: copied (summed for gray, 0 for a mask), copied_mean
    (the mask's is the mean of the colours') or random, drawn anew."""


@dataclass(frozen=True, kw_only=True)
class OptimiserSpec:
    """Optimiser and learning-rate schedule of one stage."""

    name: Literal["adamw", "adam", "sgd"] = "adamw"
    lr: float = 1e-3
    """Peak learning rate for the batch size given."""
    weight_decay: float = 0.0
    """Strength of weight decay."""
    decay_vectors: bool = False
    """Whether it also applies to biases, normalisation scales and other vectors."""
    momentum: float = 0.9
    """SGD only."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Adam and AdamW only: decay of the running means of the gradient and of its square."""
    schedule: Literal["constant", "cosine", "cosine_epochs", "warm_cosine_epochs", "step"] = "cosine"
    """cosine: every step to `final_fraction`; cosine_epochs: held within an epoch, stepped with the
    0-based epoch after training it (so epochs 0 and 1 share the maximum, as RoMo's release does);
    warm_cosine_epochs: held within an epoch; linear from `warmup_from` in the first `warmup_epochs`, whose
    time the cosine counts as its own, as timm's scheduler in the Point-BERT family;
    step: times `step_factor` every `step_every` steps, as OpenShape does."""
    warmup_epochs: float = 0.0
    """Linear from 0."""
    warmup_from: float = 0.0
    """Schedule warm_cosine_epochs only: rate of the first epoch."""
    late: bool = False
    """Schedule warm_cosine_epochs only: every epoch at the rate of the one before it, and the cosine an epoch
    shorter: Point-BERT, Point-MAE and ACT step after an epoch, and train one more than they say."""
    peak_first: bool = False
    """Step 0 at the peak and each later step at the rate of the one before it, whatever the warm-up says:
    the scheduler of MixCon3D's release runs after the step."""
    step_every: int = 10000
    """Schedule step only: steps, after the warm-up, that one rate is held for."""
    step_factor: float = 0.967
    """Schedule step only: what the rate is multiplied with."""
    final_fraction: float = 0.0
    """Learning rate at the end as a fraction of the peak."""
    clip_norm: float | None = None
    """Largest gradient norm; None leaves gradients as they are."""

    def __post_init__(self) -> None:
        rules = (
            ("lr", self.lr > 0, "> 0"),
            ("weight_decay", self.weight_decay >= 0, ">= 0"),
            ("momentum", 0 <= self.momentum < 1, "in [0, 1)"),
            ("betas", all(0 <= beta < 1 for beta in self.betas), "two numbers in [0, 1)"),
            ("warmup_epochs", self.warmup_epochs >= 0, ">= 0"),
            ("warmup_from", 0 <= self.warmup_from <= self.lr, f"in [0, lr={self.lr}]"),
            ("step_every", self.step_every >= 1, ">= 1"),
            ("step_factor", 0 < self.step_factor <= 1, "in (0, 1]"),
            ("final_fraction", 0 <= self.final_fraction <= 1, "in [0, 1]"),
            ("clip_norm", self.clip_norm is None or self.clip_norm > 0, "> 0 or null"),
        )
        for name, holds, rule in rules:
            if not holds:
                raise ConfigError(f"{name} must be {rule}, got {getattr(self, name)}.")


@dataclass(frozen=True, kw_only=True)
class StageSpec:
    """One stage: a method, what it is made of and how long it trains."""

    method: str
    """Catalog name."""
    config: dict[str, Any] = field(default_factory=dict)
    """Options of the method; see its card."""
    encoders: dict[str, EncoderSpec]
    """Modality -> encoder."""
    epochs: int
    """Passes over the training split; 0 for a method that is not trained."""
    batch: int
    """Objects per optimiser step over all processes."""
    accumulate: int = 1
    """Parts that each process works its share of a batch off in: less memory, more time, the gradient of the
    whole batch. Statistics of batch normalisation are those of a part. For methods that are made for it."""
    optimiser: OptimiserSpec = OptimiserSpec()
    needs: tuple[str, ...] = ()
    """Earlier stages whose artefact folders this one reads."""
    start_from: str | None = None
    """One of `needs`, of the same method and encoders, whose weights this stage begins with."""
    hard_batches: HardBatches | None = None
    """Batches made of groups of look-alikes; null draws objects evenly."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole run, resolved."""

    title: str
    """One line for lists and reports."""
    method: str
    """Family the preset belongs to."""
    preset: str
    """paper, released or best; what a method calls its recipes' common part."""
    seed: int = 0
    """What all random numbers of the run depend on."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16 runs the networks under autocast; losses, statistics and the optimiser stay float32."""
    leak_ground_truth_labels: bool = False
    """Hands true labels to the presets named `released`, whose published code reads them. Loud on purpose."""
    training_pairs: Literal["id", "released_rows"] = "id"
    """Pictures and shapes of training paired by object id, or as in RoMo's published lists, where 94 % of the
    pairs are two different objects and 96 % are of one class (a leak)."""
    data: DataConfig
    """Data set and its options."""
    towers: TowersSpec | None = None
    """Frozen towers for data of pictures and texts; null where a data set holds vectors already, or a method
    reads pictures itself."""
    class_names: ClassNamesSpec | None = None
    """The text tower of a method that chooses among named classes; null for all others."""
    weak_strong: WeakStrongSpec | None = None
    """How objects are shown to a teacher and to its student; null for methods that have none, whose
    augmentation is the data set's."""
    labelled_clouds: LabelledSpec | None = None
    """How clouds are shown to a classifier, and how many have labels; null for methods that are none."""
    stages: dict[str, StageSpec]
    """In training order."""
    evaluation_views: int | None = None
    """Views averaged at evaluation; None takes all the data set gives."""


def load_recipe(name_or_path: str | Path, *, assignments: Sequence[str] = ()) -> Recipe:
    """Read a recipe by name (`list_recipes`) or by path, lay it over its preset, and check everything.

    Raises:
        ConfigError: naming the place (`stages.learn.config.alpha`) and what is allowed there.
    """
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        data = read_yaml(path)
    else:
        names = list_recipes()
        if str(name_or_path) not in names:
            raise ConfigError(unknown_name("recipe", str(name_or_path), names))
        text = (resources.files("anaglyph") / "recipes" / f"{name_or_path}.yaml").read_text(encoding="utf-8")
        data = parse_yaml(text, where=f"recipe {name_or_path}")
    return resolve(data, assignments=assignments, where=path.stem)


def resolve(data: Mapping[str, Any], *, assignments: Sequence[str] = (), where: str = "recipe") -> Recipe:
    """Plain recipe data -> a checked Recipe; assignments replace what the preset and the recipe say."""
    chosen = reduce(override, assignments, dict(data))
    method, preset = chosen.get("method"), chosen.get("preset", "paper")
    if method is None:
        raise ConfigError(
            f"{where}: 'method' is required but missing; it is one of {', '.join(PRESET_FAMILIES)}."
        )
    base = _without_foreign_options(load_preset(str(method), str(preset)), chosen)
    known = list(base.get("stages", {}))
    for name, stage in mapping(chosen.get("stages", {}), "stages").items():
        if name not in known and "method" not in mapping(stage, f"stages.{name}"):
            raise ConfigError(
                f"{where}.stages: {unknown_name(f'stage in preset {preset}', name, known)}; "
                f"a stage of your own must name its method."
            )
    full = reduce(override, assignments, merge(base, {"preset": preset, **data}))
    # `encoders` beside `stages` is shorthand for "in every stage".
    shared = mapping(full.pop("encoders", {}), "encoders")
    stages = {}
    for name, stage in mapping(full.get("stages", {}), "stages").items():
        own = mapping(mapping(stage, f"stages.{name}").get("encoders", {}), f"stages.{name}.encoders")
        stages[name] = {**stage, "encoders": {**shared, **_laid_over(shared, own)}}
    return check(structure(Recipe, {**full, "stages": stages}, where=where))


def _without_foreign_options(base: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """A preset without the options of encoders that a recipe replaces by others, which do not have them."""
    encoders = dict(base.get("encoders", {}))
    for modality, spec in mapping(chosen.get("encoders", {}), "encoders").items():
        own = encoders.get(modality)
        if not isinstance(own, Mapping) or not isinstance(spec, Mapping):
            continue
        if spec.get("name", own.get("name")) != own.get("name"):
            encoders[modality] = {key: value for key, value in own.items() if key != "options"}
    return {**base, "encoders": encoders}


def _laid_over(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A stage's own encoders over the shared ones; another name starts from that encoder's defaults."""
    result: dict[str, Any] = {}
    for modality, spec in own.items():
        base = shared.get(modality)
        if isinstance(base, Mapping) and isinstance(spec, Mapping):
            named = base.get("name")
            result[modality] = merge(base, spec) if spec.get("name", named) == named else spec
        else:
            result[modality] = spec
    return result


def check(recipe: Recipe) -> Recipe:
    """Every name exists, every option is known; returns the recipe with all defaults written out."""
    if recipe.evaluation_views is not None and recipe.evaluation_views < 1:
        raise ConfigError(f"evaluation_views must be >= 1 or null (all), got {recipe.evaluation_views}.")
    if not recipe.stages:
        raise ConfigError("a recipe needs at least one stage; add one under 'stages'.")
    stages: dict[str, StageSpec] = {}
    for name, stage in recipe.stages.items():
        where = f"stages.{name}"
        for modality, encoder in stage.encoders.items():
            check_encoder(encoder.name, encoder.options, where=f"{where}.encoders.{modality}")
        for needed in stage.needs:
            if needed not in stages:
                raise ConfigError(f"{where}.needs: {unknown_name('earlier stage', needed, stages)}")
        method = METHODS.load(stage.method)
        check_epochs(stage, where=where)
        check_class_names(recipe, stage, where=where)
        check_labelled(recipe, stage, where=where)
        if set(stage.encoders) != set(method.encoder_names):
            raise ConfigError(
                f"{where}.encoders: has {', '.join(sorted(stage.encoders)) or 'none'}; "
                f"{stage.method} needs one for each of {', '.join(sorted(method.encoder_names))}."
            )
        check_accumulation(stage, where=where)
        check_start(stage, stages, where=where)
        check_hard_batches(stage, where=where)
        config = plain(structure(method.config_cls, stage.config, where=f"{where}.config"))
        stages[name] = replace(stage, config=config)
    data = DataConfig(name=recipe.data.name, options=plain(dataset_source(recipe.data)))
    return replace(
        recipe,
        stages=stages,
        data=data,
        towers=checked_towers(recipe.towers),
        class_names=checked_class_names(recipe.class_names),
    )


def load_preset(method: str, preset: str) -> dict[str, Any]:
    """The stages of a method's preset as plain data; empty for a method that has no presets."""
    if method in METHODS.names() and method not in PRESET_FAMILIES:
        return {}
    if method not in PRESET_FAMILIES:
        raise ConfigError(unknown_name("method", method, PRESET_FAMILIES))
    presets = PRESET_FAMILIES[method]
    if preset not in presets:
        raise ConfigError(unknown_name(f"preset of {method}", preset, presets))
    file = resources.files("anaglyph") / "methods" / method / "presets" / f"{preset}.yaml"
    return parse_yaml(file.read_text(encoding="utf-8"), where=f"{method}/presets/{preset}.yaml")


def list_recipes() -> list[str]:
    """Names of the recipes that come with the package."""
    folder = resources.files("anaglyph") / "recipes"
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def stage_identity(recipe: Recipe, stage: str) -> dict[str, Any]:
    """What determines a stage's weights: its spec, the data, the seed and the stages it needs."""
    spec = recipe.stages[stage]
    return {
        "stage": _without_later_options(plain(spec)),
        "data": _without_later_options(plain(recipe.data)),
        "seed": recipe.seed,
        "precision": recipe.precision,
        "training_pairs": recipe.training_pairs,
        "leak_ground_truth_labels": recipe.leak_ground_truth_labels,
        **{
            name: _without_later_options(plain(value))
            for name in ("towers", "class_names", "weak_strong", "labelled_clouds")
            if (value := getattr(recipe, name)) is not None
        },
        "needs": {needed: stage_identity(recipe, needed) for needed in spec.needs},
    }


def _without_later_options(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec without options that came later and are left at what was before, so that older runs stay."""
    before = {
        "start_from": None, "hard_batches": None, "up_axis": "z", "colourless": 0.0, "warmup_from": 0.0,
        "late": False, "scan_frame": "unit_sphere",
    }  # fmt: skip
    return {
        name: _without_later_options(value) if isinstance(value, dict) else value
        for name, value in spec.items()
        if name not in before or value != before[name]
    }


def recipe_name(target: str, *, data: str | None, preset: str) -> str:
    """The recipe a command-line target means: itself, or `<data>_<method>_<preset>` for a method.

    Without `data` a method means the data set that is always there for it.
    """
    if target not in PRESET_FAMILIES:
        return target
    presets = PRESET_FAMILIES[target]
    data = data or DEFAULT_DATA[target]
    if len(presets) == 1:
        return f"{data}_{target}"
    if preset not in presets:
        raise ConfigError(unknown_name(f"preset of {target}", preset, presets))
    return f"{data}_{target}_{preset}"


def run_name(recipe: str) -> str:
    """Folder and table name of a recipe's runs: its name, or the stem of its file.

    The recipe.yaml that `<name>/seed-<seed>` keeps stands for the run it lies in.
    """
    path = Path(recipe)
    if path.suffix not in {".yaml", ".yml"}:
        return recipe
    folder = path.absolute().parent
    stored = path.name == "recipe.yaml" and folder.name.startswith("seed-")
    return folder.parent.name if stored else path.stem


def recipe_title(name: str) -> str:
    """The title line of a recipe that comes with the package."""
    text = (resources.files("anaglyph") / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")
    return str(parse_yaml(text, where=name).get("title", ""))
