"""Back-end "moderngl": which face is seen at each sample, drawn by OpenGL through EGL, without a display.

The face's number goes into an integer attachment, so pictures are made by the shading that all back-ends
share. A context lives for one call. Drivers that do not fit their machine end the process instead of raising
an error, so whether they work is first tried in a child process: once where they do, each time where they
do not, so that a driver that was repaired or busy is found without starting anew.
"""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import ConfigError, MissingExtraError
from anaglyph.geometry.cameras import Camera

if TYPE_CHECKING:
    import moderngl

Owned = TypeVar("Owned", bound="_Releasable")

INSTEAD = "backend='auto' and 'torch' work without it"
PATIENCE = 60.0
"""Seconds after which a driver that does not answer counts as broken."""
_DEEPEST = 1e12
"""Far over near plane at most; float32 tells no depths apart long before that."""
_VERTEX_SHADER = """
#version 330
uniform mat4 world_to_clip;
in vec3 position;
void main() { gl_Position = world_to_clip * vec4(position, 1.0); }
"""
_FRAGMENT_SHADER = """
#version 330
out int face;
void main() { face = gl_PrimitiveID; }
"""
_TRIAL = """
import sys
import moderngl
try:
    context = moderngl.create_context(standalone=True, backend="egl", require=330)
except Exception as error:
    sys.exit(" ".join(str(error).split()))
context.release()
"""


class _Releasable(Protocol):
    def release(self) -> object: ...


def faces_seen(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], cameras: Sequence[Camera], *, size: int
) -> NDArray[np.int32]:
    """(C, size, size) number of the nearest face at each pixel centre, -1 where there is none; row 0 on top.

    Both sides of a face are seen. What lies before a camera's near plane is cut off.

    Args:
        vertices: (V, 3) finite.
        faces: (F, 3) rows of `vertices`.
        cameras: C of them.
        size: side of the square pictures in samples.

    Raises:
        MissingExtraError: moderngl is not installed.
        ConfigError: EGL or an OpenGL driver is missing or broken, or too small for `size`.
    """
    seen = np.full((len(cameras), size, size), -1, dtype=np.int32)
    require()
    if not len(faces) or not len(cameras):
        return seen
    with _context() as context, ExitStack() as stack:
        _draw(context, stack, vertices, faces, cameras, seen)
    return seen


def require() -> None:
    """Raise what `faces_seen` would when it cannot work here: MissingExtraError or ConfigError."""
    if importlib.util.find_spec("moderngl") is None:
        raise MissingExtraError(what="back-end 'moderngl'", extra="render")
    _require_driver()


@functools.cache
def _require_driver() -> None:
    """Raise ConfigError unless the driver works; only success is remembered, an exception never is."""
    if reason := _driver_trouble():
        raise ConfigError(f"back-end 'moderngl' cannot draw here: {reason}; {INSTEAD}.")


def _driver_trouble() -> str:
    """What keeps EGL and OpenGL from working on this machine; empty where they work."""
    command = [sys.executable, "-I", "-c", _TRIAL]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return f"the OpenGL driver did not answer within {PATIENCE:.0f} s"
    if tried.returncode < 0:
        return f"the OpenGL driver crashed (signal {-tried.returncode})"
    if tried.returncode:
        said = tried.stderr.strip().splitlines()
        return (
            f"{said[-1] if said else 'no reason given'} (EGL and an OpenGL 3.3 driver are needed, "
            f"on Debian and Ubuntu: apt install libegl1 libgl1 libgl1-mesa-dri)"
        )
    return ""


@contextmanager
def _context() -> Iterator[moderngl.Context]:
    """A context of our own, released at the end."""
    import moderngl

    try:
        context = moderngl.create_context(standalone=True, backend="egl", require=330)  # type: ignore[arg-type]
    except Exception as error:  # glcontext raises nothing narrower
        raise ConfigError(
            f"back-end 'moderngl' got no OpenGL context: {' '.join(str(error).split())}; {INSTEAD}."
        ) from error
    try:
        yield context
    finally:
        context.release()


def _draw(
    context: moderngl.Context,
    stack: ExitStack,
    vertices: NDArray[np.float32],
    faces: NDArray[np.int32],
    cameras: Sequence[Camera],
    seen: NDArray[np.int32],
) -> None:
    """Fill `seen` (C, size, size), which is -1 everywhere."""
    size = seen.shape[1]
    if size > (largest := int(context.info["GL_MAX_RENDERBUFFER_SIZE"])):
        raise ConfigError(
            f"this OpenGL driver draws at most {largest} samples a side, {size} are asked for; "
            f"choose a smaller picture or another back-end."
        )
    program = _owned(stack, context.program(vertex_shader=_VERTEX_SHADER, fragment_shader=_FRAGMENT_SHADER))
    corners = _owned(stack, context.buffer(np.ascontiguousarray(vertices)))
    rows = _owned(stack, context.buffer(np.ascontiguousarray(faces)))
    inputs = [(corners, "3f", "position")]
    model = _owned(stack, context.vertex_array(program, inputs, index_buffer=rows))
    numbers = _owned(stack, context.texture((size, size), 1, dtype="i4"))
    depths = _owned(stack, context.depth_renderbuffer((size, size)))
    picture = _owned(stack, context.framebuffer([numbers], depths))
    depth_alone = _owned(stack, context.framebuffer([], depths))
    context.enable_only(context.DEPTH_TEST)
    context.depth_func = "<"  # of equal depths the face that comes first stays
    low, high = _box(vertices, faces)
    for row, camera in zip(seen, cameras, strict=True):
        matrix = _world_to_clip(camera, low, high)
        if matrix is not None:
            program["world_to_clip"].write(matrix.astype(np.float32).T.tobytes())  # type: ignore[union-attr]
            numbers.write(row)  # -1; clearing an integer attachment as if it were colours is undefined
            depth_alone.clear(depth=1.0)
            picture.use()
            model.render()
            numbers.read_into(row)


def _owned(stack: ExitStack, thing: Owned) -> Owned:
    """`thing`, to be released with the stack.

    The garbage collector might do that in the midst of a later context, where its number means another.
    """
    stack.callback(thing.release)
    return thing


def _box(
    vertices: NDArray[np.float32], faces: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest corner of what the faces use."""
    used = np.zeros(len(vertices), dtype=bool)
    used[faces.ravel()] = True
    there = vertices if used.all() else vertices[used]
    return there.min(axis=0).astype(np.float64), there.max(axis=0).astype(np.float64)


def _world_to_clip(
    camera: Camera, low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """(4, 4) world -> clip space with y downwards, so that the first row read is the top one; near and far
    planes as close as the box allows. None where all of it lies before the near plane or behind the camera.
    """
    view = camera.view()
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, 8)  # (3, 8)
    depths = -(view[2, :3] @ corners + view[2, 3])
    nearest, farthest = float(depths.min()) * 0.999, float(depths.max()) * 1.001
    if farthest <= camera.near:
        return None
    near = max(camera.near, nearest)
    clip = camera.projection(near=near, far=min(max(farthest, 1.001 * near), _DEEPEST * near))
    matrix: NDArray[np.float64] = np.diag([1.0, -1.0, 1.0, 1.0]) @ clip @ view
    return matrix
