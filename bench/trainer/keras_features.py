"""Keras' frozen layers in a process of their own: `keras_features.py REQUEST`. Takes the inputs that our side wrote."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image
from vgg16_base import frozen_base

asked = json.loads(Path(sys.argv[1]).read_text())
size, batch = asked["inputSize"], asked["batch"]


def load(file):
    image = Image.open(Path(asked["dataDir"]) / file).convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(image, np.float32)


pillow = tf.keras.applications.vgg16.preprocess_input(np.stack([load(file) for file in asked["files"]]))
pillow.astype("<f4").tofile(asked["pillowInputs"])
inputs = np.fromfile(asked["inputs"], "<f4").reshape(-1, size, size, 3)
base = frozen_base(size, asked["baseWeights"])
model = tf.keras.Sequential([base, tf.keras.layers.GlobalAveragePooling2D()])
model.predict(inputs, batch_size=batch, verbose=0).astype("<f4").tofile(asked["keras"])
rates = []
for _ in range(asked["rounds"]):
    start = time.perf_counter()
    model.predict(inputs, batch_size=batch, verbose=0)
    rates.append(len(inputs) / (time.perf_counter() - start))
print(json.dumps({"rates": rates}))
