"""Twelve views of a mesh at 224 px: every back-end of `anaglyph.render` beside pyrender and plain moderngl.

    python -m benchmarks.bench_render          (make bench runs it with the others)

The meshes are made in code: a chair of 23 thousand faces, and a bumpy sphere of a million, both with vertex
colours. Ours take 2 x 2 samples a pixel and make gray pictures and masks. "plain moderngl" is what one would
write without a library: one context kept open, light in the shader, 4 samples a pixel by the driver, colours
read back. pyrender draws through EGL in a scene that is kept, with flat shading and a light at the camera;
its pictures need not be ours. Their meshes are on the GPU before the clock starts, ours are not.
"seconds" is the smallest wall time of a few repeats for all twelve views, "cpu_seconds" the processor time of
all threads in the same run, "times_the_best" compares with the fastest of the same mesh and threads. With one
thread only ours are held to it; the OpenGL driver takes as many as it likes.
"within" says whether the default back-end keeps its bars: 0.4 s for 23 thousand faces on two threads, and no
more than twice the best at a million.
"""

from __future__ import annotations

# ruff: noqa: E402 - the allocator is set before torch is imported
from anaglyph.cli.allocator import keep_freed_memory

keep_freed_memory()

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch

from anaglyph.errors import ConfigError
from anaglyph.geometry.cameras import Camera, view_cameras
from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.normalize import normalized
from anaglyph.render.backends import BACKENDS, choose_backend, explain
from anaglyph.render.options import RenderOptions
from anaglyph.render.views import render_views

VIEWS = 12
SIZE = 224
PATIENCE = 2.5
"""Seconds for the repeats of one way."""
SECONDS, TIMES = 0.4, 2.0
"""Bars of the default back-end: for the small mesh on two threads, and times the best for the large one."""
ABSENT = {"seconds": "", "views_per_second": "", "cpu_seconds": "", "times_the_best": "", "within": ""}

Draw = Callable[[], np.ndarray]


def run() -> list[dict[str, Any]]:
    """Rows: mesh, threads, way, seconds, views a second, CPU seconds, times the best, within bar, note."""
    before = torch.get_num_threads()
    rows = []
    try:
        for name, mesh in (("chair", chair()), ("bumpy sphere", bumpy_sphere())):
            what = f"{name}, {len(mesh.faces):,} faces"
            for threads in (1, 2):
                torch.set_num_threads(threads)
                rows += compare(what, mesh, threads)
    finally:
        torch.set_num_threads(before)
    return rows


def compare(what: str, mesh: Mesh, threads: int) -> list[dict[str, Any]]:
    """All ways on one mesh."""
    rows = []
    for way, prepare in ways(mesh):
        row: dict[str, Any] = {"mesh": what, "threads": threads, "way": way, **ABSENT, "note": ""}
        with ExitStack() as stack:
            try:
                draw = prepare(stack)
            except (ImportError, ConfigError) as error:
                rows.append(row | {"note": " ".join(str(error).split())})
                continue
            seconds, processor = smallest(draw)
        row |= {"seconds": seconds, "views_per_second": VIEWS / seconds, "cpu_seconds": processor}
        rows.append(row)
    best = min(row["seconds"] for row in rows if row["seconds"])
    for row in rows:
        if row["seconds"]:
            row["times_the_best"] = row["seconds"] / best
    default = next(row for row in rows if row["way"] == f"ours, {choose_backend('auto', 'cpu')}")
    default["way"] += " (auto)"
    if threads == 2:
        small = len(mesh.faces) < 100_000
        kept = default["seconds"] <= SECONDS if small else default["times_the_best"] <= TIMES
        default["within"] = "yes" if kept else "NO"
    return rows


def ways(mesh: Mesh) -> Iterator[tuple[str, Callable[[ExitStack], Draw]]]:
    cameras = view_cameras("ring12")
    for backend in BACKENDS:
        yield f"ours, {backend}", lambda stack, backend=backend: ours(mesh, cameras, backend)
    yield "plain moderngl, 4x MSAA", lambda stack: plain_moderngl(mesh, cameras, stack)
    yield "pyrender, EGL", lambda stack: pyrender_egl(mesh, cameras, stack)


