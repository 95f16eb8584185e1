"""MLServer with a runtime of its own; adaptive batching by model-settings.json."""
import asyncio
import base64
import os
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.environ["PEERS_DIR"])
import common
import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Bench(MLModel):
    async def load(self) -> bool:
        self.model, self.pool = common.Model(), ThreadPoolExecutor(1)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        given = payload.inputs[0]

        def work():
            if given.datatype == "BYTES":
                images = getattr(given.data, "root", given.data)
                batch = np.stack([common.preprocess(base64.b64decode(image)) for image in images])
            else:
                batch = NumpyCodec.decode_input(given).reshape(-1, common.SIDE, common.SIDE, 3)
            return self.model(batch)

        answer = await asyncio.get_running_loop().run_in_executor(self.pool, work)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("p", answer)])
