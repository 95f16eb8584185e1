import {
  decodeImage,
  deidentify,
  inspectDicom,
  openDicom,
  readFacts,
  scanSeries,
  seriesTensors,
  toTensor,
  writeFindingReport,
} from '../src/index.ts';
import type { Contract, DicomFile, Image, Series } from '../src/index.ts';
import type { Case } from './case.ts';
import { contractsFor } from './contracts.ts';
import { CANARY } from './corpus.ts';
import type { Node } from './dataset.ts';
import { readTree } from './dataset-read.ts';
import { Notes } from './notes.ts';

// Less than the two seconds that a call may take: a deadline needs room to be kept in.
const TIMEOUT_MS = 1500;
const FRAMES_MAX = 4;
const SLICES_MAX = 3;
const KEY = new Uint8Array(32).fill(7);
const ALGORITHM = { name: 'fuzz', version: '1', digest: `sha256:${'0'.repeat(64)}` } as const;
const patience = { timeoutMs: TIMEOUT_MS } as const;

/** Makes the calls of one case; whatever they do ends up in the notes. */
export async function judge(tried: Case): Promise<Notes> {
  const notes = new Notes();
  const { bytes, draw } = tried;
  const image = await notes.call('decodeImage', async () => decodeImage(bytes, patience));
  if (image !== undefined) {
    notes.consistent('decodeImage', image);
    await tensor(image, draw, notes);
  }
  if (Buffer.from(bytes.subarray(128, 132)).toString('latin1') === 'DICM') await dicom(tried, image, notes);
  return notes;
}

async function tensor(image: Image, draw: number, notes: Notes): Promise<void> {
  const contracts = contractsFor(image.kind);
  const contract = contracts[Math.floor(draw * contracts.length)];
  if (contract === undefined) return;
  const made = await notes.call('toTensor', () => toTensor(image, contract));
  if (made !== undefined) tensorIsSound('toTensor', made.tensor, contract, notes);
}

function tensorIsSound(call: string, values: Float32Array, { inputSize }: Contract, notes: Notes): void {
  // 0 to 255 less ImageNet's means.
  if (values.length === inputSize ** 2 * 3 && values.every((value) => value >= -124 && value <= 152)) return;
  notes.find('INCONSISTENT', call, 'the tensor is not of its size or range');
}

/** What else a file is put through; the costlier calls are drawn. */
async function dicom({ bytes, draw, original }: Case, image: Image | undefined, notes: Notes): Promise<void> {
  const spin = (draw * 97) % 1;
  const facts = await notes.call('readFacts', async () => readFacts(bytes, patience));
  // Facts are read of attributes that no pixel depends on, and one of those may be longer than is read.
  const exceeded = notes.outcomes.at(-1) === 'readFacts LIMIT_EXCEEDED';
  if (image !== undefined && facts?.length !== 1 && !exceeded) {
    notes.find('INCONSISTENT', 'readFacts', `of one slice readFacts gave ${facts?.length ?? 'none'}`);
  }
  const inspection =
    spin < 0.5 ? await notes.call('inspectDicom', async () => inspectDicom(bytes, patience)) : undefined;
  if (spin > 0.4 && spin < 0.75) await frames(bytes, image, notes);
  if (spin > 0.3 && spin < 0.6) await identity(bytes, inspection?.storedSha256, notes);
  if (spin > 0.7 && spin < 0.9) await report(bytes, notes);
  if (spin > 0.85) await series(bytes, original, draw, notes);
}

async function frames(bytes: Uint8Array, image: Image | undefined, notes: Notes): Promise<void> {
  const file = await notes.call('openDicom', async () => openDicom(bytes, patience));
  if (file === undefined) return;
  try {
    await eachFrame(file, image, notes);
  } finally {
    file.close();
  }
}

async function eachFrame(file: DicomFile, image: Image | undefined, notes: Notes): Promise<void> {
  for (let n = 1; n <= Math.min(FRAMES_MAX, file.facts.length); n += 1) {
    const frame = await notes.call('frame', async () => file.frame(n));
    if (frame === undefined) continue;
    notes.consistent('frame', frame);
    if (image === undefined || file.facts.length > 1) continue;
    const same = Buffer.compare(bytesOf(frame.pixels), bytesOf(image.pixels)) === 0;
    if (!same) notes.find('INCONSISTENT', 'frame', 'its pixels are not those of decodeImage');
  }
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** De-identified, a file names nobody and shows the same pixels. */
async function identity(bytes: Uint8Array, sha256: string | undefined, notes: Notes): Promise<void> {
  const options = { key: KEY, shiftDates: true, burnedIn: 'flag' } as const;
  const done = await notes.call('deidentify', async () => deidentify(bytes, options));
  if (done === undefined) return;
  notes.discreet('deidentify', done.report);
  if (done.bytes === undefined) return;
  const written = readTree(done.bytes);
  if (written === undefined) notes.find('INCONSISTENT', 'deidentify', 'what it wrote cannot be parsed');
  else if (named(written.data)) notes.find('CANARY', 'deidentify', 'what it wrote names a person');
  if (sha256 === undefined) return;
  const after = await notes.call('inspectDicom', async () => inspectDicom(done.bytes, patience));
  // An element that breaks the rules of its VR is left out, which may be Pixel Data or their layout.
  if (after !== undefined && after.storedSha256 !== sha256) {
    notes.find('INCONSISTENT', 'deidentify', 'the pixels are not what they were');
  }
}

function named(nodes: readonly Node[]): boolean {
  return nodes.some(({ tag, vr, value, items }) => {
    if (items !== undefined) return items.some((item) => named(item.nodes));
    return (vr === 'PN' || tag === 0x0010_0020) && Buffer.from(value).includes(CANARY);
  });
}

/** What is said of a refused file names its patient, and is written where its study is: it may not go to the console. */
async function report(bytes: Uint8Array, notes: Notes): Promise<void> {
  const refused = { outcome: 'refused', algorithm: ALGORITHM, code: 'CORRUPT', text: 'Broken.' } as const;
  const stamp = { now: new Date(0), uid: () => '2.25.1' };
  const written = await notes.call('writeFindingReport', async () =>
    writeFindingReport(refused, bytes, stamp),
  );
  if (written !== undefined && readTree(written) === undefined) {
    notes.find('INCONSISTENT', 'writeFindingReport', 'what it wrote cannot be parsed');
  }
}

/** The file beside the one it was made of, which lies in the same place of the same series. */
async function series(bytes: Uint8Array, original: Uint8Array, draw: number, notes: Notes): Promise<void> {
  const files = [bytes, original].map((file, at) => ({
    name: String(at),
    read: async () => Promise.resolve(file),
  }));
  const found = await notes.call('scanSeries', async () => scanSeries(files, patience), 4);
  if (found === undefined) return;
  for (const { warnings, refusal } of found.series) notes.discreet('scanSeries', [warnings, refusal]);
  notes.discreet('scanSeries', found.refused);
  const contracts = contractsFor('hu');
  const contract = contracts[Math.floor(((draw * 31) % 1) * contracts.length)];
  for (const one of found.series) {
    if (contract === undefined) continue;
    await notes.call('seriesTensors', async () => someTensors(one, contract, notes), 4);
  }
}

async function someTensors(one: Series, contract: Contract, notes: Notes): Promise<void> {
  let seen = 0;
  for await (const slice of seriesTensors(one, contract, patience)) {
    tensorIsSound('seriesTensors', slice.tensor, contract, notes);
    seen += 1;
    if (seen === SLICES_MAX) return;
  }
}
