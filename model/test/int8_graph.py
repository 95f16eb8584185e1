"""Checks each ONNX file, runs it on all images, and says of which operations onnxruntime's optimised graph is.

usage: int8_graph.py INPUT.f32 SHAPE MODEL.onnx…
"""

import collections
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

images = np.fromfile(sys.argv[1], np.float32).reshape([int(n) for n in sys.argv[2].split(",")])
folder = Path(sys.argv[1]).parent
operators = {}

for path in map(Path, sys.argv[3:]):
    onnx.checker.check_model(str(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns that the optimised file is for this machine alone
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    session.run(["probabilities"], {"image": images})[0].tofile(folder / f"{path.stem}.f32")
    nodes = onnx.load(options.optimized_model_filepath).graph.node
    operators[path.stem] = collections.Counter(node.op_type for node in nodes)
print(json.dumps(operators))
