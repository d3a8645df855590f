"""Reading 3D models: `load_mesh` for one file, `MeshReaders` for many.

Model files are hostile until read: a child process parses them under limits on time, memory and size
(`mesh_limits`), may open nothing outside the model's folder, and every failure is one `MeshError` with the
path and the reason. Files of untrusted people need nothing more; see SECURITY.md.

Units are not converted: a mesh has the numbers of its file, in metres (glTF), millimetres (3MF) or whatever
its maker chose, because most formats do not say. `geometry.normalize` removes the scale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self

from anaglyph.errors import MESH_FAULTS, MeshError
from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.mesh_channel import printable, receive_mesh
from anaglyph.geometry.mesh_files import check_regular
from anaglyph.geometry.mesh_formats import SUPPORTED, unknown_format
from anaglyph.geometry.mesh_limits import DEFAULT_LIMITS, MeshLimits
from anaglyph.geometry.mesh_worker import request_of
from anaglyph.geometry.sandbox import Sandbox, SandboxError
from anaglyph.geometry.sandbox_pool import SandboxPool, in_order

__all__ = ["SUPPORTED", "MeshLimits", "MeshReaders", "load_mesh"]

UpOption = Literal["auto", "y", "z"]


def load_mesh(
    path: str | Path, *, up: UpOption = "auto", limits: MeshLimits = DEFAULT_LIMITS, root: Path | None = None
) -> Mesh:
    """Read one 3D model in a child process; for more than one, `MeshReaders` starts it only once.

    Scenes become one mesh with their transforms applied, polygons become fans of triangles (exact for convex
    ones). What had to be left out, such as a texture outside the folder, stands in the mesh's `notes`.

    Args:
        path: a file of one of the formats in `SUPPORTED`.
        up: which axis is up; "auto" takes the file's word (FBX, COLLADA) or the format's convention (z for
            STL and 3MF, y for the others).
        limits: bounds of size, time and memory.
        root: folder that may hold what the model refers to; its own folder by default. ShapeNet keeps
            textures beside the model's folder: pass the one that holds both. Where `path` is a link, its
            target must lie in there too, and files are looked for beside the link first.

    Raises:
        MeshError: whatever is wrong with the file.
    """
    with MeshReaders(limits=limits, root=root) as readers:
        return readers.load(path, up=up)


class MeshReaders:
    """Child processes that read models, kept for many files; a context manager.

    A child that dies, is killed or grew large is replaced by a fresh one; a file on which a used child died
    is tried once more in a fresh one, since an earlier file may be to blame. Files whose owners must not
    influence one another belong in readers of their own.

    Args:
        processes: how many files are read at a time by `load_many`; each takes up to `limits.memory_bytes`.
        limits: bounds of every file.
        root: as for `load_mesh`, for every file that is not given its own.
    """

    def __init__(
        self, processes: int = 1, *, limits: MeshLimits = DEFAULT_LIMITS, root: Path | None = None
    ) -> None:
        if processes < 1:
            raise ValueError(f"processes must be at least 1, got {processes}")
        self.processes = processes
        self.limits = limits
        self.root = root
        self._pool = SandboxPool(
            processes,
            lambda: Sandbox(
                "anaglyph.geometry.mesh_worker",
                arguments=(str(limits.memory_bytes),),
                materials=limits.materials,
            ),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child processes; a later `load` would start them again."""
        self._pool.close()

    def load(self, path: str | Path, *, up: UpOption = "auto", root: Path | None = None) -> Mesh:
        """Read one model; from several threads at once, each waits for a free child.

        Raises:
            MeshError: whatever is wrong with the file.
        """
        if up not in ("auto", "y", "z"):
            raise ValueError(f"up must be auto, y or z, got {up!r}")
        path = Path(path)
        resolved, folder = admitted(path, root or self.root, self.limits)
        request = request_of(
            resolved,
            suffix=path.suffix.lower(),
            beside=path.parent.resolve(),
            root=folder,
            up=up,
            limits=self.limits,
        )
        return self._asked(path, request)

    def load_many(
        self, paths: Iterable[str | Path], *, up: UpOption = "auto", root: Path | None = None
    ) -> Iterator[tuple[Path, Mesh | MeshError]]:
        """Read models, `processes` at a time, and yield each with its mesh or its error, in the given order.

        No more than twice as many as there are processes wait to be taken.
        """
        reading = in_order(
            map(Path, paths),
            lambda path: self.load(path, up=up, root=root),
            threads=self.processes,
            ahead=2 * self.processes,
        )
        with closing(reading):
            for path, future in reading:
                yield path, _mesh_or_error(future)

    def _asked(self, path: Path, request: dict[str, object]) -> Mesh:
        try:
            answer, _ = self._pool.ask(
                request, self._received, seconds=self.limits.seconds, spent=lambda answer: answer[1]
            )
        except SandboxError as error:
            raise MeshError(path, str(error), fault=error.fault) from error
        if isinstance(answer, tuple):
            reason, fault = answer
            raise MeshError(path, reason, fault=fault)
        return answer

    def _received(self, stream: IO[bytes], header: dict[str, Any]) -> tuple[Mesh | tuple[str, str], bool]:
        """The mesh, or why there is none and its name, and whether the child should be replaced."""
        retire = header.get("retire") is True
        if "error" in header:
            fault = header.get("fault")
            return (
                printable(str(header["error"])),
                fault if fault in MESH_FAULTS else "unreadable",
            ), retire
        return receive_mesh(stream, header, self.limits), retire


def admitted(path: Path, root: Path | None, limits: MeshLimits) -> tuple[Path, Path]:
    """The resolved path and folder of a file that may be handed to a child; nothing is opened here."""
    suffix = path.suffix.lower()
    try:
        resolved = path.resolve(strict=True)
        facts = resolved.stat()
        check_regular(facts)
    except FileNotFoundError as error:
        raise MeshError(path, "there is no such file") from error
    except ValueError as error:
        raise MeshError(path, str(error)) from error
    except (OSError, RuntimeError) as error:
        raise MeshError(path, f"it cannot be opened ({error})") from error
    if suffix not in SUPPORTED:
        raise MeshError(path, unknown_format(suffix))
    if facts.st_size == 0:
        raise MeshError(path, "the file is empty")
    if facts.st_size > limits.file_bytes:
        reason = f"it has {facts.st_size} bytes; at most {limits.file_bytes} are read"
        raise MeshError(path, reason, fault="too_large")
    folder = resolved.parent if root is None else root.resolve()
    if not resolved.is_relative_to(folder):
        raise MeshError(path, f"it lies outside the folder '{folder}' that was given as root")
    return resolved, folder


def _mesh_or_error(future: Future[Mesh]) -> Mesh | MeshError:
    try:
        return future.result()
    except MeshError as error:
        return error
