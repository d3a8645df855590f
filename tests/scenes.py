"""Meshes that back-ends must agree on, made in code: name -> mesh inside the unit sphere."""

import numpy as np

from anaglyph.geometry.mesh import Material, Mesh


def mesh_of(vertices, faces, **looks):
    """A mesh from anything that becomes arrays."""
    return Mesh(
        np.ascontiguousarray(vertices, dtype=np.float32), np.ascontiguousarray(faces, np.int32), **looks
    )


def grid_faces(rows, columns):
    """Two triangles for each cell of a grid of (rows + 1) x (columns + 1) vertices."""
    corner = np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)
    a, b, c, d = corner, corner + 1, corner + columns + 2, corner + columns + 1
    return np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])


def sphere(rows=24, columns=48, *, radius=1.0, bumps=0.0):
    """A sphere, or a bumpy one."""
    polar, turn = np.meshgrid(
        np.linspace(0, np.pi, rows + 1), np.linspace(0, 2 * np.pi, columns + 1), indexing="ij"
    )
    unit = np.stack([np.sin(polar) * np.cos(turn), np.cos(polar), np.sin(polar) * np.sin(turn)], -1)
    unit = unit.reshape(-1, 3)
    return mesh_of(
        radius * unit * (1 - bumps + bumps * np.sin(7 * unit).prod(1, keepdims=True)),
        grid_faces(rows, columns),
    )


def box(low, high):
    """An axis-aligned box of 12 faces."""
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    low, high = np.asarray(low, float), np.asarray(high, float)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [face for a, b, c, d in quads for face in ((a, b, c), (a, c, d))]
    return mesh_of(low + corners * (high - low), faces)


def joined(*meshes):
    """One mesh of several, without their looks."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    return mesh_of(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts[:-1], strict=True)]),
    )


def turned(mesh, degrees):
    """Turned about the diagonal of x, y and z."""
    axis, angle = np.ones(3) / np.sqrt(3), np.radians(degrees)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    matrix = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return mesh_of(mesh.vertices @ matrix.T, mesh.faces)


def chair():
    """Seat, back and four thin legs, in two colours and with a texture on the seat."""
    parts = [box((-0.4, 0, -0.4), (0.4, 0.06, 0.4)), box((-0.4, 0.06, -0.4), (0.4, 0.7, -0.34))]
    parts += [box((x, -0.6, z), (x + 0.05, 0, z + 0.05)) for x in (-0.38, 0.33) for z in (-0.38, 0.33)]
    whole = joined(*parts)
    checks = np.kron(np.indices((4, 4)).sum(0) % 2, np.ones((4, 4)))[..., None] * [200, 60, 20] + 40
    uv = np.tile(
        np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], np.float32), (len(parts) * 6, 1, 1)
    )
    materials = (
        Material(texture=checks.astype(np.uint8), colour=(1, 1, 1)),
        Material(colour=(0.2, 0.3, 0.7)),
    )
    return mesh_of(
        whole.vertices,
        whole.faces,
        corner_uv=uv,
        face_material=np.repeat([0, 1], [12, 12 * (len(parts) - 1)]).astype(np.int32),
        materials=materials,
    )


def wires():
    """A cage of 60 long boxes as thin as a third of a pixel at 224."""
    bars = []
    for step in np.linspace(-0.55, 0.55, 10):
        for a, b in ((0, 1), (1, 2), (2, 0)):
            for side in (-0.55, 0.55):
                low, high = np.full(3, -0.55), np.full(3, 0.55)
                low[a] = step
                high[a] = step + 0.0035
                low[b] = side
                high[b] = side + 0.0035
                bars.append(box(low, high))
    return joined(*bars)


SCENES = {
    "sphere": lambda: sphere(),
    "box": lambda: turned(box((-0.5, -0.4, -0.3), (0.5, 0.4, 0.3)), 20),
    "chair": chair,
    "bumpy sphere of 23k faces": lambda: sphere(108, 107, bumps=0.3),
    "100k faces": lambda: sphere(224, 224, bumps=0.3),
    "wires": wires,
    "interpenetrating boxes": lambda: joined(
        box((-0.5, -0.3, -0.3), (0.5, 0.3, 0.3)), turned(box((-0.3, -0.3, -0.5), (0.3, 0.3, 0.5)), 40)
    ),
    "one triangle": lambda: mesh_of([[-0.6, -0.4, 0], [0.7, -0.3, 0.2], [0.1, 0.8, -0.2]], [[0, 1, 2]]),
    "both windings": lambda: mesh_of(
        [[-0.7, -0.5, 0], [0, -0.5, 0], [-0.3, 0.6, 0.1], [0.1, -0.5, 0], [0.7, -0.5, 0], [0.4, 0.6, 0]],
        [[0, 1, 2], [3, 5, 4]],
    ),
}
