"""One side of the series bench. `make FOLDER OUT COUNT` repeats a real series; `run FOLDER` goes through one.

`run` reads every header, orders the slices by position, and takes each through decoding, Hounsfield units, clipping
and three windows to a float32 array of rows x columns x 3. No lung mask and no resizing: less than our side does.
"""

import json
import os
import resource
import sys
import time

import numpy
import pydicom
from pydicom.uid import generate_uid

WINDOWS = ((-600, 1500), (40, 400), (400, 1800))


def make(folder, out, count):
    slices = [pydicom.dcmread(os.path.join(folder, name)) for name in sorted(os.listdir(folder))]
    series = generate_uid()
    for k in range(count):
        ds = slices[k % len(slices)]
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.SeriesInstanceUID = series
        ds.InstanceNumber = k + 1
        x, y, _ = ds.ImagePositionPatient
        ds.ImagePositionPatient = [x, y, float(count - k)]
        ds.SliceLocation = float(count - k)
        ds.save_as(os.path.join(out, f"{k:04}.dcm"))


def run(folder):
    start = time.perf_counter()
    placed = []
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        placed.append((float(pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient[2]), path))
    for _, path in sorted(placed):
        ds = pydicom.dcmread(path)
        hu = ds.pixel_array.astype(numpy.float32) * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
        numpy.clip(hu, -1024, 3071, out=hu)
        tensor = numpy.empty((*hu.shape, 3), numpy.float32)
        for channel, (centre, width) in enumerate(WINDOWS):
            shown = ((hu - (centre - 0.5)) / (width - 1) + 0.5) * 255
            tensor[..., channel] = numpy.clip(shown, 0, 255)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"slices": len(placed), "seconds": seconds, "peakMiB": peak}))


if sys.argv[1] == "make":
    make(sys.argv[2], sys.argv[3], int(sys.argv[4]))
else:
    run(sys.argv[2])
