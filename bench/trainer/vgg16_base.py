"""Keras' own VGG16 with the weights that our side reads, so that no download differs between the two."""

import re
from pathlib import Path

import numpy as np
import tensorflow as tf


def frozen_base(size, weights):
    """`weights` is our canonical file: each kernel (HWIO) and its bias in the order of the layers, float32."""
    base = tf.keras.applications.VGG16(include_top=False, weights=None, input_shape=(size, size, 3))
    base.trainable = False
    values = np.fromfile(weights, "<f4")
    at = 0
    tensors = []
    for weight in base.weights:
        count = int(np.prod(weight.shape))
        tensors.append(values[at : at + count].reshape(weight.shape))
        at += count
    assert at == len(values), "not the weights of VGG16"
    base.set_weights(tensors)
    return base


def peak_mib():
    """VmHWM: unlike getrusage it leaves out what the parent process had."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
