"""Optuna on the functions of surfaces.ts: for every function, sampler and seed the best value, and the trial it is from.

usage: optuna_yardstick.py SEEDS; writes JSON to stdout.
"""
import json
import math
import sys

import optuna

OPTIMISERS = {"adam": 0.0, "sgd": 0.012, "rmsprop": 0.02}
LIKES = {"adam": -3.6, "sgd": -2.2, "rmsprop": -4.0}
ALPHA = [1, 1.2, 3, 3.2]
A = [
    [10, 3, 17, 3.5, 1.7, 8],
    [0.05, 10, 17, 0.1, 8, 14],
    [3, 3.5, 1.7, 10, 17, 8],
    [17, 8, 0.05, 10, 0.1, 14],
]
P = [
    [1312, 1696, 5569, 124, 8283, 5886],
    [2329, 4135, 8307, 3736, 1004, 9991],
    [2348, 1451, 3522, 2883, 3047, 6650],
    [4047, 8828, 8732, 5743, 1091, 381],
]


def floats(trial, bounds):
    return [trial.suggest_float(f"x{i}", low, high) for i, (low, high) in enumerate(bounds)]


def sphere(trial):
    return sum((x - (i - 1.5)) ** 2 for i, x in enumerate(floats(trial, [(-5, 5)] * 5)))


def valley(trial):
    a, b, c = floats(trial, [(-2, 2)] * 3)
    steep = (b - a * a) ** 2 + (c - b * b) ** 2
    return math.log1p(100 * steep + (1 - a) ** 2 + (1 - b) ** 2)


def branin(trial):
    x, y = floats(trial, [(-5, 10), (0, 15)])
    bend = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return bend**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann6(trial):
    xs = floats(trial, [(0, 1)] * 6)
    far = [sum(a * (x - 1e-4 * p) ** 2 for a, p, x in zip(A[i], P[i], xs)) for i in range(4)]
    return -sum(alpha * math.exp(-f) for alpha, f in zip(ALPHA, far))


def fine_tuning(trial):
    rate = trial.suggest_float("learningRate", 1e-6, 0.1, log=True)
    dropout = trial.suggest_float("dropout", 0, 0.7, step=0.05)
    units = trial.suggest_int("units", 16, 1024, log=True)
    opened = trial.suggest_int("openBlocks", 0, 4)
    optimiser = trial.suggest_categorical("optimiser", ["adam", "sgd", "rmsprop"])
    off = math.log10(rate) - LIKES[optimiser] + 0.25 * opened
    value = 0.06 + 0.16 * (1 - math.exp(-(off**2) / 1.2))
    value += 0.12 * (dropout - 0.35) ** 2 + 0.006 * (math.log2(units) - 7.5) ** 2
    return value + 0.008 * abs(opened - 2) + OPTIMISERS[optimiser]


SURFACES = {
    "sphere": (sphere, 60),
    "valley": (valley, 60),
    "branin": (branin, 40),
    "hartmann6": (hartmann6, 60),
    "fine-tuning": (fine_tuning, 40),
}
SAMPLERS = {
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "univariate": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=False),
    "multivariate": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True),
}


def study(surface, sampler, seed):
    function, trials = SURFACES[surface]
    made = optuna.create_study(sampler=SAMPLERS[sampler](seed))
    made.optimize(function, n_trials=trials)
    return {"value": made.best_value, "parameters": made.best_params}


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seeds = range(int(sys.argv[1]))
    answer = {s: {m: [study(s, m, seed) for seed in seeds] for m in SAMPLERS} for s in SURFACES}
    json.dump(answer, sys.stdout)
