"""nvidia-pytriton: the Triton server inside of its wheel, a Python function with onnxruntime, dynamic batching. env: PORT."""
import os

import common
import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

model = common.Model()


@batch
def tensor(image):
    return {"p": model(image)}


@batch
def png(bytes):
    return {"p": model(np.stack([common.preprocess(each[0]) for each in bytes]))}


port = int(os.environ["PORT"])
config = ModelConfig(
    batching=True, max_batch_size=8, batcher=DynamicBatcher(max_queue_delay_microseconds=5000)
)
answer = [Tensor(name="p", dtype=np.float32, shape=(1,))]
addresses = TritonConfig(
    http_address="127.0.0.1", http_port=port, grpc_address="127.0.0.1", grpc_port=port + 1, allow_metrics=False
)
with Triton(config=addresses) as triton:
    side = common.SIDE
    triton.bind("bench", tensor, [Tensor(name="image", dtype=np.float32, shape=(side, side, 3))], answer, config=config)
    triton.bind("png", png, [Tensor(name="bytes", dtype=bytes, shape=(1,))], answer, config=config)
    triton.serve()
