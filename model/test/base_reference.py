"""Maps of somebody else's ONNX export of VGG16: block4_pool, channels last; and of each convolution after its ReLU, and
of block5_pool, the mean and then the maximum of each channel, one after the other.

usage: base_reference.py INPUT.f32 SHAPE MODEL.onnx
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

images = np.fromfile(sys.argv[1], np.float32).reshape([int(n) for n in sys.argv[2].split(",")])
model = onnx.load(sys.argv[3])
graph = model.graph

# The export fixes 240 pixels and goes on to a head of its own: keep the convolutions, free the size.
last_of = {}
for node in graph.node:
    for name in node.output:
        if "/block" in name:
            last_of[name.split("/")[1].removesuffix("_1")] = name  # the ReLU comes after its convolution
taps = [layer for layer in last_of if "_conv" in layer] + ["block5_pool"]
outputs = [last_of[layer] for layer in ["block4_pool", *taps]]
last = next(i for i, n in enumerate(graph.node) if n.output[0] == last_of["block5_pool"])
nodes = list(graph.node)[: last + 1]
used = {name for node in nodes for name in node.input}
base = helper.make_model(
    helper.make_graph(
        nodes,
        "base",
        [helper.make_tensor_value_info(graph.input[0].name, TensorProto.FLOAT, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [tensor for tensor in graph.initializer if tensor.name in used],
    ),
    opset_imports=model.opset_import,
    ir_version=model.ir_version,
)
session = onnxruntime.InferenceSession(base.SerializeToString(), providers=["CPUExecutionProvider"])
block4, *maps = session.run(outputs, {graph.input[0].name: images})

folder = Path(sys.argv[1]).parent
np.ascontiguousarray(block4.transpose(0, 2, 3, 1)).tofile(folder / "block4_pool.f32")
pooled = [pool(axis=(2, 3)) for each in maps for pool in (each.mean, each.max)]
np.concatenate(pooled, axis=1).tofile(folder / "pooled.f32")
