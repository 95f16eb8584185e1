"""KServe's Python server with a custom model: v1 for PNG (base64), v2 JSON and binary for tensors."""
import argparse
import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor

import common
import kserve
import numpy as np
from kserve import InferOutput, InferRequest, InferResponse


class Bench(kserve.Model):
    def load(self):
        self.model, self.pool = common.Model(), ThreadPoolExecutor(1)
        self.ready = True

    async def predict(self, payload, headers=None, response_headers=None):
        loop = asyncio.get_running_loop()
        if isinstance(payload, InferRequest):
            answer = await loop.run_in_executor(self.pool, self.model, payload.inputs[0].as_numpy())
            output = InferOutput("p", list(answer.shape), "FP32", data=[float(value) for value in answer.ravel()])
            return InferResponse(payload.id or "0", self.name, [output])

        def work():
            images = [base64.b64decode(instance["image"]["b64"]) for instance in payload["instances"]]
            return self.model(np.stack([common.preprocess(image) for image in images]))

        answer = await loop.run_in_executor(self.pool, work)
        return {"predictions": [float(value) for value in answer[:, 0]]}


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(parents=[kserve.model_server.parser]).parse_known_args()[0]
    model = Bench("bench")
    model.load()
    kserve.ModelServer(workers=1, enable_grpc=False, http_port=arguments.http_port).start([model])
