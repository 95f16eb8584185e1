/** One cross-validation from an empty cache: its AUC-ROC, and what the features of an image cost. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compareAuc, crossValidateFolder, type CrossValidationRunEvent } from '@hilum/trainer';
import { z } from 'zod';
import { settingsOf, type Case, type CaseData } from './cases.ts';

const interval = z.object({ low: z.number(), high: z.number() });

const row = z.object({
  name: z.string(),
  inputSize: z.number(),
  images: z.number(),
  groups: z.number(),
  /** Of the process, from the first image read to the last row written, over the number of images. */
  cpuSeconds: z.number(),
  auc: z.number(),
  interval,
  /** By image: its patient or group, whether it is malignant, its score by a network that has not seen its group. */
  scores: z.array(z.object({ group: z.string(), positive: z.boolean(), score: z.number() })),
});
export type Row = z.infer<typeof row>;

type MeasureOptions = CaseData & {
  readonly inputSize: number;
  readonly baseWeights: string;
  /** Gets a cache that is deleted again. */
  readonly scratch: string;
  /** Gets the row: one that is there is not measured again. */
  readonly dir: string;
};

export async function measure(one: Case, options: MeasureOptions): Promise<Row> {
  const { inputSize, dir } = options;
  const path = join(dir, `${one.name.replaceAll(/[^a-z0-9]+/g, '-')}-${inputSize}.json`);
  if (existsSync(path)) return row.parse(JSON.parse(await readFile(path, 'utf8')));
  const measured = await crossValidated(one, options);
  await mkdir(dir, { recursive: true });
  await writeFile(path, JSON.stringify(measured));
  return measured;
}

async function crossValidated(
  one: Case,
  { inputSize, dataDir, labels, baseWeights, scratch }: MeasureOptions,
): Promise<Row> {
  const own = await mkdtemp(join(scratch, 'run-'));
  const cpu = new FeatureCpu();
  try {
    const { levels, scores, positiveLabel } = await crossValidateFolder({
      dataDir,
      labels,
      settings: settingsOf(one, inputSize),
      choice: { candidates: [{ name: 'as asked', parameters: {} }] },
      positiveLabel: 'malignant',
      seed: 7,
      folds: 5,
      repeats: 1,
      innerFolds: 4,
      baseWeights,
      cacheDir: join(own, 'cache'),
      dir: own,
      onEvent: (event) => cpu.onEvent(event),
    });
    const { aucRoc, samples, groups } = levels.image;
    if ('notDefined' in aucRoc) throw new Error(`there is no AUC: ${aucRoc.notDefined}`);
    const { low, high } = aucRoc.interval;
    return {
      name: one.name,
      inputSize,
      images: samples,
      groups,
      cpuSeconds: cpu.secondsAnImage(),
      auc: aucRoc.mean,
      interval: { low, high },
      scores: scores.map(({ label, patient, probabilities: [score = Number.NaN] }) => ({
        group: patient,
        positive: label === positiveLabel,
        score,
      })),
    };
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

/** AUC of the one less AUC of the other, with the paired interval by drawing groups. */
export function lessThan(
  one: Row,
  other: Row,
): { readonly difference: number; readonly interval?: z.infer<typeof interval> } {
  const samples = {
    scores: one.scores.map(({ score }) => score),
    positive: one.scores.map(({ positive }) => positive),
    groups: one.scores.map(({ group }) => group),
  };
  const others = other.scores.map(({ score }) => score);
  const compared = compareAuc(samples, others, { seed: 7, resamples: 2000 });
  if ('notDefined' in compared) throw new Error(compared.notDefined);
  const { difference, bootstrap } = compared;
  return { difference, ...(!('notDefined' in bootstrap) && { interval: bootstrap }) };
}

/** Between the first and the last that is said of features: nothing is trained in between. */
class FeatureCpu {
  #start: NodeJS.CpuUsage | undefined;
  #microseconds = 0;
  #images = 0;

  onEvent(event: CrossValidationRunEvent): void {
    if (event.type !== 'features') return;
    this.#start ??= process.cpuUsage();
    const { user, system } = process.cpuUsage(this.#start);
    this.#microseconds = user + system;
    this.#images = event.images - event.cached;
  }

  secondsAnImage(): number {
    if (this.#images === 0) throw new Error('all features were in the cache');
    return this.#microseconds / 1e6 / this.#images;
  }
}
