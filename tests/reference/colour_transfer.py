"""Statistics of regions and Reinhard's transfer with NumPy, one picture, region and channel at a time."""

import math


def slow_statistics(lab, shares):
    """lab: (3, H, W); shares: R arrays (H, W) -> per region ([mean of 3], [deviation of 3])."""
    whole = [channel_moments(channel, [[1.0] * len(channel[0])] * len(channel)) for channel in lab]
    result = []
    for share in shares:
        if sum(map(sum, share)) < 1.0:
            moments = whole
        else:
            moments = [channel_moments(channel, share) for channel in lab]
        result.append(([m for m, _ in moments], [s for _, s in moments]))
    return result


def channel_moments(channel, share):
    """Weighted mean and unbiased deviation with a floor."""
    pairs = [
        (float(w), float(x))
        for ws, xs in zip(share, channel, strict=True)
        for w, x in zip(ws, xs, strict=True)
    ]
    total = sum(w for w, _ in pairs)
    mean = sum(w * x for w, x in pairs) / total
    degrees = total - sum(w * w for w, _ in pairs) / total
    spread = sum(w * (x - mean) ** 2 for w, x in pairs)
    variance = spread / degrees if degrees > 0 else 0.0
    return mean, math.sqrt(max(variance, 1e-6))


def slow_restyled(lab, shares, own, style):
    """Every pixel: the shares of the regions times its value moved by each region's statistics."""
    height, width = len(lab[0]), len(lab[0][0])
    out = [[[0.0] * width for _ in range(height)] for _ in range(3)]
    for channel in range(3):
        for y in range(height):
            for x in range(width):
                for region, share in enumerate(shares):
                    gain = style[region][1][channel] / own[region][1][channel]
                    moved = (lab[channel][y][x] - own[region][0][channel]) * gain + style[region][0][channel]
                    out[channel][y][x] += share[y][x] * moved
    return out
