"""What MLflow's own client of scoring servers gets: mlflow_client.py PORT TENSOR.json -> one line of JSON."""

import json
import sys

import numpy
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

port, tensor_path = sys.argv[1:]
with open(tensor_path) as file:
    tensor = numpy.array(json.load(file), dtype=numpy.float32)
client = ScoringServerClient("127.0.0.1", int(port))
client.wait_server_ready()
answer = json.loads(client.invoke(tensor).to_json())
print(json.dumps({"version": client.get_version(), "predictions": answer["predictions"]}))
