"""LitServe: one worker process, dynamic batching. env: PORT."""
import os

import common
import litserve as ls
import numpy as np


class Api(ls.LitAPI):
    def setup(self, device):
        self.model = common.Model()

    def decode_request(self, request):
        if "inputs" in request:
            return np.asarray(request["inputs"][0]["data"], np.float32).reshape(common.SIDE, common.SIDE, 3)
        upload = request["file"]
        return common.preprocess(upload.file.read() if hasattr(upload, "file") else upload)

    def batch(self, inputs):
        return np.stack(inputs)

    def predict(self, batch):
        return self.model(batch)

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        return {"probability": float(output[0])}


if __name__ == "__main__":
    api = Api(max_batch_size=8, batch_timeout=0.005)
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=1, timeout=60)
    server.run(host="127.0.0.1", port=int(os.environ["PORT"]), num_api_servers=1, generate_client_file=False)
