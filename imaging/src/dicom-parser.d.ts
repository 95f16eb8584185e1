/** What dicom-parser exports but its types leave out. */
import 'dicom-parser';
import type { ByteArrayParser, DataSet as Values, Element } from 'dicom-parser';

declare module 'dicom-parser' {
  export const DataSet: new (
    parser: ByteArrayParser,
    bytes: Uint8Array,
    elements: Record<string, Element>,
  ) => Values;
}
