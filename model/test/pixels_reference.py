"""The statistics of the tap `pixels` by numpy and scipy.ndimage, in float64: `statistics.f32`, a row for each image.

Where it can it goes another way than the network: by lists of pixels instead of masked maps, by coordinates instead of
largest values, by scipy's own filters, and it shrinks by minima instead of growing the negative.

usage: pixels_reference.py INPUT.f32 SHAPE    images as the network has them, blue first, the means of ImageNet subtracted
"""

import sys
from pathlib import Path

import numpy as np
from scipy import ndimage

TINY = 1e-6  # keeps quotients and roots finite where nothing is inside
MEANS = [103.939, 116.779, 123.68]
SQUARE, PLUS = np.ones((3, 3)), ndimage.generate_binary_structure(2, 1)


def grow(image, step):
    return ndimage.maximum_filter(image, footprint=SQUARE if step % 2 else PLUS, mode="constant", cval=-np.inf)


def shrink(image, step):
    return ndimage.minimum_filter(image, footprint=SQUARE if step % 2 else PLUS, mode="constant", cval=np.inf)


def shrunk(image, steps):
    for step in range(1, steps + 1):
        image = shrink(image, step)
    return image


def opened(image, steps):
    image = shrunk(image, steps)
    for step in range(steps, 0, -1):
        image = grow(image, step)
    return image


def depths(image, steps):
    return sum(shrunk(image, step) for step in range(steps + 1))


def blur(image, sigma):
    return ndimage.gaussian_filter(image, sigma, mode="constant", truncate=3)


def box(image):
    return ndimage.uniform_filter(image, 3, mode="constant")


def largest(values):
    return values.max(initial=0)


def statistics(grey):
    mask = grey > 0.5
    inner = mask.astype(np.float64)
    y, x = np.nonzero(mask)
    levels = grey[mask]
    area = len(levels)

    def inside(values):
        return values.sum() / (area + TINY)

    mean = inside(levels)
    centred = levels - mean
    deviation = np.sqrt(inside(centred**2) + TINY)
    row, column = inside(y), inside(x)
    rows, columns = np.indices(grey.shape)
    distance = np.sqrt((rows - row) ** 2 + (columns - column) ** 2 + TINY)

    # Shape
    vertical, horizontal = inside((y - row) ** 2) + 1 / 12, inside((x - column) ** 2) + 1 / 12
    both = inside((y - row) * (x - column))
    yield "fill", area / (4 * np.pi * np.sqrt(max(vertical * horizontal - both**2, TINY)))
    along = [y * np.sin(angle) + x * np.cos(angle) for angle in np.pi * np.arange(16) / 16]
    width = np.mean([np.ptp(places) + 1 for places in along]) if area else 0
    yield "hullfill", area / (width**2 + 1)
    edge = mask & (shrink(inner, 1) == 0)
    count = edge.sum() + TINY
    radii = distance[edge]
    radius = radii.sum() / count
    yield "radcv", np.sqrt(((radii - radius) ** 2).sum() / count + TINY) / (radius + 1)
    near = blur(inner, 1)[edge]
    yield "bendsd1", np.sqrt(((near - near.sum() / count) ** 2).sum() / count + 1e-8)
    yield "bendmax1", largest(near)
    yield "bendmax2", largest(blur(inner, 2)[edge])

    # Grey
    yield "skew", inside(centred**3) / (deviation**3 + 1)
    yield "max", grey.max()
    yield "ab192", (grey > 191.5).sum()
    yield "sh250", (grey > 249.5).sum() / (area + TINY)
    depth = depths(inner, 16)[mask]
    below = depth - inside(depth)
    yield "dg_slope", inside(below * centred) / (inside(below**2) + 0.1)
    share = distance[mask] / (np.sqrt(area / np.pi) + TINY)
    yield "rp0", (levels[share < 0.3].sum() + mean) / ((share < 0.3).sum() + 1)
    yield "rf4", ((share >= 0.9) & (share < 1.1)).sum() / (area + 1)
    slight, wide = (blur(grey * mask, sigma) / (blur(inner, sigma) + 1e-3) for sigma in (1, 2))
    yield "nbmax", largest(slight[mask])
    yield "cmax", largest(((1 - distance / 64) * slight)[mask])

    # Texture
    calm = np.pad(blur(grey, 0.5), 1)
    steepness = np.hypot(calm[2:, 1:-1] - calm[:-2, 1:-1], calm[1:-1, 2:] - calm[1:-1, :-2]) / 2
    rimless, core = (shrunk(inner, steps) > 0 for steps in (1, 2))
    yield "grad_core", steepness[core].sum() / (core.sum() + 1)
    yield "lap", np.abs(grey - box(grey))[rimless].sum() / (rimless.sum() + 1)
    rest = (grey - wide)[mask]
    yield "hp2", inside(np.abs(rest))
    yield "hprel2", np.sqrt(inside(rest**2) + TINY) / (deviation + 1)
    weight = box(inner) + 1e-3
    variance = box(grey**2 * mask) / weight - (box(grey * mask) / weight) ** 2
    yield "lsdrel3", inside(np.sqrt(np.maximum(variance, 0) + 1e-3)[mask]) / (deviation + 1)
    yield "dogpos", inside(np.maximum(slight - wide, 0)[mask])
    pairs = [(grey[2:], grey[:-2], mask[2:] & mask[:-2]), (grey[:, 2:], grey[:, :-2], mask[:, 2:] & mask[:, :-2])]
    steps = [np.abs(one - other)[where] for one, other, where in pairs]
    yield "ad2", sum(step.sum() for step in steps) / (sum(map(len, steps)) + 1)

    # Morphology
    total = grey.sum() + 1
    closed = shrink(shrink(grow(grow(grey, 1), 2), 2), 1)
    yield "gclose2", inside((closed - grey)[mask])
    yield "gopen1", opened(grey, 1).sum() / total
    yield "gopen6", opened(grey, 6).sum() / total
    yield "gero8", shrunk(grey, 8).sum() / total
    for level in (96, 160, 208):
        bright = (grey > level - 0.5).astype(np.float64)
        border = sum(np.count_nonzero(np.diff(bright, axis=axis)) for axis in (0, 1))
        yield f"sp{level}", border
        yield f"sc{level}", border**2 / (bright.sum() + 4)
        yield f"sd{level}", depths(bright, 8).max()


ORDER = (
    "fill hullfill radcv bendsd1 bendmax1 bendmax2 skew max ab192 sh250 dg_slope rp0 rf4 nbmax cmax grad_core lap hp2 "
    "hprel2 lsdrel3 dogpos ad2 gclose2 gopen1 gopen6 gero8 sp96 sc96 sd160 sc160 sp208 sd208"
).split()

images = np.fromfile(sys.argv[1], np.float32).reshape([int(n) for n in sys.argv[2].split(",")])
greys = np.mean(images.astype(np.float64) + np.array(MEANS, np.float32), axis=-1)
named = [dict(statistics(grey)) for grey in greys]
rows = np.array([[each[name] for name in ORDER] for each in named], np.float32)
rows.tofile(Path(sys.argv[1]).parent / "statistics.f32")