def ours(mesh: Mesh, cameras: tuple[Camera, ...], backend: str) -> Draw:
    if reason := explain(backend):
        raise ConfigError(reason)
    options = RenderOptions(size=SIZE, backend=backend)
    return lambda: render_views(mesh, cameras, options=options).gray


def plain_moderngl(mesh: Mesh, cameras: tuple[Camera, ...], stack: ExitStack) -> Draw:
    """Corners with normals and colours in one buffer, light in the shader, a multisampled frame buffer."""
    import moderngl

    if reason := explain("moderngl"):
        raise ConfigError(reason)
    context = moderngl.create_context(standalone=True, backend="egl", require=330)
    stack.callback(context.release)
    program = context.program(
        vertex_shader="""
            #version 330
            uniform mat4 clip; uniform vec3 eye;
            in vec3 place; in vec3 normal; in vec3 colour;
            flat out vec3 n; out vec3 c; out vec3 to_eye;
            void main() { gl_Position = clip * vec4(place, 1); n = normal; c = colour; to_eye = eye - place; }
        """,
        fragment_shader="""
            #version 330
            flat in vec3 n; in vec3 c; in vec3 to_eye; out vec4 seen;
            void main() { seen = vec4(c * (0.16 + 0.78 * abs(dot(n, normalize(to_eye)))), 1); }
        """,
    )
    table = np.concatenate(corner_table(mesh), axis=1)
    buffer = context.buffer(table.tobytes())
    model = context.vertex_array(program, [(buffer, "3f 3f 3f", "place", "normal", "colour")])
    samples = context.framebuffer(
        [context.renderbuffer((SIZE, SIZE), 4, samples=4)],
        context.depth_renderbuffer((SIZE, SIZE), samples=4),
    )
    picture = context.framebuffer([context.renderbuffer((SIZE, SIZE), 4)])
    context.enable_only(context.DEPTH_TEST)

    def draw() -> np.ndarray:
        pictures = np.empty((len(cameras), SIZE, SIZE, 3), np.uint8)
        for one, camera in zip(pictures, cameras, strict=True):
            clip = camera.projection(near=0.5, far=5.0) @ camera.view()
            program["clip"].write(clip.T.astype(np.float32).tobytes())
            program["eye"].value = camera.position
            samples.use()
            samples.clear(1.0, 1.0, 1.0, 1.0)
            model.render()
            context.copy_framebuffer(picture, samples)
            one[:] = np.frombuffer(picture.read(components=3), np.uint8).reshape(SIZE, SIZE, 3)[::-1]
        return pictures

    return draw


def pyrender_egl(mesh: Mesh, cameras: tuple[Camera, ...], stack: ExitStack) -> Draw:
    """One scene, whose camera and light are moved from view to view."""
    os.environ.setdefault("PYOPENGL_PLATFORM", "egl")  # read by PyOpenGL when it is imported
    import pyrender

    if not hasattr(np, "infty"):
        np.infty = np.inf  # noqa: NPY201 - gone from NumPy 2, which pyrender 0.1.45 does not know
    places, normals, colours = corner_table(mesh)
    primitive = pyrender.Primitive(positions=places, normals=normals, color_0=colours, mode=4)
    scene = pyrender.Scene(ambient_light=[0.16] * 3, bg_color=[1.0] * 4)
    scene.add(pyrender.Mesh([primitive]))
    eye = scene.add(pyrender.PerspectiveCamera(yfov=np.radians(49.1), aspectRatio=1.0, znear=0.5, zfar=5.0))
    light = scene.add(pyrender.DirectionalLight(intensity=2.5))
    renderer = pyrender.OffscreenRenderer(SIZE, SIZE)
    stack.callback(renderer.delete)

    def draw() -> np.ndarray:
        pictures = []
        for camera in cameras:
            pose = np.linalg.inv(camera.view())
            scene.set_pose(eye, pose)
            scene.set_pose(light, pose)
            pictures.append(renderer.render(scene)[0])
        return np.stack(pictures)

    return draw


