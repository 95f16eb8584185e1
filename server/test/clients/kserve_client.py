"""What KServe's clients get, over HTTP and over gRPC: kserve_client.py HOST:PORT MODEL TENSOR.npy -> one line of JSON."""

import asyncio
import json
import sys

import numpy
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

address, model, tensor_path = sys.argv[1:]
tensor = numpy.load(tensor_path)


def request(as_bytes):
    given = InferInput("image", list(tensor.shape), "FP32")
    given.set_data_from_numpy(tensor, binary_data=as_bytes)
    return InferRequest(model, [given], request_id="mine")


async def main():
    answers = {}
    url = f"http://{address}"
    rest = InferenceRESTClient(RESTConfig(protocol="v2"))
    grpc = InferenceGRPCClient(address)
    assert await rest.is_server_ready(url) and await rest.is_server_live(url)
    assert await rest.is_model_ready(url, model)
    assert await grpc.is_server_ready() and await grpc.is_server_live() and await grpc.is_model_ready(model)
    for as_bytes in (True, False):
        form = "bytes" if as_bytes else "numbers"
        over_http = await rest.infer(url, request(as_bytes), model_name=model)
        over_grpc = await grpc.infer(request(as_bytes))
        for name, answer in ((f"http {form}", over_http), (f"grpc {form}", over_grpc)):
            assert answer.id == "mine"
            answers[name] = answer.outputs[0].as_numpy().tolist()
    await grpc.close()
    print(json.dumps({"answers": answers}))


asyncio.run(main())
