"""pydicom as the peer: one JSON request a line on stdin, one JSON answer a line on stdout.

load     {id, path | bytes}              keeps a file in memory; answers the decoding plugins for it
wrap     {id, path, syntax, frame}       a copy of the file at `path` whose only frame is the given codestream
pixels   {id, plugin}                    stored values of all frames, little-endian int32
time     {id, plugin, iterations}        ms of each: bytes in memory to an array of stored values
batch    {ids, plugin}                   ms for all files in a row, to float32 Hounsfield units
versions {}                              what is measured
"""

import base64
import importlib.metadata
import io
import json
import platform
import sys
import time

import numpy
import pydicom
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder

files = {}


def dataset(id, plugin):
    ds = pydicom.dcmread(io.BytesIO(files[id]))
    if plugin != "native":
        ds.pixel_array_options(decoding_plugin=plugin)
    return ds


def load(id, path=None, bytes=None):
    if bytes is not None:
        files[id] = base64.b64decode(bytes)
    else:
        with open(path, "rb") as file:
            files[id] = file.read()
    syntax = pydicom.dcmread(io.BytesIO(files[id]), stop_before_pixels=True).file_meta.TransferSyntaxUID
    plugins = get_decoder(syntax).available_plugins if syntax.is_encapsulated else ("native",)
    return {"plugins": list(plugins)}


def wrap(id, path, syntax, frame):
    ds = pydicom.dcmread(path)
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = encapsulate([base64.b64decode(frame)])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return {"bytes": base64.b64encode(out.getvalue()).decode()}


def pixels(id, plugin):
    values = dataset(id, plugin).pixel_array.astype("<i4")
    return {"pixels": base64.b64encode(values.tobytes()).decode()}


def time_(id, plugin, iterations):
    taken = []
    for _ in range(iterations):
        start = time.perf_counter()
        dataset(id, plugin).pixel_array
        taken.append((time.perf_counter() - start) * 1e3)
    return {"ms": taken}


def batch(ids, plugin):
    start = time.perf_counter()
    for id in ids:
        ds = dataset(id, plugin)
        ds.pixel_array.astype(numpy.float32) * ds.RescaleSlope + ds.RescaleIntercept
    return {"ms": [(time.perf_counter() - start) * 1e3]}


def versions():
    names = ("pydicom", "numpy", "pillow", "pyjpegls", "pylibjpeg-openjpeg", "pylibjpeg-libjpeg", "pylibjpeg-rle")
    found = {name: importlib.metadata.version(name) for name in names}
    return {"versions": {"Python": platform.python_version(), **found}}


asked = {"load": load, "wrap": wrap, "pixels": pixels, "time": time_, "batch": batch, "versions": versions}
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = asked[request.pop("task")](**request)
    except Exception as error:  # the asking side decides what a failure means
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
