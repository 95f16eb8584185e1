"""What pydicom finds in de-identified files. Arguments: a JSON list of [before, after] paths; prints JSON, one object a pair.

leaks: keywords of attributes of the first file with a text that occurs in the bytes of the second (pixels left out).
"""

import json
import sys
import zlib

import pydicom

# Text that describes how an image was made, not of whom, by whom, when or where. All other text is taken to identify.
TECHNICAL = set(
    """SpecificCharacterSet ImageType Modality Manufacturer ManufacturerModelName SoftwareVersions BodyPartExamined
    ScanOptions ConvolutionKernel FilterType ContrastBolusRoute PatientPosition PositionReferenceIndicator Laterality
    PhotometricInterpretation RescaleType ConversionType SequenceName ScanningSequence SequenceVariant
    MRAcquisitionType AngioFlag ImagedNucleus RotationDirection ExposureModulationType LossyImageCompression
    LossyImageCompressionMethod CodeValue CodingSchemeDesignator CodeMeaning BurnedInAnnotation PixelPresentation
    AcquisitionType CorrectedImage TypeOfDetectorMotion CollimatorType CountsSource Units WindowCenterWidthExplanation
    FocalSpots ImageGeometryType PresentationLUTShape TransmitCoilName ReceiveCoilName LongitudinalTemporalInformationModified
    DeidentificationMethod PatientIdentityRemoved InPlanePhaseEncodingDirection VariableFlipAngleFlag
    AcquisitionTerminationCondition DoseSummationType DoseType DoseUnits VolumetricProperties
    VolumeBasedCalculationTechnique ComplexImageComponent AcquisitionContrast""".split()
)
TEXT = {"AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
MIN_CHARACTERS = 4
# Private text is full of numbers; short ones occur anywhere.
MIN_PRIVATE_CHARACTERS = 6
NEMA = "1.2.840.10008."


def texts(element):
    if element.VR == "UN" and isinstance(element.value, bytes):
        yield from (part.strip() for part in element.value.decode("latin-1").strip("\0").split("\\"))
    elif element.VR in TEXT and element.value is not None:
        values = element.value if isinstance(element.value, (list, pydicom.multival.MultiValue)) else [element.value]
        yield from (str(value).strip() for value in values)


def identifying(dataset):
    kept = {text for element in dataset.iterall() if element.keyword in TECHNICAL for text in texts(element)}
    for element in dataset.iterall():
        private = element.tag.is_private
        if element.keyword in TECHNICAL and not private:
            continue
        for text in texts(element):
            short = len(text) < (MIN_PRIVATE_CHARACTERS if private else MIN_CHARACTERS)
            if short or text.startswith(NEMA) or any(text in other for other in kept):
                continue
            yield element.keyword or str(element.tag), text


def bytes_without_pixels(path, dataset):
    with open(path, "rb") as file:
        raw = file.read()
    if dataset.file_meta.TransferSyntaxUID == pydicom.uid.DeflatedExplicitVRLittleEndian:
        start = 132 + 12 + dataset.file_meta.FileMetaInformationGroupLength
        raw = raw[:start] + zlib.decompress(raw[start:], -zlib.MAX_WBITS)
    return raw.replace(dataset.PixelData, b"") if "PixelData" in dataset else raw


def compare(before, after):
    first, second = pydicom.dcmread(before), pydicom.dcmread(after)
    found = list(identifying(first))
    haystack = bytes_without_pixels(after, second)
    return {
        "searched": len({text for _, text in found}),
        "leaks": sorted({name for name, text in found if text.encode("utf-8", "ignore") in haystack}),
        "private": sum(element.tag.is_private for element in second.iterall()),
        "samePixels": first.get("PixelData") == second.get("PixelData"),
        "sameSyntax": first.file_meta.TransferSyntaxUID == second.file_meta.TransferSyntaxUID,
        "metaInstance": second.file_meta.MediaStorageSOPInstanceUID == second.SOPInstanceUID,
        "patientId": str(second.PatientID),
        "study": str(second.StudyInstanceUID),
        "series": str(second.SeriesInstanceUID),
        "codes": [item.CodeValue for item in second.DeidentificationMethodCodeSequence],
    }


print(json.dumps([compare(*pair) for pair in json.loads(sys.argv[1])]))
