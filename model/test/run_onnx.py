"""Checks each ONNX file and runs it on one image and on all of them: `<name of the file>.f32` has the answers.

usage: run_onnx.py INPUT.f32 SHAPE MODEL.onnx…    a model of smaller images takes the upper left corner of each
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

values = np.fromfile(sys.argv[1], np.float32).reshape([int(n) for n in sys.argv[2].split(",")])
folder = Path(sys.argv[1]).parent
operators = {}

for path in map(Path, sys.argv[3:]):
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    side = session.get_inputs()[0].shape[1]
    images = np.ascontiguousarray(values[:, :side, :side])
    together = session.run(["probabilities"], {"image": images})[0]
    alone = session.run(["probabilities"], {"image": images[:1]})[0]
    np.testing.assert_allclose(alone, together[:1], rtol=1e-5, atol=1e-5)
    together.tofile(folder / f"{path.stem}.f32")
    operators[path.stem] = sorted({node.op_type for node in onnx.load(path).graph.node})
print(json.dumps(operators))
