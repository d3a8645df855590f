"""Shelves, cabinets and wardrobes."""

from __future__ import annotations

import numpy as np

from anaglyph.data.procedural.build import Built
from anaglyph.data.procedural.captions import counted, sentence
from anaglyph.data.procedural.draws import Draws
from anaglyph.data.procedural.joinery import HANDLES, four_corners, handle, legs, panel_front, slab
from anaglyph.data.procedural.materials import PAINTS, plain
from anaglyph.data.procedural.tables import drawers
from anaglyph.geometry.assemble import Part
from anaglyph.geometry.solid import Solid, merged, placed
from anaglyph.geometry.solids import beam, box

_BOOKS = tuple(plain("books", PAINTS[name]) for name in ("red", "blue", "cream", "green"))


def _books(
    draws: Draws, width: float, heights: list[float], rooms: list[float], depth: float, x: float
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


def bookshelf(draws: Draws) -> Built:
    """Boards between uprights; closed, open or crossed at the back, empty or with books, some as a ladder."""
    width, height, depth = (
        draws.number("width", 0.5, 1.6),
        draws.number("height", 0.7, 2.2),
        draws.number("depth", 0.22, 0.4),
    )
    shelves, bays, board = (
        draws.whole("shelves", 2, 6),
        draws.whole("bays", 1, 3),
        draws.number("board", 0.016, 0.04),
    )
    wood = draws.finish("material", "wood", "wood", "paint", "metal")
    foot = draws.number("foot", 0.0, 0.12)
    levels = np.linspace(foot + board / 2, height - board / 2, shelves + 1)
    if draws.chance("uneven", 0.5):
        levels[1:-1] += np.diff(levels).mean() * draws.generator("levels").uniform(-0.3, 0.3, shelves - 1)
    style = draws.choice("frame", "panels", "panels", "posts", "leaning")
    back = draws.choice("back", "closed", "open", "crossed")
    xs = np.linspace(-width / 2, width / 2, bays + 1)
    parts, lean = [], 0.0
    if style == "panels":
        uprights = [slab(board, height, depth, at=(x, height / 2, 0)) for x in xs]
    else:
        lean = 0.3 * depth if style == "leaning" else 0.0
        uprights = [
            beam(
                (x, 0, s * (depth / 2 - 0.02) + (lean if s > 0 else 0)),
                (x, height, s * (depth / 2 - 0.02) - (lean if s > 0 else 0)),
                0.03,
                0.03,
            )
            for x in xs
            for s in (-1, 1)
        ]
    deeper = np.linspace(lean, -lean, shelves + 1)
    boards = [
        slab(width, board, depth + deep, at=(0, y, deep / 2)) for y, deep in zip(levels, deeper, strict=True)
    ]
    parts += [Part("upright", merged(uprights), wood.material), Part("shelf", merged(boards), wood.material)]
    if back == "closed":
        parts.append(
            Part(
                "back",
                slab(width, height - foot, 0.012, at=(0, (height + foot) / 2, -depth / 2)),
                wood.material,
            )
        )
    elif back == "crossed":
        rods = [
            beam((-s * width / 2, foot, -depth / 2), (s * width / 2, height, -depth / 2), 0.02, 0.012)
            for s in (-1, 1)
        ]
        parts.append(Part("back", merged(rods), wood.material))
    words = [
        counted(shelves, "shelf", plural="shelves"),
        counted(bays, "bay") if bays > 1 else "",
        f"{'a' if back != 'open' else 'an'} {back} back",
    ]
    if draws.chance("filled", 0.55):
        rooms = (np.diff(levels) - board).tolist()
        wide, tops = width / bays - board, (levels[:-1] + board / 2).tolist()
        stacks = [_books(draws, wide, tops, rooms, depth, (xs[i] + xs[i + 1]) / 2) for i in range(bays)]
        for row, material in enumerate(_BOOKS):
            stack = [solid for bay in stacks for solid in bay[row]]
            parts += [Part("book", merged(stack), material)] if stack else []
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
    body = [slab(width, inside, depth - 0.04, at=(0, low + inside / 2, -0.02))]
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
    body = slab(width, inside, depth - 0.04, at=(0, low + inside / 2, -0.02))
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
