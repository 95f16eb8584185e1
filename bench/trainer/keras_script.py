"""The plain Keras script that a user would write: `keras_script.py REQUEST`.

VGG16 with ImageNet weights, frozen inside the model, a pooled head on top, fit() for all epochs, the best epoch by
validation AUC kept. The images are decoded by Pillow once and stay in memory, and the best weights do as well: both are
kinder to it than the usual generators and checkpoint files. The answer is one line, once the test part is scored.
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image
from vgg16_base import frozen_base, peak_mib

asked = json.loads(Path(sys.argv[1]).read_text())
size = asked["inputSize"]
labels = asked["labels"]
tf.keras.utils.set_random_seed(asked["seed"])


def load(file):
    image = Image.open(Path(asked["dataDir"]) / file).convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(image, np.float32)


sides = json.loads(Path(asked["split"]).read_text())["sides"]
files = {side: sorted(file for file, its in sides.items() if its == side) for side in ("train", "validation", "test")}
x = {side: tf.keras.applications.vgg16.preprocess_input(np.stack([load(f) for f in files[side]])) for side in files}
classes = {side: np.array([labels.index(f.split("/")[0]) for f in files[side]]) for side in files}
y = {side: tf.keras.utils.to_categorical(classes[side], len(labels)) for side in files}

base = frozen_base(size, asked["baseWeights"])
inputs = tf.keras.Input((size, size, 3))
hidden = tf.keras.layers.GlobalAveragePooling2D()(base(inputs, training=False))
hidden = tf.keras.layers.Dense(asked["headUnits"], activation="relu")(hidden)
hidden = tf.keras.layers.Dropout(asked["dropout"])(hidden)
model = tf.keras.Model(inputs, tf.keras.layers.Dense(len(labels), activation="softmax")(hidden))
model.compile(
    tf.keras.optimizers.Adam(asked["learningRate"]), "categorical_crossentropy", metrics=[tf.keras.metrics.AUC(name="auc")]
)
counts = np.bincount(classes["train"], minlength=len(labels))
best = tf.keras.callbacks.EarlyStopping("val_auc", mode="max", patience=asked["epochs"] + 1, restore_best_weights=True)
model.fit(
    x["train"],
    y["train"],
    validation_data=(x["validation"], y["validation"]),
    epochs=asked["epochs"],
    batch_size=asked["batchSize"],
    class_weight={label: len(classes["train"]) / (len(labels) * count) for label, count in enumerate(counts)},
    callbacks=[best],
    verbose=0,
)
model.set_weights(best.best_weights)
probabilities = model.predict(x["test"], batch_size=asked["batchSize"], verbose=0)[:, labels.index("malignant")]
scores = dict(zip(files["test"], map(float, probabilities)))
print(json.dumps({"scores": scores, "peakMiB": peak_mib()}), flush=True)
