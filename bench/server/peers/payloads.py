"""The bodies of the requests and the right answers. argv: folder of CT slices, output folder; env as common.py."""
import glob
import json
import sys

import common
from PIL import Image

COUNT = 8
source, out = sys.argv[1:]
files = sorted(glob.glob(f"{source}/**/*.jpg", recursive=True))
files = files[:: max(1, len(files) // COUNT)][:COUNT]
assert len(files) == COUNT, f"{len(files)} slices in {source}"
model, expected = common.Model(), []
for index, file in enumerate(files):
    Image.open(file).convert("L").resize((512, 512), Image.BILINEAR).save(f"{out}/{index}.png")
    with open(f"{out}/{index}.png", "rb") as png:
        tensor = common.preprocess(png.read())[None]
    expected.append(float(model(tensor)[0, 0]))
    tensor.astype("<f4").tofile(f"{out}/{index}.f32")
with open(f"{out}/expected.json", "w", encoding="utf8") as file:
    json.dump(expected, file)
