"""Reference values for trainer/src/statistics, by scikit-learn, SciPy and definitions written out in full.

    pip install scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
    python trainer/test/statistics-reference.py > trainer/test/fixtures/statistics.json
    npx oxfmt trainer/test/fixtures/statistics.json

Nothing here shares a formula with the TypeScript: DeLong is over all pairs, the clustered variance over a matrix, the
temperature by scalar minimisation, BCa's quantiles by scipy.stats.norm. The samples are seeded and hold many ties.
"""

import json
import sys

import numpy as np
import scipy
import sklearn
from scipy import optimize, special, stats
from sklearn import metrics


def kernel(scores, positive):
    """All pairs: 1 where the positive is above the negative, one half where they are equal."""
    up, down = scores[positive][:, None], scores[~positive][None, :]
    return (up > down) + 0.5 * (up == down)


def covariance(one, other, positive, groups):
    """Covariance of two AUCs of the same samples; Obuchowski 1997 by a matrix of group memberships."""
    a, b = kernel(one, positive), kernel(other, positive)
    names, of = np.unique(groups, return_inverse=True)
    member = np.eye(len(names))[of]
    up, down = member[positive], member[~positive]
    m, n, k = up.shape[0], down.shape[0], len(names)
    sums = [
        (up.T @ (pairs.mean(axis=1) - pairs.mean()), down.T @ (pairs.mean(axis=0) - pairs.mean()))
        for pairs in (a, b)
    ]
    with_up, with_down = (up.sum(axis=0) > 0).sum(), (down.sum(axis=0) > 0).sum()
    return (
        with_up / (with_up - 1) * (sums[0][0] @ sums[1][0]) / m**2
        + with_down / (with_down - 1) * (sums[0][1] @ sums[1][1]) / n**2
        + k / (k - 1) * (sums[0][0] @ sums[1][1] + sums[0][1] @ sums[1][0]) / (m * n)
    )


def plain_covariance(one, other, positive):
    """DeLong 1988 as printed: sample covariances of the placements."""
    a, b = kernel(one, positive), kernel(other, positive)
    s10 = np.cov(a.mean(axis=1), b.mean(axis=1))[0, 1]
    s01 = np.cov(a.mean(axis=0), b.mean(axis=0))[0, 1]
    return s10 / a.shape[0] + s01 / a.shape[1]


def de_long(scores, other, positive, variance_of):
    auc, auc_other = kernel(scores, positive).mean(), kernel(other, positive).mean()
    variance = variance_of(scores, scores)
    error = np.sqrt(variance)
    z95 = stats.norm.ppf(0.975)
    logit, spread = special.logit(auc), z95 * error / (auc * (1 - auc))
    paired = np.sqrt(variance + variance_of(other, other) - 2 * variance_of(scores, other))
    return {
        "standardError": error,
        "logit": [special.expit(logit - spread), special.expit(logit + spread)],
        "plain": [auc - z95 * error, auc + z95 * error],
        "pairedError": paired,
        "pairedZ": (auc - auc_other) / paired,
        "pairedP": 2 * stats.norm.sf(abs(auc - auc_other) / paired),
    }


def binary(rng, groups, decimals):
    sizes = 1 + rng.poisson(0.9, groups)
    group = np.repeat(np.arange(groups), sizes)
    own = rng.normal(0, 0.5, groups)[group]
    positive = rng.random(len(group)) < 0.4
    scores = np.round(special.expit(1.3 * positive + own + rng.normal(0, 0.8, len(group)) - 0.6), decimals)
    other = np.round(special.expit(0.7 * positive + own + rng.normal(0, 0.9, len(group)) - 0.3), decimals)
    precision, recall, thresholds = metrics.precision_recall_curve(positive, scores)
    fpr, tpr, cut = metrics.roc_curve(positive, scores, drop_intermediate=False)
    best = np.flatnonzero(np.isclose(tpr - fpr, (tpr - fpr).max(), atol=1e-12, rtol=0))[0]
    true_negative, false_positive, false_negative, true_positive = metrics.confusion_matrix(
        positive, scores >= 0.5
    ).ravel()
    wilson = stats.binomtest(int(true_positive), int(positive.sum())).proportion_ci(method="wilson")
    return {
        "scores": scores.tolist(),
        "other": other.tolist(),
        "positive": positive.tolist(),
        "groups": [f"exam-{name:03d}" for name in group],
        "auc": metrics.roc_auc_score(positive, scores),
        "aucOther": metrics.roc_auc_score(positive, other),
        "bySample": de_long(scores, other, positive, lambda a, b: plain_covariance(a, b, positive)),
        "byGroup": de_long(scores, other, positive, lambda a, b: covariance(a, b, positive, group)),
        "averagePrecision": metrics.average_precision_score(positive, scores),
        "precisionRecall": [list(point) for point in zip(thresholds, precision, recall)][::-1],
        "brier": metrics.brier_score_loss(positive, scores),
        "youden": {"atOrBelow": cut[best], "above": cut[best + 1], "sensitivity": tpr[best], "specificity": 1 - fpr[best]},
        "atHalf": [int(n) for n in (true_positive, false_positive, true_negative, false_negative)],
        "sensitivityAtHalf": [true_positive / positive.sum(), wilson.low, wilson.high],
        "ece": equal_mass_error(scores, positive, 10),
    }


