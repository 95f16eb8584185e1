"""BentoML: adaptive batching on a batchable endpoint, one worker."""
import typing as t

import bentoml
import common
import numpy as np
from PIL import Image
from PIL.Image import Image as Picture


@bentoml.service(name="bench", workers=1, traffic={"timeout": 60})
class Bench:
    def __init__(self):
        self.model = common.Model()

    @bentoml.api(route="/png", batchable=True, max_batch_size=8, max_latency_ms=60000)
    def png(self, images: t.List[Picture]) -> t.List[float]:
        side = (common.SIDE, common.SIDE)
        pictures = [np.asarray(image.convert("RGB").resize(side, Image.BILINEAR), np.float32) for image in images]
        batch = np.stack([picture[..., ::-1] - common.MEAN for picture in pictures])
        return [float(value) for value in self.model(batch)[:, 0]]

    @bentoml.api(route="/tensor", batchable=True, max_batch_size=8, max_latency_ms=60000)
    def tensor(self, inputs: np.ndarray) -> np.ndarray:
        return self.model(np.asarray(inputs, np.float32))
