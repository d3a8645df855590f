"""What a checkpoint may ask for, as a list of names, and what one was found to ask for."""

from __future__ import annotations

from dataclasses import dataclass, field

from anaglyph.io.stand_ins import FACTORIES

UNCLEAR = "a name computed while unpickling"
"""Stands in the list of names for one that the program puts together itself."""
_STORAGES = {
    "Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1,
    "Bool": 1,
}  # fmt: skip
STORAGE_BYTES = {f"torch.{name}Storage": size for name, size in _STORAGES.items()} | {
    "torch.storage.UntypedStorage": 1
}
"""Bytes per element of the storages that a checkpoint may claim."""
_DTYPES = (
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
    "float16", "bfloat16", "float32", "float64", "complex64", "complex128",
)  # fmt: skip
ALLOWED = frozenset(
    {
        "_codecs.encode",
        "argparse.Namespace",
        "builtins.set",
        "collections.Counter",
        "collections.OrderedDict",
        "collections.defaultdict",
        "numpy._core.multiarray.scalar",
        "numpy.core.multiarray.scalar",
        "numpy.dtype",
        "torch.Size",
        "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch.device",
        "torch.nn.parameter.Parameter",
        *STORAGE_BYTES,
        *(f"torch.{name}" for name in _DTYPES),
        *(f"builtins.{name}" for name in FACTORIES),
    }
)
"""All a checkpoint may ask for: tensors, types of numbers, plain containers, arguments, NumPy scalars."""


@dataclass
class PickleFacts:
    """What one pickle, or several in a row, would import and how much data it claims."""

    protocol: int = 0
    globals: list[str] = field(default_factory=list)
    """"module.name" in order of appearance, once each."""
    storage_bytes: dict[str, int] = field(default_factory=dict)
    """Bytes claimed per storage key."""
    odd_storages: bool = False
    """A storage is asked for in a form that PyTorch does not write."""
    odd_calls: bool = False
    """Something is called that is no name; messages about it would print all of it."""
    excess: str = ""
    """What goes beyond all checkpoints; the rest of the program was not looked at."""

    @property
    def refused(self) -> list[str]:
        """The globals outside `ALLOWED`."""
        return [name for name in self.globals if name not in ALLOWED]
