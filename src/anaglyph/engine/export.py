"""`anaglyph models export`: the slim file of a run, with the licence that its data states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anaglyph.config import structure
from anaglyph.data.catalog import DataConfig, dataset_source
from anaglyph.encoders.spaces.open import open_space
from anaglyph.encoders.spaces.trained import write_space
from anaglyph.errors import AnaglyphError, ConfigError
from anaglyph.io.run_folder import find_weights
from anaglyph.io.weights import read_header


def export_space(
    run: Path, output: Path, *, root: Path, licence: str = "", default_inputs: str = "", force: bool = False
) -> dict[str, Any]:
    """Write the slim space of a run and open it again.

    Args:
        run: whatever `find_weights` finds weights at.
        output: .safetensors file to write.
        root: where relative sources of towers start.
        licence: of the weights; empty takes that of the data set, where it is known.
        default_inputs: points, sum or fused; empty leaves it to the space.
        force: overwrite the output.

    Returns:
        `output`, `bytes`, `method`, `dim`, `reads`, `fingerprint`, `licence`.

    Raises:
        ConfigError: an output that exists, or of another suffix.
        WeightsError: no weights, or of a method without a space.
    """
    source = find_weights(run)
    if output.suffix != ".safetensors":
        raise ConfigError(f"the output is safetensors: '{output}' must end in .safetensors.")
    if output.exists() and (output.samefile(source) or not force):
        raise ConfigError(f"'{output}' exists already. Choose another name, or overwrite it with --force.")
    stated = licence or licence_of(read_header(source))
    header = {"licence": stated, "default_inputs": default_inputs}
    write_space(source, output, root=root, header={name: text for name, text in header.items() if text})
    space = open_space(output, root=root)
    return {
        "output": str(output),
        "bytes": output.stat().st_size,
        "method": space.about["stage"]["method"],
        "dim": space.dim,
        "reads": sorted(space.reads),
        "fingerprint": space.fingerprint,
        "licence": space.licence,
    }


def licence_of(header: dict[str, Any]) -> str:
    """What the header, else the data set that it names, says; empty where neither does."""
    if header.get("licence"):
        return str(header["licence"])
    try:
        data = structure(DataConfig, header.get("data") or {}, where="data")
        return f"weights trained on: {dataset_source(data).licence}"
    except AnaglyphError:  # a data set of a plug-in that is not installed here
        return ""
