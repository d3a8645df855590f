"""How faces hang together, with sets and dictionaries over corner positions."""


def slow_structure(corners):
    """(F, 3, 3) positions -> counts of degenerate, duplicate, open, crowded, turned, components."""
    faces = [tuple(tuple(point) for point in face) for face in corners.tolist()]
    good = [face for face in faces if area(face) > 0]
    different = {}
    for face in good:
        different.setdefault(frozenset(face), []).append(face)
    edges = {}
    for group in different.values():
        a, b, c = group[0]
        for start, end in ((a, b), (b, c), (c, a)):
            edges.setdefault(frozenset((start, end)), []).append((start, len(group) > 1))
    turned = 0
    for users in edges.values():
        if len(users) == 2 and not users[0][1] and not users[1][1]:
            turned += users[0][0] == users[1][0]
    return {
        "degenerate": len(faces) - len(good),
        "duplicates": len(good) - len(different),
        "open_edges": sum(len(users) == 1 for users in edges.values()),
        "crowded_edges": sum(len(users) > 2 for users in edges.values()),
        "turned_edges": turned,
        "components": pieces(good),
    }


def area(face):
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = face
    u, v = (bx - ax, by - ay, bz - az), (cx - ax, cy - ay, cz - az)
    cross = (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
    return sum(part * part for part in cross) ** 0.5 / 2


def pieces(faces):
    """Merge sets of places that share one until nothing merges."""
    groups = [set(face) for face in faces]
    merged = True
    while merged:
        merged = False
        for first in range(len(groups)):
            for second in range(first + 1, len(groups)):
                if groups[first] & groups[second]:
                    groups[first] |= groups.pop(second)
                    merged = True
                    break
            if merged:
                break
    return len(groups)
