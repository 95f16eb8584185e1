"""What every onnxruntime peer shares: PNG -> tensor, and the session.

env: BENCH_MODEL (ONNX file, input `image` [N,224,224,3], output `probabilities` [N,2]); ORT_THREADS (default 2).
Spin waits are off: they would count as the server's CPU time.
"""
import io
import os

import numpy as np
from PIL import Image

SIDE = 224
MEAN = np.array([103.939, 116.779, 123.68], np.float32)


def preprocess(png: bytes) -> np.ndarray:
    """[224,224,3] float32, BGR less ImageNet's means, as keras.applications.vgg16.preprocess_input makes it."""
    picture = Image.open(io.BytesIO(png)).convert("RGB").resize((SIDE, SIDE), Image.BILINEAR)
    return np.asarray(picture, np.float32)[..., ::-1] - MEAN


class Model:
    """Probability of the second label, [N,1]."""

    def __init__(self):
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("ORT_THREADS", "2"))
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = ort.InferenceSession(os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"])
        self(np.zeros((1, SIDE, SIDE, 3), np.float32))

    def __call__(self, batch):
        feeds = {"image": np.ascontiguousarray(batch, np.float32)}
        return self.session.run(["probabilities"], feeds)[0][:, 1:2]
