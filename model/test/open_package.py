"""Opens a package as a user of Python would: ONNX checker, onnxruntime, mlflow.onnx and mlflow.pyfunc.

usage: open_package.py INPUT.f32 SHAPE PACKAGE
"""

import json
import sys
from pathlib import Path

import mlflow
import numpy as np
import onnx
import onnxruntime

images = np.fromfile(sys.argv[1], np.float32).reshape([int(n) for n in sys.argv[2].split(",")])
package = Path(sys.argv[3])
folder = Path(sys.argv[1]).parent

onnx.checker.check_model(str(package / "model.onnx"), full_check=True)
session = onnxruntime.InferenceSession(str(package / "model.onnx"), providers=["CPUExecutionProvider"])
session.run(["probabilities"], {"image": images})[0].tofile(folder / "onnxruntime.f32")

pyfunc = mlflow.pyfunc.load_model(str(package))
pyfunc.predict(images)["probabilities"].tofile(folder / "pyfunc.f32")

example = mlflow.models.Model.load(str(package)).load_input_example(str(package))
pyfunc.predict(example)["probabilities"].tofile(folder / "example.f32")

loaded = mlflow.onnx.load_model(str(package))
info = mlflow.models.get_model_info(str(package))
print(
    json.dumps(
        {
            "producer": loaded.producer_name,
            "doc": loaded.doc_string,
            "flavors": sorted(info.flavors),
            "metadata": info.metadata,
            "runId": info.run_id,
            "created": info.utc_time_created,
            "inputs": info.signature.inputs.to_dict(),
            "example": [str(example.dtype), *example.shape],
            "outputs": info.signature.outputs.to_dict(),
        }
    )
)
