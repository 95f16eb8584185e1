import { beforeAll, describe, expect, it } from 'vitest';
import { aCheckpoint } from '../../test/a-checkpoint.ts';
import { decodeCheckpoint, encodeCheckpoint, type Checkpoint } from './checkpoint.ts';

const bytesOf = (checkpoint: Checkpoint): Buffer => Buffer.concat(encodeCheckpoint(checkpoint));
const whole = aCheckpoint();
let bytes: Buffer;
beforeAll(() => {
  bytes = bytesOf(whole);
});

describe('a checkpoint as bytes', () => {
  it('is read as it was written, to the last bit', () => {
    expect(decodeCheckpoint(bytes)).toEqual(whole);
    expect(decodeCheckpoint(bytesOf(aCheckpoint({ epochs: [], best: [] })))).toEqual(
      aCheckpoint({ epochs: [], best: [] }),
    );
  });

  it('is read from wherever it lies in memory', () => {
    for (const offset of [1, 2, 3]) {
      const moved = Buffer.concat([Buffer.alloc(offset), bytes]).subarray(offset);
      expect(decodeCheckpoint(moved)).toEqual(whole);
    }
  });

  it('is refused with any one byte changed', () => {
    const wrong: number[] = [];
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      if (typeof decodeCheckpoint(changed) !== 'string') wrong.push(at);
    }
    expect(wrong).toEqual([]);
  });

  it('is refused cut off anywhere, or with more behind it', () => {
    const wrong: number[] = [];
    for (let length = 0; length < bytes.length; length += 1) {
      if (typeof decodeCheckpoint(bytes.subarray(0, length)) !== 'string') wrong.push(length);
    }
    expect(wrong).toEqual([]);
    expect(decodeCheckpoint(Buffer.concat([bytes, Buffer.of(0)]))).toMatch(/damaged/);
  });

  it('of another version is refused as that', () => {
    const other = encodeCheckpoint({ ...whole, more: 1 } as Checkpoint);
    expect(decodeCheckpoint(Buffer.concat(other))).toMatch(/another version/);
  });
});
