import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { dicomVenv, run } from '@hilum/hack';
import { describe, expect, test } from 'vitest';
import { j2kHeader } from '../src/dicom/codestream.ts';
import { decodeJpeg2000 } from '../src/dicom/openjpeg.ts';
import { ImagingError } from '../src/index.ts';
import { encodeHtj2k, encodeJpeg2000 } from './wasm-encoders.ts';
import type { Picture, Wavelet } from './wasm-encoders.ts';

type Golden = {
  /** By mode, whose bits are bypass, reset, termall, vertically causal, predictable termination, segmentation symbols. */
  readonly modes: readonly string[];
  /** The image begins at 5, 3 and its tiles of 8 × 8 at 2, 1. */
  readonly offset: string;
  /** 7 bits with a sign: 64 less. */
  readonly signed: string;
  /** 16 bits: 137, 274 and 411 times as much. */
  readonly colour: string;
  readonly carry: { readonly codestream: string; readonly sha256: string };
};

// Encoded by OpenJPEG 2.5.4, whose options the encoder beside us has not.
const golden = JSON.parse(
  await readFile(resolve(import.meta.dirname, 'golden/jpeg2000.json'), 'utf8'),
) as Golden;
const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));
const decode = async (codestream: Uint8Array) => decodeJpeg2000(codestream, j2kHeader(codestream));
const shaOf = (samples: Int32Array) =>
  createHash('sha256').update(new Uint8Array(samples.buffer)).digest('hex');

/** What the golden codestreams hold: 12 rows of 14. */
const drawn = Array.from({ length: 168 }, (_, at) => {
  const [x, y] = [at % 14, Math.floor(at / 14)];
  return (x * x * 3 + y * y * 5 + x * y * 7 + ((x * y) % 11) * 9) % 128;
});

test.each(golden.modes.map((codestream, mode) => [mode, codestream] as const))(
  'code-blocks of mode %i come back bit for bit',
  async (_, codestream) => {
    expect([...(await decode(bytesOf(codestream)))]).toEqual(drawn);
  },
);

test('an image and tiles off the origin come back bit for bit', async () => {
  const codestream = bytesOf(golden.offset);
  expect(j2kHeader(codestream)).toMatchObject({ rows: 12, columns: 14 });
  expect([...(await decode(codestream))]).toEqual(drawn);
});

test('few bits with a sign, and colour of 16 bits, come back bit for bit', async () => {
  expect([...(await decode(bytesOf(golden.signed)))]).toEqual(drawn.map((value) => value - 64));
  const colour = drawn.flatMap((value) => [137, 274, 411].map((times) => value * times));
  expect([...(await decode(bytesOf(golden.colour)))]).toEqual(colour);
});

test('a carry that only damaged data can make decide is added when the standard adds it', async () => {
  expect(shaOf(await decode(bytesOf(golden.carry.codestream)))).toBe(golden.carry.sha256);
});

test('code-blocks of HTJ2K are refused, and the next file is read', async () => {
  const picture = pictures(1)[0] as Case;
  const newer = await encodeHtj2k({ ...picture.picture, components: 1, bits: 12, signed: false });
  await expect(decode(newer)).rejects.toMatchObject({ code: 'CORRUPT' });
  expect(await decode(bytesOf(golden.offset))).toHaveLength(168);
});

test('what is not the header given is refused', async () => {
  const codestream = bytesOf(golden.offset);
  const header = j2kHeader(codestream);
  for (const over of [{ rows: 13 }, { columns: 13 }, { components: 3 }, { bits: 8 }, { signed: true }]) {
    const refusal = decodeJpeg2000(codestream, { ...header, ...over });
    await expect(refusal).rejects.toMatchObject({ code: 'CORRUPT' });
  }
});

