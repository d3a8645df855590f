"""Shelves, cabinets and wardrobes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.joinery import HANDLES, four_corners, handle, legs, panel_front, slab
from anaglyph.data.procedural.materials import PAINTS, plain
from anaglyph.data.procedural.tables import drawers
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.solid import Solid, merged, placed
from anaglyph.geometry.solids import beam, box, rounded_box

_BOOKS = tuple(plain("books", PAINTS[name]) for name in ("red", "blue", "cream", "green"))


def _books(
    draws: Draws,
    width: float,
    heights: NDArray[np.float64],
    rooms: NDArray[np.float64],
    depth: float,
    x: float,
) -> list[list[Solid]]:
    """Rows of upright books on shelves, sorted into one list for each colour."""
    generator = draws.generator(f"books {x:.2f}")
    cover = box(1.0, 1.0, 1.0)
    shelves: list[list[Solid]] = [[] for _ in _BOOKS]
    for y, room in zip(heights, rooms, strict=True):
        count = int(width * generator.uniform(0.0, 0.85) / 0.035)
        if count < 2 or room < 0.12:
            continue
        thick = generator.uniform(0.6, 1.4, count) * 0.033
        high, deep = room * generator.uniform(0.6, 0.92, count), depth * generator.uniform(0.6, 0.85, count)
        starts = np.cumsum(thick) - thick - width / 2
        starts += 0.0 if generator.random() < 0.5 else max(width - thick.sum(), 0.0)
        sizes = np.zeros((count, 3, 3))
        sizes[:, 0, 0], sizes[:, 1, 1], sizes[:, 2, 2] = 0.94 * thick, high, deep
        spots = np.stack([x + starts + thick / 2, y + high / 2, np.full(count, 0.0) - 0.04 * depth], axis=1)
        colour = generator.integers(0, len(_BOOKS), count)
        for row, stack in enumerate(shelves):
            if (colour == row).any():
                stack.append(placed(cover, sizes[colour == row], spots[colour == row]))
    return shelves


@dataclass(frozen=True, eq=False)
class _Shelves:
    """Lengths of one bookshelf in metres."""

    width: float
    height: float
    depth: float
    board: float
    foot: float
    bays: NDArray[np.float64]
    """x of the uprights."""
    levels: NDArray[np.float64]
    """y of the boards' middles."""


def _measured(draws: Draws) -> _Shelves:
    height, board = draws.number("height", 0.7, 2.2), draws.number("board", 0.016, 0.045)
    foot, shelves = draws.number("foot", 0.0, 0.16), draws.whole("shelves", 2, 6)
    width, bays = draws.number("width", 0.5, 1.7), draws.whole("bays", 1, 3)
    levels = np.linspace(foot + board / 2, height - board / 2, shelves + 1)
    if draws.chance("uneven", 0.6):
        levels[1:-1] += np.diff(levels).mean() * draws.generator("levels").uniform(-0.35, 0.35, shelves - 1)
    xs = np.linspace(-width / 2, width / 2, bays + 1)
    if bays > 1 and draws.chance("uneven_bays", 0.4):
        xs[1:-1] += width / bays * draws.generator("bays").uniform(-0.3, 0.3, bays - 1)
    return _Shelves(width, height, draws.number("depth", 0.22, 0.42), board, foot, xs, levels)


def _case(draws: Draws, size: _Shelves) -> tuple[list[Solid], list[Solid], str]:
    """Uprights, boards and how they stand."""
    style, depth = draws.choice("frame", "panels", "panels", "posts", "leaning"), size.depth
    lean = 0.3 * depth if style == "leaning" else 0.0
    if style == "panels":
        uprights = [slab(size.board, size.height, depth, at=(x, size.height / 2, 0)) for x in size.bays]
    else:
        ends = ((-1, 0.0), (1, lean))
        uprights = [
            beam(
                (x, 0, s * depth / 2 + out),
                (x, size.height, s * depth / 2 - out),
                0.035,
                0.035,
                chamfer=0.004,
            )
            for x in size.bays
            for s, out in ends
        ]
    boards = [
        slab(size.width, size.board, depth + deep, at=(0, y, deep / 2))
        for y, deep in zip(size.levels, np.linspace(lean, -lean, len(size.levels)), strict=True)
    ]
    return uprights, boards, style


