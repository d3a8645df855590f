"""sRGB and CIE L*a*b*, one pixel at a time, from the standards' formulas (IEC 61966-2-1, CIE 1976)."""

# Primaries of BT.709 in xy and its white, from which the matrix follows.
PRIMARIES = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
WHITE = (0.95047, 1.0, 1.08883)


def slow_lab(red, green, blue):
    """sRGB in [0, 1] -> L, a, b."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (red, green, blue)
    ]
    matrix = xyz_of_primaries()
    x, y, z = (sum(matrix[row][k] * linear[k] for k in range(3)) / WHITE[row] for row in range(3))
    fx, fy, fz = curve(x), curve(y), curve(z)
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def curve(t):
    """The cube root, a line near black."""
    return t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29


def xyz_of_primaries():
    """Each primary's XYZ in a column, scaled so that all three together are white."""
    columns = [(x / y, 1.0, (1 - x - y) / y) for x, y in PRIMARIES]
    rows = [[columns[k][row] for k in range(3)] for row in range(3)]
    scale = solved(rows, WHITE)
    return [[rows[row][k] * scale[k] for k in range(3)] for row in range(3)]


def solved(rows, right):
    """Cramer's rule for three equations."""
    whole = determinant(rows)
    result = []
    for k in range(3):
        replaced = [[right[r] if c == k else rows[r][c] for c in range(3)] for r in range(3)]
        result.append(determinant(replaced) / whole)
    return result


def determinant(m):
    return (
        m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1])
        - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
        + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    )
