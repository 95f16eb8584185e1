"""Features of somebody else's ONNX export of VGG16: block4_pool, and the mean of block5_pool, both channels last.

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
pools = {f"block{block}_pool": next(n.output[0] for n in graph.node if f"block{block}_pool" in n.output[0]) for block in (4, 5)}
last = next(i for i, n in enumerate(graph.node) if n.output[0] == pools["block5_pool"])
nodes = list(graph.node)[: last + 1]
used = {name for node in nodes for name in node.input}
base = helper.make_model(
    helper.make_graph(
        nodes,
        "base",
        [helper.make_tensor_value_info(graph.input[0].name, TensorProto.FLOAT, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in pools.values()],
        [tensor for tensor in graph.initializer if tensor.name in used],
    ),
    opset_imports=model.opset_import,
    ir_version=model.ir_version,
)
session = onnxruntime.InferenceSession(base.SerializeToString(), providers=["CPUExecutionProvider"])
block4, block5 = session.run(list(pools.values()), {graph.input[0].name: images})

folder = Path(sys.argv[1]).parent
np.ascontiguousarray(block4.transpose(0, 2, 3, 1)).tofile(folder / "block4_pool.f32")
block5.mean(axis=(2, 3)).tofile(folder / "block5_mean.f32")
