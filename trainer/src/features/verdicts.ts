/** With what code a server would refuse an image, by the digest of its file: a warm run decodes nothing to know it. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IMAGING_CODES, type Contract, type ImagingCode } from '@hilum/imaging';
import { z } from 'zod';

/** `null`: it would be taken. */
export type Verdict = ImagingCode | null;

const isCode = (text: string): text is ImagingCode => Object.hasOwn(IMAGING_CODES, text);
const fileSchema = z.record(z.string().length(64), z.union([z.null(), z.string().refine(isCode)]));

const SUFFIX = '.json';
/** As many small files are read fast; more are put together. */
const MAX_FILES = 64;

/** Verdicts of one domain: files of a few dozen images, each whole or absent. A file that cannot be read says nothing. */
export class Verdicts {
  readonly #dir: string;
  readonly #known: Map<string, Verdict>;

  private constructor(dir: string, known: Map<string, Verdict>) {
    this.#dir = dir;
    this.#known = known;
  }

  /** @param cacheDir folder of all features */
  static async open(
    cacheDir: string,
    { version, domain }: Pick<Contract, 'version' | 'domain'>,
  ): Promise<Verdicts> {
    const dir = join(cacheDir, 'verdicts', `${domain}-${version}`);
    const names = (await readdir(dir).catch(() => [])).filter((name) => name.endsWith(SUFFIX));
    const known = new Map<string, Verdict>();
    for (const name of names) {
      for (const [digest, verdict] of await readVerdicts(join(dir, name))) known.set(digest, verdict);
    }
    const verdicts = new Verdicts(dir, known);
    if (names.length > MAX_FILES) await verdicts.#merge(names);
    return verdicts;
  }

  /** Undefined where the image was never looked at. @param digest hex sha256 of its file */
  find(digest: string): Verdict | undefined {
    return this.#known.get(digest);
  }

  async add(verdicts: ReadonlyMap<string, Verdict>): Promise<void> {
    if (verdicts.size === 0) return;
    for (const [digest, verdict] of verdicts) this.#known.set(digest, verdict);
    await this.#write(verdicts);
  }

  async #write(verdicts: ReadonlyMap<string, Verdict>): Promise<string> {
    const text = JSON.stringify(Object.fromEntries(verdicts));
    const name = `${createHash('sha256').update(text).digest('hex').slice(0, 32)}${SUFFIX}`;
    const scratch = join(this.#dir, `${name}.${randomUUID()}.part`);
    await mkdir(this.#dir, { recursive: true });
    try {
      await writeFile(scratch, text);
      await rename(scratch, join(this.#dir, name));
    } catch (error) {
      await rm(scratch, { force: true });
      throw error;
    }
    return name;
  }

  async #merge(names: readonly string[]): Promise<void> {
    const whole = await this.#write(this.#known);
    for (const name of names) if (name !== whole) await rm(join(this.#dir, name), { force: true });
  }
}

async function readVerdicts(path: string): Promise<readonly (readonly [string, Verdict])[]> {
  try {
    const parsed = fileSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    return Object.entries(parsed);
  } catch {
    return [];
  }
}
