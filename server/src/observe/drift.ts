/** Whether the last images look like those that the model learnt from. No image is kept: a bin number a statistic. */
import {
  binOf,
  inputStatistics,
  type PackageInfo,
  REFERENCE_STATISTICS,
  readReference,
  type Reference,
  type ReferenceStatistic,
} from '@hilum/model';
import { Gauge, type Registry } from 'prom-client';
import { psi } from './psi.ts';

/** Takes an input of the network, and gives what takes the probability of the positive label that came of it. */
type Watch = (tensor: Float32Array) => (score: number) => void;

export interface Drift {
  /** undefined while it is not known, or known that there is nothing to compare with. */
  readonly watch: (info: PackageInfo) => Watch | undefined;
}

export interface DriftOptions {
  readonly registry: Registry;
  /** Once a package, where there is nothing to compare with. */
  readonly onAbsent: (reason: string) => void;
  /** The images that are compared; default 500. */
  readonly window?: number;
  /** So many there must be; default 100: of fewer, chance alone is as far off as a scanner. */
  readonly least?: number;
}

interface Windows {
  readonly digest: string;
  readonly byName: ReadonlyMap<ReferenceStatistic, Window>;
}

export function createDrift({ registry, onAbsent, window = 500, least = 100 }: DriftOptions): Drift {
  let now: Windows | undefined;
  let asked = '';

  const load = async (info: PackageInfo): Promise<void> => {
    let reference: Reference | undefined;
    try {
      reference = await readReference(info);
      if (reference === undefined) onAbsent('the package has no training/reference.json');
    } catch {
      onAbsent('training/reference.json cannot be read');
    }
    const byName = new Map<ReferenceStatistic, Window>();
    for (const name of REFERENCE_STATISTICS) {
      const histogram = reference?.statistics[name];
      if (histogram !== undefined) byName.set(name, createWindow(histogram, window));
    }
    if (asked === info.digest) now = { digest: info.digest, byName };
  };

  const watchOf =
    (byName: Windows['byName']): Watch =>
    (tensor) => {
      const statistics = inputStatistics(tensor);
      for (const [name, value] of Object.entries(statistics))
        byName.get(name as ReferenceStatistic)?.add(value);
      return (score) => byName.get('score')?.add(score);
    };

  // Asked for by a scrape, a matter of tens of bins: an image pays for no sum.
  registry.registerMetric(
    new Gauge({
      name: 'hilum_input_drift_psi',
      help: 'How far the last images are from the training images: population stability index, 0 for alike',
      labelNames: ['statistic'],
      registers: [],
      collect() {
        this.reset();
        for (const [statistic, { psi, images }] of now?.byName ?? []) {
          if (images() >= least) this.set({ statistic }, psi());
        }
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'hilum_input_drift_images',
      help: `Images in the window of hilum_input_drift_psi, which says nothing below ${least}`,
      registers: [],
      collect() {
        this.set(Math.max(0, ...[...(now?.byName.values() ?? [])].map(({ images }) => images())));
      },
    }),
  );

  return {
    watch: (info) => {
      if (asked !== info.digest) {
        asked = info.digest;
        now = undefined;
        void load(info);
      }
      if (now === undefined || now.byName.size === 0) return undefined;
      return watchOf(now.byName);
    },
  };
}

interface Window {
  readonly add: (value: number) => void;
  readonly images: () => number;
  readonly psi: () => number;
}

/** The bins of the last values, in a ring. */
function createWindow(
  { edges, counts: expected }: { readonly edges: readonly number[]; readonly counts: readonly number[] },
  size: number,
): Window {
  const ring = new Uint8Array(size);
  const counts = expected.map(() => 0);
  let seen = 0;
  const change = (bin: number, by: number): void => {
    counts[bin] = (counts[bin] ?? 0) + by;
  };
  return {
    add: (value) => {
      const at = seen % size;
      if (seen >= size) change(ring[at] ?? 0, -1);
      ring[at] = binOf(value, edges);
      change(ring[at] ?? 0, 1);
      seen += 1;
    },
    images: () => Math.min(seen, size),
    psi: () => psi(expected, counts),
  };
}
