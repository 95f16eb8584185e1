"""Reads a report with highdicom and a capture with pydicom; prints what they find as JSON.

read.py report FILE | read.py capture FILE
"""

import hashlib
import json
import sys

import highdicom as hd
import pydicom
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code


def report(path):
    document = hd.sr.srread(path)
    content = document.content
    (observer,) = content.get_observer_contexts()
    device = observer.observer_identifying_attributes
    (group,) = content.get_image_measurement_groups()
    items = group[0].ContentSequence

    def texts(code, meaning):
        name = Code(code, "DCM", meaning)
        return [item.value for item in items if item.name == name]

    (evidence,) = document.CurrentRequestedProcedureEvidenceSequence
    # The whole path through pydicom too: what it writes again must be what was read.
    assert pydicom.dcmread(path).is_little_endian
    return {
        "class": type(document).__name__,
        "patientName": str(document.PatientName),
        "title": content[0].name.meaning,
        "device": [device.name, device.manufacturer_name, device.model_name, device.serial_number],
        "trackingIdentifier": group.tracking_identifier,
        "trackingUid": group.tracking_uid,
        "finding": group.finding_type and [group.finding_type.value, group.finding_type.meaning],
        "sites": [site.value.meaning for site in group.finding_sites],
        "algorithm": texts("111001", "Algorithm Name") + texts("111003", "Algorithm Version"),
        "parameters": texts("111002", "Algorithm Parameters"),
        "numbers": {
            measurement.name.meaning: [
                measurement.value,
                measurement.unit.value,
                measurement[0].MeasuredValueSequence[0].FloatingPointValue,
            ]
            for measurement in group.get_measurements()
        },
        "evaluations": {
            evaluation.name.meaning: [evaluation.value.value, evaluation.value.scheme_designator]
            for evaluation in group.get_qualitative_evaluations()
        },
        "texts": [
            item.value
            for item in items
            if item.value_type.value == "TEXT" and item.relationship_type.value == "CONTAINS"
        ],
        "sources": [
            [
                item.referenced_sop_instance_uid,
                item.referenced_frame_numbers or [],
            ]
            for item in items
            if item.value_type.value == "IMAGE" and item.name == codes.DCM.SourceOfMeasurement
        ],
        "evidence": {
            series.SeriesInstanceUID: [item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence]
            for series in evidence.ReferencedSeriesSequence
        },
    }


def capture(path):
    image = pydicom.dcmread(path)
    pixels = image.pixel_array
    return {
        "shape": list(pixels.shape),
        "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
        "source": image.SourceImageSequence[0].ReferencedSOPInstanceUID,
        "purpose": image.SourceImageSequence[0].PurposeOfReferenceCodeSequence[0].CodeMeaning,
        "position": [float(mm) for mm in image.ImagePositionPatient],
        "patientName": str(image.PatientName),
    }


print(json.dumps({"report": report, "capture": capture}[sys.argv[1]](sys.argv[2])))
