"""Ray Serve: one replica, @serve.batch. env: PORT, PEERS_DIR."""
import json
import os
import sys
import time

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
import ray
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=1, max_ongoing_requests=32, ray_actor_options={"num_cpus": 1})
class Bench:
    def __init__(self):
        sys.path.insert(0, os.environ["PEERS_DIR"])
        import common

        self.common, self.model = common, common.Model()

    @serve.batch(max_batch_size=8, batch_wait_timeout_s=0.005)
    async def infer(self, tensors):
        import asyncio

        import numpy as np

        answer = await asyncio.get_running_loop().run_in_executor(None, self.model, np.stack(tensors))
        return [float(value) for value in answer[:, 0]]

    async def __call__(self, request: Request):
        import numpy as np

        side = self.common.SIDE
        if request.url.path.startswith("/predict"):
            tensor = self.common.preprocess(await (await request.form())["file"].read())
        else:
            body = await request.body()
            header = request.headers.get("inference-header-content-length")
            if header:
                tensor = np.frombuffer(body[int(header) :], "<f4").reshape(side, side, 3)
            else:
                tensor = np.asarray(json.loads(body)["inputs"][0]["data"], np.float32).reshape(side, side, 3)
        return {"probability": await self.infer(tensor)}


if __name__ == "__main__":
    store = 120 * 2**20
    ray.init(num_cpus=2, object_store_memory=store, include_dashboard=False, _node_ip_address="127.0.0.1")
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])})
    serve.run(Bench.bind(), route_prefix="/")
    while True:
        time.sleep(3600)