def _back(draws: Draws, size: _Shelves) -> tuple[Solid | None, str]:
    style, z = draws.choice("back", "closed", "open", "crossed"), -size.depth / 2
    if style == "closed":
        tall = size.height - size.foot
        return slab(size.width, tall, 0.012, at=(0, size.foot + tall / 2, z)), "a closed back"
    if style == "crossed":
        x = size.width / 2
        bars = [beam((-s * x, size.foot, z), (s * x, size.height, z), 0.025, 0.014) for s in (-1, 1)]
        return merged(bars), "a crossed back"
    return None, "an open back"


def bookshelf(draws: Draws) -> Built:
    """Boards between uprights; closed, open or crossed at the back, empty or with books, some leaning."""
    size, wood = _measured(draws), draws.finish("material", "wood", "wood", "paint", "metal")
    uprights, boards, style = _case(draws, size)
    back, back_words = _back(draws, size)
    parts = [Part("upright", merged(uprights), wood.material), Part("shelf", merged(boards), wood.material)]
    if back is not None:
        parts.append(Part("back", back, wood.material))
    bays = len(size.bays) - 1
    words = [
        counted(len(boards) - 1, "shelf", plural="shelves"),
        counted(bays, "bay") if bays > 1 else "",
        back_words,
    ]
    if draws.chance("filled", 0.55):
        rooms, tops = np.diff(size.levels) - size.board, size.levels[:-1] + size.board / 2
        stacks = [
            _books(draws, right - left - size.board, tops, rooms, size.depth, (left + right) / 2)
            for left, right in pairwise(size.bays)
        ]
        for row, material in enumerate(_BOOKS):
            solids = [solid for bay in stacks for solid in bay[row]]
            parts += [Part("book", merged(solids), material)] if solids else []
        words.append("books")
    return Built(parts, sentence(f"{wood.words} {'leaning ' if style == 'leaning' else ''}bookshelf", words))


def _doors(
    draws: Draws, count: int, width: float, height: float, *, framed: bool
) -> tuple[list[Solid], list[Solid]]:
    """Leaves side by side, filling width x height from y = 0 at z = 0, and their handles."""
    style, each = draws.choice("door_handles", *HANDLES), width / count
    leaves, pulls = [], []
    for i in range(count):
        x = (i + 0.5) * each - width / 2
        leaves.append(
            panel_front(each - 0.014, height - 0.014, thickness=0.024, at=(x, height / 2, 0), framed=framed)
        )
        inner = 1 if i % 2 == 0 and i + 1 < count else -1
        if style != "no handles":
            pulls.append(
                handle(style, size=0.14, at=(x + inner * 0.38 * each, 0.55 * height, 0.02), upright=True)
            )
    return leaves, pulls


def _feet(draws: Draws, width: float, depth: float, low: float) -> tuple[Solid, str]:
    style = draws.choice("feet", "plinth", "square", "tapered", "turned", "round")
    if style == "plinth":
        return slab(0.95 * width, low, 0.92 * depth, at=(0, low / 2, -0.02 * depth)), "a plinth"
    return legs(style, four_corners(width - 0.1, depth - 0.08), height=low, thickness=0.055), f"{style} feet"


