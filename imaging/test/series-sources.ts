import { scanSeries } from '../src/index.ts';
import type { Series, Source } from '../src/index.ts';
import { realFile } from './real-files.ts';

const LUNG = 'dicom/series-LungFCP-01-0001';

/** A source that counts how often it is read. */
export type CountedSource = Source & { reads: number };

export function inMemory(name: string, bytes: Uint8Array): CountedSource {
  return {
    name,
    reads: 0,
    async read() {
      this.reads += 1;
      return bytes;
    },
  };
}

export function onDisk(path: string): CountedSource {
  return {
    name: path,
    reads: 0,
    async read() {
      this.reads += 1;
      return realFile(path);
    },
  };
}

/** The 20 adjacent slices of one real chest CT, by name: from the head downwards, against z. */
export function lungSources(): readonly CountedSource[] {
  return Array.from({ length: 20 }, (_, at) => onDisk(`${LUNG}/1-0${24 + at}.dcm`));
}

/** The one series among the sources. */
export async function scanOne(sources: readonly Source[]): Promise<Series> {
  const { series, refused } = await scanSeries(sources);
  const [only, ...others] = series;
  if (only === undefined || others.length > 0 || refused.length > 0) {
    throw new Error(`${series.length} series and ${refused.length} refused where one series is expected`);
  }
  return only;
}
