"""Trains the small tail of small-fit.ts by the real Keras: the same weights at the start, batches and step sizes."""

import json
import sys

import numpy as np
import tensorflow as tf

asked = json.load(sys.stdin)
l2 = tf.keras.regularizers.l2(asked["l2"])
inputs = tf.keras.Input((asked["floats"],))
hidden = tf.keras.layers.Dense(asked["units"], activation="relu", kernel_regularizer=l2)(inputs)
outputs = tf.keras.layers.Dense(2, activation="softmax", kernel_regularizer=l2)(hidden)
model = tf.keras.Model(inputs, outputs)
model.set_weights([np.array(values, np.float32).reshape(v.shape) for values, v in zip(asked["weights"], model.weights)])
optimizers = {"adam": tf.keras.optimizers.Adam(), "sgd": tf.keras.optimizers.SGD(momentum=0.9)}
model.compile(optimizers[asked["optimizer"]], "sparse_categorical_crossentropy")
losses = []
for batch in asked["batches"]:
    x = np.array(batch["x"], np.float32).reshape(-1, asked["floats"])
    penalty = float(sum(model.losses))  # Keras adds it to the loss that it reports
    model.optimizer.learning_rate.assign(batch["rate"])
    weights = {int(label): weight for label, weight in asked["classWeights"].items()}
    losses.append(float(model.train_on_batch(x, np.array(batch["classes"]), class_weight=weights)) - penalty)
json.dump({"losses": losses, "weights": [w.ravel().astype(float).tolist() for w in model.get_weights()]}, sys.stdout)
