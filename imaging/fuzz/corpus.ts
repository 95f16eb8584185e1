import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, matchesGlob, relative, resolve } from 'node:path';
import { builtSeeds, pngChunk } from './built.ts';
import { cloneTree } from './dataset.ts';
import type { Node, Tree } from './dataset.ts';
import { readTree } from './dataset-read.ts';
import { writeTree } from './dataset-write.ts';

type Kind = 'dicom' | 'png' | 'jpeg' | 'other';
export type Seed = {
  readonly name: string;
  readonly kind: Kind;
  readonly bytes: Uint8Array;
  /** Of a DICOM file that is well formed. */
  readonly tree: Tree | undefined;
  /** How often it is drawn, beside the others. */
  readonly weight: number;
};
export type Corpus = { readonly seeds: readonly Seed[]; readonly digest: string; readonly real: number };

/**
 * Stands in every text of a file that could name somebody. No message, warning or report may ever hold it; it has no
 * letters that a UID, a code or a file name is made of.
 */
export const CANARY = 'Zwq7';

const SERIES_TAKEN = 3;
const PICTURES_TAKEN = 4;
const TEXT_VRS = new Set(['PN', 'LO', 'SH', 'LT', 'ST', 'UT', 'UC', 'AE', 'AS']);

/**
 * The files of `data` (none where it is absent) and the built ones, in the order of their names; `only` is a glob
 * over names such as `dicom/transfer-syntaxes/*` or `built/*`.
 */
export async function loadCorpus(data: string, only: string): Promise<Corpus> {
  const real = existsSync(data) ? realFiles(data) : [];
  const all = [...real, ...(await builtSeeds())].filter(({ name }) => matchesGlob(name, only));
  if (all.length === 0) throw new Error(`no file of the corpus is called ${only}`);
  const seeds = all
    .map(({ name, bytes }) => seedOf(name, bytes))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const digest = createHash('sha256');
  for (const { name, bytes } of seeds) digest.update(name).update(bytes);
  return { seeds, digest: digest.digest('hex').slice(0, 16), real: real.length };
}

function realFiles(data: string) {
  const dicom = filesUnder(data, 'dicom').filter((name) => name.endsWith('.dcm'));
  const series = dicom.filter((name) => name.includes('/series-'));
  const kept = [
    ...dicom.filter((name) => !series.includes(name)),
    ...series.slice(0, SERIES_TAKEN),
    ...spread(filesUnder(data, 'iq-oth-nccd')),
    ...spread(filesUnder(data, 'lidc-nodules').filter((name) => name.endsWith('.png'))),
  ];
  return kept.map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(data, name))) }));
}

function filesUnder(data: string, folder: string): readonly string[] {
  if (!existsSync(join(data, folder))) return [];
  return readdirSync(join(data, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(data, resolve(entry.parentPath, entry.name)))
    .toSorted();
}

/** Some of many, from the first to the last. */
function spread(names: readonly string[]): readonly string[] {
  const step = Math.max(1, Math.floor(names.length / PICTURES_TAKEN));
  return names.filter((_, at) => at % step === 0).slice(0, PICTURES_TAKEN);
}

function seedOf(name: string, original: Uint8Array): Seed {
  const kind = kindOf(original);
  const tree = kind === 'dicom' ? planted(readTree(original)) : undefined;
  const bytes = tree === undefined ? plantedBytes(original, kind) : writeTree(tree);
  // Half a megabyte of pixels takes a hundred times as long to mutate and decode as the small ones.
  const weight = bytes.length < 12_000 ? 8 : bytes.length < 60_000 ? 3 : bytes.length < 150_000 ? 1 : 0.4;
  return { name, kind, bytes, tree, weight };
}

function kindOf(bytes: Uint8Array): Kind {
  const start = Buffer.from(bytes.subarray(0, 132)).toString('latin1');
  if (start.slice(128) === 'DICM') return 'dicom';
  if (start.startsWith('\u0089PNG')) return 'png';
  return start.startsWith('\u00ff\u00d8\u00ff') ? 'jpeg' : 'other';
}

/** The canary, over and over, in place of every text but those that pixels depend on (group 0028). */
function planted(tree: Tree | undefined): Tree | undefined {
  if (tree === undefined) return undefined;
  const copy = cloneTree(tree);
  plantNodes(copy.data);
  return copy;
}

function plantNodes(nodes: readonly Node[]): void {
  for (const node of nodes) {
    for (const item of node.items ?? []) plantNodes(item.nodes);
    if (!TEXT_VRS.has(node.vr) || node.tag >>> 16 === 0x0028 || node.value.length < CANARY.length) continue;
    node.value = Buffer.alloc(node.value.length, CANARY);
  }
}

/** A text chunk behind IHDR, or a comment behind SOI. */
function plantedBytes(bytes: Uint8Array, kind: Kind): Uint8Array {
  const note = Buffer.from(`Title\0${CANARY.repeat(8)}`);
  if (kind === 'png') {
    return Buffer.concat([bytes.subarray(0, 33), pngChunk('tEXt', note), bytes.subarray(33)]);
  }
  if (kind !== 'jpeg') return bytes;
  const comment = Buffer.from([0xff, 0xfe, 0, note.length + 2]);
  return Buffer.concat([bytes.subarray(0, 2), comment, note, bytes.subarray(2)]);
}
