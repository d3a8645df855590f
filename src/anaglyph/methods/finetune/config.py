"""Options of fine-tuning: what learns, behind which head (dossier ACT, 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from anaglyph.encoders.classifier import HeadStyle
from anaglyph.errors import ConfigError

Mode = Literal["full", "linear", "mlp3", "bitfit", "prompt", "side"]
FROZEN_HEADS: dict[str, HeadStyle] = {"linear": "linear", "mlp3": "mlp3"}
"""Modes that are a head on a frozen trunk, by the paper's names."""


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig:
    """A classifier on a point encoder."""

    classes: tuple[str, ...] = ()
    """Names of the classes, in the order of the answers; `anaglyph finetune` fills in the data set's."""
    mode: Mode = "full"
    """What learns beside the head: full everything; linear and mlp3 nothing (see `learned_tokens`); bitfit
    every bias; prompt learned tokens in every block; side a small network beside the trunk."""
    head: HeadStyle | None = None
    """mlp3 (768-256-256-C with BatchNorm and dropout), light (Point-BERT: 768-256-C) or linear; null is the
    mode's own, mlp3 but for linear."""
    label_smoothing: float = 0.0
    """Share of the probability that goes to the other classes, 0 in Point-MAE, ACT and ReCon, 0.2 in
    Point-BERT."""
    learned_tokens: bool = True
    """Class tokens and their positions learn in every mode: the published code freezes what has no `cls` in
    its name. False keeps them in all modes but full."""
    still_trunk: bool = False
    """Where the trunk's weights are frozen, also hold its batch statistics and switch off its stochastic
    depth; in the published code both go on."""
    prompts: int = 10
    """Mode prompt: tokens in every block. Ours; no paper of the family has them in fine-tuning."""
    prompt_dropout: float = 0.1
    """Mode prompt: on the tokens, while training."""
    side_widths: tuple[int, ...] = (64, 64, 64, 128)
    """Mode side: hidden channels of the PointNet beside the trunk."""

    def __post_init__(self) -> None:
        twice = sorted({name for name in self.classes if self.classes.count(name) > 1})
        if twice:
            raise ConfigError(f"classes has '{twice[0]}' twice; every class needs a name of its own.")
        own = FROZEN_HEADS.get(self.mode)
        if own is not None and self.head not in (None, own):
            raise ConfigError(
                f"mode {self.mode} is the head {own} on a frozen trunk, and head is {self.head}; leave head "
                f"out, or take another mode."
            )
        if not 0.0 <= self.label_smoothing < 1.0 or not 0.0 <= self.prompt_dropout < 1.0:
            raise ConfigError(
                f"label_smoothing={self.label_smoothing} and prompt_dropout={self.prompt_dropout} must lie "
                f"in [0, 1)."
            )
        if self.prompts < 1 or min(self.side_widths, default=0) < 1:
            raise ConfigError(
                f"prompts={self.prompts} and side_widths={self.side_widths} must be >= 1, with at least one "
                f"width."
            )

    @property
    def head_style(self) -> HeadStyle:
        """The head that is built."""
        return self.head or FROZEN_HEADS.get(self.mode, "mlp3")