test('an image that needs more memory than a codec may have is LIMIT_EXCEEDED, and the next is read', async () => {
  const codestream = bytesOf(golden.modes[0] ?? '');
  const view = new DataView(codestream.buffer);
  // Of 50,000 × 50,000 in one tile: 10 GB.
  for (const at of [8, 12, 24, 28]) view.setUint32(at, 50_000);
  await expect(decode(codestream)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  expect([...(await decode(bytesOf(golden.modes[0] ?? '')))]).toEqual(drawn);
});

describe('random images', () => {
  test('encoded without loss come back bit for bit', async () => {
    for (const { picture, how } of pictures(150)) {
      const codestream = await encodeJpeg2000(picture, how);
      expect([...(await decode(codestream))], JSON.stringify(how)).toEqual(picture.samples);
    }
  });

  test('intact, quantised, cut to a layer or damaged, are to us what they are to pylibjpeg', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jpeg2000-'));
    try {
      const streams = await damagedStreams(250);
      for (const [at, stream] of streams.entries()) await writeFile(join(folder, `${at}.j2k`), stream);
      const { python } = await dicomVenv();
      const peer = JSON.parse(
        (await run(python, ['-c', PEER, folder, `${streams.length}`])).stdout,
      ) as string[];
      const ours = [];
      for (const stream of streams) ours.push(await decode(stream).then(shaOf, refused));
      expect(ours).toEqual(peer);
      expect(new Set(ours).size).toBeGreaterThan(streams.length / 2);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

// Its own precision decides the width; all are compared as int32.
const PEER = `
import hashlib, json, sys
from openjpeg.utils import decode
folder, count = sys.argv[1], int(sys.argv[2])
found = []
for at in range(count):
    with open(f"{folder}/{at}.j2k", "rb") as file:
        bytes = file.read()
    try:
        found.append(hashlib.sha256(decode(bytes, 0).astype("<i4").tobytes()).hexdigest())
    except RuntimeError:
        found.append("refused")
print(json.dumps(found))
`;

type Case = { readonly picture: Picture; readonly how: Wavelet };

function refused(error: unknown): string {
  if (error instanceof ImagingError && error.code === 'CORRUPT') return 'refused';
  throw error;
}

/** Every other one is damaged behind its main header, a byte FF more often than chance would have it. */
async function damagedStreams(count: number): Promise<readonly Uint8Array[]> {
  const streams: Uint8Array[] = [];
  const random = seeded(2);
  for (const { picture, how } of pictures(count)) {
    const lossless = random(2) === 0;
    const stream = await encodeJpeg2000(picture, { ...how, lossless, ...(lossless ? {} : { ratio: 4 }) });
    const data = Buffer.from(stream).indexOf(Buffer.from([0xff, 0x93])) + 2;
    for (let k = streams.length % 2 === 0 ? 0 : 1 + random(4); k > 0; k -= 1) {
      const at = data + random(stream.length - 3 - data);
      stream.set(random(2) === 0 ? [0xff, 0x78 + random(24)] : [random(256)], at);
    }
    streams.push(stream);
  }
  return streams;
}

function pictures(count: number): readonly Case[] {
  const random = seeded(count);
  return Array.from({ length: count }, () => {
    const bits = 1 + random(16);
    // The encoder's wrapper takes no bytes with a sign, and no colour of more than a byte.
    const signed = bits > 8 && random(2) === 1;
    const components = bits <= 8 && random(3) === 0 ? 3 : 1;
    const [rows, columns] = [8 + random(90), 8 + random(90)];
    const lowest = signed ? -(2 ** (bits - 1)) : 0;
    const [step, noise] = [1 + random(9), 1 + random(2 ** bits)];
    const samples = Array.from(
      { length: rows * columns * components },
      (_, at) => lowest + ((Math.floor(at / components / step) + random(noise)) % 2 ** bits),
    );
    const how: Wavelet = {
      progression: random(5),
      decompositions: random(4),
      block: [2 ** (2 + random(5)), 2 ** (2 + random(5))],
      ...(random(3) === 0 ? { tile: [24 + random(40), 24 + random(40)] as const } : {}),
    };
    return { picture: { rows, columns, components, bits, signed, samples }, how };
  });
}

/** A linear congruential generator, of which the upper bits are used. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % below;
  };
}