def cabinet(draws: Draws) -> Built:
    """Chests of drawers and sideboards: columns of drawers, doors or open shelves."""
    columns = draws.whole("columns", 1, 3)
    width = columns * draws.number("column_width", 0.4, 0.75)
    height, depth = draws.number("height", 0.6, 1.35), draws.number("depth", 0.36, 0.55)
    low, board = draws.number("foot_height", 0.03, 0.22), draws.number("board", 0.016, 0.03)
    wood, metal = draws.finish("material", "wood", "paint"), draws.finish("handle_material", "metal", "wood")
    handles, framed = draws.choice("handles", *HANDLES), draws.chance("framed", 0.4)
    inside, each = height - low - board, (width - board) / columns
    body = [rounded_box(width, inside, depth - 0.04, radius=0.012, at=(0, low + inside / 2, -0.02))]
    over = draws.number("top_overhang", 0.0, 0.04)
    parts = [
        Part(
            "top",
            slab(width + 2 * over, board, depth + 2 * over, at=(0, height - board / 2, 0)),
            wood.material,
        )
    ]
    front, kinds = depth / 2 - 0.04, []
    for column in range(columns):
        x = (column + 0.5) * each - (width - board) / 2
        kind = draws.choice(f"column_{column}", "drawers", "drawers", "door", "shelves")
        kinds.append(kind)
        if kind == "drawers":
            count = draws.whole(f"drawers_{column}", 2, 5)
            fronts, pulls = drawers(
                draws, count, each - board, inside - board, handles=handles, framed=framed
            )
        elif kind == "door":
            fronts, pulls = _doors(draws, 1, each - board, inside - board, framed=framed)
        else:
            count = draws.whole(f"shelves_{column}", 2, 4)
            gap = (inside - board) / count
            fronts, pulls = (
                [slab(each - board, board, 0.035, at=(0, i * gap, 0.0175)) for i in range(count + 1)],
                [],
            )
            body.append(slab(board, inside, 0.04, at=(x - each / 2, low + inside / 2, front + 0.02)))
            body.append(slab(board, inside, 0.04, at=(x + each / 2, low + inside / 2, front + 0.02)))
        parts.append(Part(kind, merged(fronts).moved(x, low + board / 2, front), wood.material))
        if pulls:
            parts.append(Part("handle", merged(pulls).moved(x, low + board / 2, front), metal.material))
    feet, foot_words = _feet(draws, width, depth, low)
    parts += [Part("body", merged(body), wood.material), Part("foot", feet, wood.material)]
    words = [
        f"{counted(kinds.count(kind), 'column')} of {kind if kind != 'door' else 'doors'}"
        for kind in dict.fromkeys(kinds)
    ]
    return Built(parts, sentence(f"{wood.words} cabinet", [*words, foot_words]))


def wardrobe(draws: Draws) -> Built:
    """A tall cupboard with doors over drawers, a cornice and feet."""
    doors = draws.whole("doors", 1, 4)
    width, height = doors * draws.number("door_width", 0.42, 0.6), draws.number("height", 1.7, 2.3)
    depth, low = draws.number("depth", 0.5, 0.65), draws.number("foot_height", 0.03, 0.16)
    wood, metal = draws.finish("material", "wood", "paint"), draws.finish("handle_material", "metal", "wood")
    framed = draws.chance("framed", 0.5)
    count = draws.whole("drawer_rows", 0, 2)
    chest = count * draws.number("drawer_height", 0.18, 0.28)
    cornice = draws.choice("cornice", "flat", "moulded", "arched")
    over = 0.0 if cornice == "flat" else draws.number("cornice_reach", 0.02, 0.06)
    inside, front = height - low, depth / 2 - 0.02
    body = rounded_box(width, inside, depth - 0.04, radius=0.012, at=(0, low + inside / 2, -0.02))
    leaves, pulls = _doors(draws, doors, width - 0.03, inside - chest - 0.04, framed=framed)
    parts = [
        Part("body", body, wood.material),
        Part("door", merged(leaves).moved(y=low + chest + 0.02, z=front - 0.02), wood.material),
    ]
    if pulls:
        parts.append(
            Part("handle", merged(pulls).moved(y=low + chest + 0.02, z=front - 0.02), metal.material)
        )
    words = [counted(doors, "door")]
    if count:
        handles = draws.choice("handles", "knobs", "bar handles", "bow handles")
        fronts, knobs = drawers(draws, count, width - 0.03, chest, handles=handles, framed=framed)
        parts.append(Part("drawer", merged(fronts).moved(y=low + 0.01, z=front - 0.02), wood.material))
        parts.append(Part("handle", merged(knobs).moved(y=low + 0.01, z=front - 0.02), metal.material))
        words.append(counted(count, "drawer"))
    if cornice != "flat":
        steps = [
            slab(width + s * over, 0.03, depth + s * over, at=(0, height + 0.015 + 0.03 * i, 0))
            for i, s in enumerate((1.0, 2.0))
        ]
        if cornice == "arched":
            steps += [
                slab(
                    width * (0.8 - 0.2 * i), 0.035, 0.04, at=(0, height + 0.077 + 0.035 * i, depth / 2 - 0.02)
                )
                for i in range(4)
            ]
        parts.append(Part("cornice", merged(steps), wood.material))
        words.append(f"a{'n' if cornice == 'arched' else ''} {cornice} cornice")
    feet, foot_words = _feet(draws, width, depth, low)
    parts.append(Part("foot", feet, wood.material))
    return Built(parts, sentence(f"{wood.words} wardrobe", [*words, foot_words]))