def equal_mass_error(said, happened, bins):
    """Every sample goes to the bin in which the last of its equals' first lies: np.digitize by the cut values."""
    order = np.sort(said)
    last = [order[int(np.floor(len(said) * b / bins + 0.5)) - 1] for b in range(1, bins + 1)]
    of = np.searchsorted(np.unique(last), said, side="left")
    return sum(
        (of == bin).mean() * abs(said[of == bin].mean() - happened[of == bin].mean()) for bin in np.unique(of)
    )


def classes(rng, samples, width):
    right = rng.integers(0, width, samples)
    logits = rng.normal(0, 1, (samples, width)) + 1.2 * np.eye(width)[right]
    probabilities = special.softmax(2.5 * logits, axis=1)

    def loss(log_temperature):
        return metrics.log_loss(
            right, special.softmax(np.log(probabilities) / np.exp(log_temperature), axis=1), labels=range(width)
        )

    # The minimum of a convex function is known to about the root of the precision; the root of its slope to all of it.
    def slope(beta):
        logs = np.log(probabilities)
        return (special.softmax(beta * logs, axis=1) * logs).sum() - logs[np.arange(samples), right].sum()

    rough = optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded").x
    beta = optimize.brentq(slope, 0.5 / np.exp(rough), 2 / np.exp(rough), xtol=1e-15)
    scores = 1 - probabilities[np.arange(samples), right]
    return {
        "probabilities": probabilities.tolist(),
        "classes": right.tolist(),
        "temperature": 1 / beta,
        "nllBefore": loss(0),
        "nllAfter": loss(-np.log(beta)),
        "brier": metrics.brier_score_loss(right, probabilities, labels=range(width), scale_by_half=False),
        "confusion": metrics.confusion_matrix(right, probabilities.argmax(axis=1)).tolist(),
        "accuracy": metrics.accuracy_score(right, probabilities.argmax(axis=1)),
        "conformalAtTenth": np.quantile(scores, np.ceil((samples + 1) * 0.9) / samples, method="inverted_cdf"),
        "eceOfMostProbable": equal_mass_error(
            probabilities.max(axis=1), probabilities.argmax(axis=1) == right, 15
        ),
    }


def bca(rng):
    replicates = np.sort(np.round(rng.beta(20, 3, 500), 3))
    left = rng.beta(200, 32, 40)
    value = float(replicates[230])
    bias = stats.norm.ppf(stats.percentileofscore(replicates, value, kind="mean") / 100)
    # The skew of the negated deviations, by SciPy: a = skew / (6 √n).
    acceleration = -stats.skew(left) / (6 * np.sqrt(len(left)))
    levels = [
        stats.norm.cdf(bias + (bias + z) / (1 - acceleration * (bias + z))) for z in stats.norm.ppf([0.025, 0.975])
    ]
    return {
        "replicates": replicates.tolist(),
        "left": left.tolist(),
        "value": value,
        "levels": levels,
        "ends": np.quantile(replicates, levels).tolist(),
    }


def normal():
    points = [-8.5, -3, -2, -1.96, -0.3, 0, 0.7, 1.99, 2, 2.01, 5, 12]
    return {
        "tail": [[x, stats.norm.sf(x)] for x in points],
        "quantile": [[p, stats.norm.ppf(p)] for p in (1e-12, 0.001, 0.025, 0.3, 0.5, 0.62, 0.975, 0.9999)],
    }


def main():
    rng = np.random.default_rng(20261124)
    fixture = {
        "made by": "trainer/test/statistics-reference.py",
        "versions": {
            "numpy": np.__version__,
            "python": sys.version.split()[0],
            "scikit-learn": sklearn.__version__,
            "scipy": scipy.__version__,
        },
        "normal": normal(),
        "bca": bca(rng),
        # One decimal: ties everywhere, across classes and exams.
        "binary": [binary(rng, 40, 2), binary(rng, 60, 1), binary(rng, 12, 3)],
        "classes": [classes(rng, 60, 2), classes(rng, 80, 3)],
    }
    json.dump(fixture, sys.stdout, default=float)
    print()


main()