def corner_table(mesh: Mesh) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(3 F, 3) places, flat normals and colours in [0, 1] of all corners of all faces, float32."""
    corners = mesh.vertices[mesh.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    colours = (mesh.vertex_colours[mesh.faces].reshape(-1, 3) / 255.0).astype(np.float32)
    return corners.reshape(-1, 3), np.repeat(normals, 3, axis=0), colours


def smallest(draw: Draw) -> tuple[float, float]:
    """Seconds of the fastest run and the processor seconds of that one, after one run to warm up."""
    draw()
    times: list[tuple[float, float]] = []
    start = time.perf_counter()
    while len(times) < 3 or (time.perf_counter() - start < PATIENCE and len(times) < 20):
        wall, processor = time.perf_counter(), time.process_time()
        draw()
        times.append((time.perf_counter() - wall, time.process_time() - processor))
    return min(times)


def chair() -> Mesh:
    """A chair of 23,424 faces: rounded seat and back, four turned legs and bars between them, as grids."""
    parts = [
        superquadric((0.0, 0.0, 0.0), (0.45, 0.06, 0.45), 48, 96, power=0.25),
        superquadric((0.0, 0.5, -0.4), (0.42, 0.45, 0.05), 48, 96, power=0.25),
    ]
    for x in (-0.38, 0.38):
        for z in (-0.38, 0.38):
            parts.append(superquadric((x, -0.45, z), (0.045, 0.45, 0.045), 16, 36, power=0.5))
        parts.append(superquadric((x, -0.5, 0.0), (0.02, 0.02, 0.38), 8, 18, power=0.5))
    vertices = np.concatenate([points for points, _ in parts])
    starts = np.cumsum([0, *(len(points) for points, _ in parts)])
    faces = np.concatenate([rows + start for (_, rows), start in zip(parts, starts, strict=False)])
    return coloured(vertices, faces)


def bumpy_sphere() -> Mesh:
    """1,000,000 faces."""
    points, faces = superquadric((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 500, 1000, power=1.0)
    return coloured(points * (0.85 + 0.15 * np.sin(9 * points).prod(axis=1, keepdims=True)), faces)


def superquadric(
    centre: tuple[float, float, float],
    radii: tuple[float, float, float],
    rows: int,
    columns: int,
    *,
    power: float,
) -> tuple[np.ndarray, np.ndarray]:
    """A ball (power 1) to a box (power near 0) as a grid: vertices and 2 x rows x columns faces."""
    polar, turn = np.meshgrid(
        np.linspace(0, np.pi, rows + 1), np.linspace(0, 2 * np.pi, columns + 1), indexing="ij"
    )
    unit = np.stack([np.sin(polar) * np.cos(turn), np.cos(polar), np.sin(polar) * np.sin(turn)], axis=-1)
    bent = np.sign(unit) * np.abs(unit) ** power
    corner = np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)
    a, b, c, d = corner, corner + 1, corner + columns + 2, corner + columns + 1
    faces = np.stack([np.stack([a, b, c], axis=-1), np.stack([a, c, d], axis=-1)], axis=2).reshape(-1, 3)
    return (np.array(centre) + bent * np.array(radii)).reshape(-1, 3), faces


def coloured(vertices: np.ndarray, faces: np.ndarray) -> Mesh:
    """In the unit sphere, coloured by place."""
    colours = (127.5 + 127.5 * np.sin(4 * vertices)).astype(np.uint8)
    mesh = Mesh(vertices.astype(np.float32), faces.astype(np.int32), vertex_colours=colours)
    return normalized(mesh, "sphere")


if __name__ == "__main__":
    from benchmarks.__main__ import section

    section("bench_render")
