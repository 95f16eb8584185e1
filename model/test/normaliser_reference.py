"""The normaliser by numpy and scipy: fitted on the first rows of the input, applied to all of them.

`straight` is straight in the normal deviate between the quantiles; `ranked` is straight in the rank, as in
sklearn.preprocessing.QuantileTransformer, and so the deviate bends between them.

usage: normaliser_reference.py INPUT.f32 SHAPE FITTED LENGTH:SHARE,… QUANTILES
"""

import sys
from pathlib import Path

import numpy as np
from scipy.special import ndtri

rows = np.fromfile(sys.argv[1], np.float32).reshape([int(n) for n in sys.argv[2].split(",")]).astype(np.float64)
fitted = int(sys.argv[3])
lengths, group_shares = zip(*((int(n), float(s)) for n, s in (group.split(":") for group in sys.argv[4].split(","))))
shares = np.linspace(0, 1, int(sys.argv[5]))
folder = Path(sys.argv[1]).parent


def deviates(ranks):
    return ndtri(np.clip(ranks, 0.005, 0.995))


def straight(column, quantiles, resolution):
    """Quantiles that lie within the resolution of the first of them are a tie."""
    ties = [[0]]
    for i in range(1, len(quantiles)):
        if quantiles[i] - quantiles[ties[-1][0]] > resolution:
            ties.append([])
        ties[-1].append(i)
    middle = np.array([(shares[tie[0]] + shares[tie[-1]]) / 2 for tie in ties])
    return np.interp(column, quantiles[[tie[0] for tie in ties]], deviates(middle))


def ranked(column, quantiles, _):
    right = np.interp(column, quantiles, shares)
    left = 1 - np.interp(-column, -quantiles[::-1], shares)
    return deviates((left + right) / 2)


for name, transform in [("straight", straight), ("ranked", ranked)]:
    parts = []
    for group, share in zip(np.split(rows, np.cumsum(lengths)[:-1], axis=1), group_shares):
        quantiles = np.quantile(group[:fitted], shares, axis=0).astype(np.float32).astype(np.float64)
        resolution = 1e-4 * np.abs(group[:fitted]).max()
        values = np.stack([transform(group[:, i], quantiles[:, i], resolution) for i in range(group.shape[1])], axis=1)
        mean, spread = values[:fitted].mean(0), values[:fitted].std(0)
        values = np.clip((values - mean) / (spread + 0.001 * spread.max()), -6, 6)
        values[:, np.ptp(group[:fitted], axis=0) == 0] = 0
        parts.append(values * np.sqrt(share * rows.shape[1] / group.shape[1]))
    np.concatenate(parts, axis=1).astype(np.float32).tofile(folder / f"{name}.f32")
