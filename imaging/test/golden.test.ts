import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { closeDecoders, contractSchema, decodeImage, defaultContract, toTensor } from '../src/index.ts';
import type { Contract, Image } from '../src/index.ts';
import { noData, realFile } from './real-files.ts';
import { greyRamp, roundChest } from './synthetic-image.ts';

/*
 * Frozen tensors. A package holds a contract, its version stands for every pixel that toTensor makes of an image, and
 * a model trained on other pixels answers without a word of warning. So the digests are kept in a file named after the
 * version, and `UPDATE=1` only adds what is not there yet: whoever means to change pixels raises the version in
 * contract.ts first, and so gets a new, empty file.
 */
const { version } = defaultContract('hu', 64);
const FILE = join(import.meta.dirname, `golden/tensors-v${version}.json`);
const known: Readonly<Record<string, string>> = existsSync(FILE)
  ? (JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, string>)
  : {};
const added: Record<string, string> = {};

const MESSAGE =
  `Pixels of contract version ${version} changed. Models in use were trained on the old ones: raise the version in ` +
  'contract.ts, then run with UPDATE=1, which writes the goldens of a new version and never those of an old.';

const LUNG = { center: -600, width: 1500 };
const CONTRACTS: Readonly<Record<string, Contract>> = {
  'hu 224': defaultContract('hu', 224),
  'hu 64 center-square': contractSchema.parse({ ...defaultContract('hu', 64), crop: 'center-square' }),
  'hu 64 lung': contractSchema.parse({ ...defaultContract('hu', 64), crop: 'lung' }),
  'hu 64 spacing': contractSchema.parse({
    ...defaultContract('hu', 64),
    spacingMm: 1.3,
    crop: 'center-square',
  }),
  'hu 96 lung spacing': contractSchema.parse({ ...defaultContract('hu', 96), spacingMm: 1, crop: 'lung' }),
  'grey 224': defaultContract('grey', 224),
  'grey 96 center-square': contractSchema.parse({ ...defaultContract('grey', 96), crop: 'center-square' }),
  'grey 224 lung window': defaultContract('grey', 224, LUNG),
};

const SYNTHETIC: readonly [name: string, image: Image, contracts: readonly string[]][] = [
  [
    'round chest',
    roundChest(),
    Object.keys(CONTRACTS).filter((name) => !/^grey \d+( center-square)?$/.test(name)),
  ],
  ['ramp of 8 bits', greyRamp(8), ['grey 224', 'grey 96 center-square']],
  ['ramp of 16 bits', greyRamp(16), ['grey 224', 'grey 96 center-square']],
];

const REAL: readonly [path: string, contracts: readonly string[]][] = [
  ['dicom/transfer-syntaxes/CT1_explicit-le_1.2.1.dcm', SYNTHETIC[0]?.[2] ?? []],
  ['dicom/series-LungFCP-01-0001/1-030.dcm', SYNTHETIC[0]?.[2] ?? []],
  ['iq-oth-nccd/normal/Normal case (10).jpg', ['grey 224', 'grey 96 center-square']],
  ['lidc-nodules/benign/53453eb2e4b05911cd6db137/8/1.png', ['grey 224', 'grey 96 center-square']],
];

afterAll(async () => {
  await closeDecoders();
  if (process.env['UPDATE'] !== '1' || Object.keys(added).length === 0) return;
  const all = Object.entries({ ...added, ...known }).toSorted(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(FILE, `${JSON.stringify(Object.fromEntries(all), undefined, 2)}\n`);
});

describe('the tensor of a synthetic image', () => {
  const cases = SYNTHETIC.flatMap(([name, image, contracts]) =>
    contracts.map((key) => ({ name, image, key })),
  );
  test.each(cases)('$name under $key is the one of its contract’s version', ({ name, image, key }) => {
    const digest = digestOf(image, CONTRACTS[key]);
    expect(digest, MESSAGE).toBe(golden(`${name} | ${key}`, digest));
  });
});

describe.skipIf(noData)(`the tensor of a real image ${noData || ''}`, () => {
  const cases = REAL.flatMap(([path, contracts]) => contracts.map((key) => ({ path, key })));
  test.each(cases)('$path under $key is the one of its contract’s version', async ({ path, key }) => {
    const digest = digestOf(await decodeImage(realFile(path)), CONTRACTS[key]);
    expect(digest, MESSAGE).toBe(golden(`${path} | ${key}`, digest));
  });
});

function digestOf(image: Image, contract: Contract | undefined): string {
  if (contract === undefined) throw new TypeError('no such contract');
  const { tensor } = toTensor(image, contract);
  return createHash('sha256').update(new Uint8Array(tensor.buffer)).digest('hex');
}

/** What is known of `name`; with UPDATE=1 and nothing known, `digest` becomes it. */
function golden(name: string, digest: string): string | undefined {
  if (known[name] === undefined && process.env['UPDATE'] === '1') added[name] = digest;
  return known[name] ?? added[name];
}
