/** A data set by keywords (PS3.6). `null` is an element of length zero; numbers of DS and IS are given as text. */
export type DataSet = { readonly [keyword: string]: Value };
type Value =
  | string
  | number
  | null
  | ArrayBuffer
  | readonly string[]
  | readonly number[]
  | readonly DataSet[];

const EXPLICIT_LE = '1.2.840.10008.1.2.1';
// A UUID (PS3.5 B.2), the one that writeCtSlice names as well.
const IMPLEMENTATION_UID = '2.25.140975675908959859704466190820991276521';

/**
 * A Part 10 file, explicit VR little endian, text in UTF-8. Pixel Data is written as OB. Throws an Error that holds no
 * value of the data set.
 */
export async function writePart10(dataSet: DataSet): Promise<Uint8Array> {
  const { DicomDict, DicomMetaDictionary } = await library();
  try {
    const tags = (natural: object) => DicomMetaDictionary.denaturalizeDataset(natural);
    const file = new DicomDict(
      tags({
        FileMetaInformationVersion: Uint8Array.of(0, 1).buffer,
        MediaStorageSOPClassUID: dataSet['SOPClassUID'],
        MediaStorageSOPInstanceUID: dataSet['SOPInstanceUID'],
        TransferSyntaxUID: EXPLICIT_LE,
        ImplementationClassUID: IMPLEMENTATION_UID,
        ImplementationVersionName: 'HILUM',
      }),
    );
    file.dict = tags({
      SpecificCharacterSet: 'ISO_IR 192',
      ...dataSet,
      _vrMap: { PixelData: 'OB' },
    });
    // What the source holds longer than its VR allows is repeated: another's rule is no reason to lose a report.
    return new Uint8Array(file.write({ allowInvalidVRLength: true }));
  } catch {
    // Without the cause: dcmjs puts values into its messages.
    throw new Error('dcmjs cannot write this data set');
  }
}

/**
 * dcmjs takes 40 ms and 23 MB to load: only who writes pays. It prints values to the console, through two loggers:
 * over-long or unknown ones on the first, VRs it does not know on the second.
 */
async function library() {
  const { default: dcmjs } = await import('dcmjs');
  dcmjs.log.setLevel('silent');
  dcmjs.log.getLogger('validation.dcmjs').setLevel('silent');
  return dcmjs.data;
}
