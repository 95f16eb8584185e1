"""The usual first design: FastAPI, an upload, PIL, Keras' model.predict in the handler.

env: BENCH_TFJS (folder with model.json and weights.bin of the same network). Its weights are in Keras' own layout.
"""
import io
import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
import numpy as np
from fastapi import FastAPI, File, UploadFile
from PIL import Image
from tensorflow import keras

SIDE = 224


def weights():
    folder = os.environ["BENCH_TFJS"]
    with open(f"{folder}/model.json", encoding="utf8") as file:
        [group] = json.load(file)["weightsManifest"]
    values = np.fromfile(f"{folder}/{group['paths'][0]}", "<f4")
    found, at = {}, 0
    for entry in group["weights"]:
        size = int(np.prod(entry["shape"]))
        found[entry["name"]] = values[at : at + size].reshape(entry["shape"])
        at += size
    return found


def network(found):
    layers = keras.layers
    image = keras.Input((SIDE, SIDE, 3))
    x = image
    for block, convolutions in ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3)):
        for index in range(1, convolutions + 1):
            name = f"block{block}_conv{index}"
            filters = found[f"{name}/kernel"].shape[3]
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.GlobalAveragePooling2D()(x)
    dense = [name.split("/")[0] for name in found if len(found[name].shape) == 2]
    for name in dense:
        activation = "softmax" if name == dense[-1] else "relu"
        x = layers.Dense(found[f"{name}/kernel"].shape[1], activation=activation, name=name)(x)
    model = keras.Model(image, x)
    for layer in model.layers:
        if f"{layer.name}/kernel" in found:
            layer.set_weights([found[f"{layer.name}/kernel"], found[f"{layer.name}/bias"]])
    return model


model = network(weights())
app = FastAPI()


@app.post("/predict")
async def predict(file: UploadFile = File(...)):
    picture = Image.open(io.BytesIO(await file.read())).convert("RGB").resize((SIDE, SIDE), Image.BILINEAR)
    batch = keras.applications.vgg16.preprocess_input(np.array(picture, dtype=np.float32)[None])
    return {"probability": float(model.predict(batch, verbose=0)[0, 1])}
