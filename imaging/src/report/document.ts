import { oneLine } from './codes.ts';
import type { DataSet } from './part10.ts';
import type { Source } from './source.ts';

/** Which model spoke. */
export type Algorithm = {
  readonly name: string;
  readonly version: string;
  /** Of the model package: `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
  readonly manufacturer?: string | undefined;
};

/** What makes two objects of the same content differ. */
export type Stamp = {
  readonly now: Date;
  /** A new UID at each call: newUid, but in tests. */
  readonly uid: () => string;
};

export const RESEARCH_ONLY = 'Research use only, not for diagnosis.';

/** What every object of ours holds of patient, study, series, equipment and instance. */
export function commonModules(
  source: Source,
  { algorithm, stamp }: { readonly algorithm: Algorithm; readonly stamp: Stamp },
  series: { readonly modality: string; readonly number: string; readonly description: string },
): DataSet {
  const { date, time } = clock(stamp.now, source.offsetMinutes);
  return {
    ...source.attributes,
    ...offset(source.offsetMinutes),
    Modality: series.modality,
    SeriesInstanceUID: stamp.uid(),
    SeriesNumber: series.number,
    SeriesDescription: series.description.slice(0, 64),
    SeriesDate: date,
    SeriesTime: time,
    SOPInstanceUID: stamp.uid(),
    InstanceNumber: '1',
    InstanceCreationDate: date,
    InstanceCreationTime: time,
    ContentDate: date,
    ContentTime: time,
    ...equipment(algorithm),
  };
}

/** Enhanced General Equipment (PS3.3 C.7.5.2). The serial number of a model is what no other model has: its digest. */
function equipment(algorithm: Algorithm): DataSet {
  return {
    Manufacturer: manufacturerOf(algorithm),
    ManufacturerModelName: oneLine(algorithm.name).slice(0, 64),
    // LO holds 64 characters, just the digest's digits.
    DeviceSerialNumber: algorithm.digest.replace(/^sha256:/, '').slice(0, 64),
    SoftwareVersions: oneLine(algorithm.version).slice(0, 64),
  };
}

export function manufacturerOf(algorithm: Algorithm): string {
  return oneLine(algorithm.manufacturer ?? 'Hilum').slice(0, 64);
}

/**
 * DA and TM in the study's time zone. Where the study names none they are in this process's (TZ): written beside the
 * times of a scanner, which are local, an unmarked UTC would be read as local too.
 */
export function clock(now: Date, offsetMinutes: number | undefined) {
  const shift = offsetMinutes ?? -now.getTimezoneOffset();
  const local = new Date(now.getTime() + shift * 60_000).toISOString();
  return { date: local.slice(0, 10).replaceAll('-', ''), time: local.slice(11, 19).replaceAll(':', '') };
}

function offset(minutes: number | undefined): DataSet {
  if (minutes === undefined) return {};
  const size = Math.abs(minutes);
  const digits = String(Math.floor(size / 60) * 100 + (size % 60)).padStart(4, '0');
  return { TimezoneOffsetFromUTC: `${minutes < 0 ? '-' : '+'}${digits}` };
}
