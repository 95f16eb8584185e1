"""What tritonclient gets, over HTTP and over gRPC: triton.py HOST:PORT MODEL TENSOR.npy FILE -> one line of JSON."""

import json
import sys

import numpy
import tritonclient.grpc
import tritonclient.http

address, model, tensor_path, image_path = sys.argv[1:]
tensor = numpy.load(tensor_path)
with open(image_path, "rb") as file:
    encoded = numpy.array([file.read()], dtype=object)

http = tritonclient.http.InferenceServerClient(address)
grpc = tritonclient.grpc.InferenceServerClient(address)
answers = {}


def ask(name, client, module, array, datatype, input_name, output, **how):
    given = module.InferInput(input_name, array.shape, datatype)
    given.set_data_from_numpy(array, **how)
    answer = client.infer(model, [given], outputs=[output], request_id=name)
    got = answer.get_response()
    assert (got["id"] if isinstance(got, dict) else got.id) == name
    answers[name] = answer.as_numpy("probabilities").tolist()


for client, module in ((http, tritonclient.http), (grpc, tritonclient.grpc)):
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model)

for sent in (True, False):
    for asked in (True, False):
        output = tritonclient.http.InferRequestedOutput("probabilities", binary_data=asked)
        name = f"http {'bytes' if sent else 'json'} to {'bytes' if asked else 'json'}"
        ask(name, http, tritonclient.http, tensor, "FP32", "image", output, binary_data=sent)
plain = tritonclient.http.InferRequestedOutput("probabilities", binary_data=True)
ask("http file", http, tritonclient.http, encoded, "BYTES", "encoded", plain, binary_data=True)
raw = tritonclient.grpc.InferRequestedOutput("probabilities")
ask("grpc", grpc, tritonclient.grpc, tensor, "FP32", "image", raw)
ask("grpc file", grpc, tritonclient.grpc, encoded, "BYTES", "encoded", raw)

refusals = {}
wrong = tritonclient.http.InferInput("image", [1, 8, 8, 3], "FP32")
wrong.set_data_from_numpy(numpy.zeros((1, 8, 8, 3), numpy.float32))
for name, client in (("http", http), ("grpc", grpc)):
    given = wrong
    if name == "grpc":
        given = tritonclient.grpc.InferInput("image", [1, 8, 8, 3], "FP32")
        given.set_data_from_numpy(numpy.zeros((1, 8, 8, 3), numpy.float32))
    try:
        client.infer(model, [given])
    except Exception as error:
        refusals[name] = [str(error.status()), error.message()]

metadata = http.get_model_metadata(model)
index = [entry["name"] for entry in http.get_model_repository_index()]
print(json.dumps({"answers": answers, "refusals": refusals, "inputs": metadata["inputs"], "index": index}))
