"""Hostile 3D models, all made in code: what they are, and how one is laid on the disk."""

import os
import socket
from dataclasses import dataclass, field

from hostile.mesh_samples import NEIGHBOURS

CANARY = "canary-outside"
"""Name of the folder beside the model's that nothing may be read from."""


@dataclass(frozen=True)
class HostileMesh:
    """One model and what lies beside it."""

    family: str
    name: str
    """File name of the model inside its folder."""
    data: bytes | None
    """None where `special` says what it is instead of a file."""
    must_fail: bool = True
    """False for a change after which the file may still be legal."""
    says: str = ""
    """A pattern that the reason must match."""
    files: dict[str, bytes] = field(default_factory=lambda: dict(NEIGHBOURS))
    links: dict[str, str] = field(default_factory=dict)
    """Name -> where the link points."""
    special: str = ""
    """"pipe", "folder", "socket", or "pipe NAME" and so on for a neighbour."""
    slow: bool = False
    """Whether it runs until the clock stops it."""

    def lay(self, folder):
        """Write it into an empty folder; returns the path of the model."""
        for name, data in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        for name, target in self.links.items():
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(target)
        if self.special:
            kind, _, name = self.special.partition(" ")
            make_special(folder / (name or self.name), kind)
        if self.data is not None:
            (folder / self.name).write_bytes(self.data)
        return folder / self.name


def make_special(path, kind):
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        short = os.open(path.parent, os.O_RDONLY)  # names of sockets are short, temporary folders are not
        try:
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(f"/proc/self/fd/{short}/{path.name}")
        finally:
            os.close(short)


def all_hostile_meshes():
    """Every family, always the same files in the same order."""
    from hostile import mesh_containers, mesh_content, mesh_damage, mesh_references

    return [
        hostile
        for module in (mesh_damage, mesh_content, mesh_references, mesh_containers)
        for hostile in module.families()
    ]
