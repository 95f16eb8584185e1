import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compare, referencePlugin } from './compare.ts';
import type { Comparison } from './compare.ts';
import { comparedFiles, noData, timedFiles } from './files.ts';
import { startPeer } from './peer.ts';
import type { Peer } from './peer.ts';

describe.skipIf(noData)(`the stored values ${noData || ''}`, () => {
  let peer: Peer;
  let comparisons: readonly Comparison[];

  beforeAll(async () => {
    peer = await startPeer();
    const found: Comparison[] = [];
    for (const file of [...(await timedFiles(peer)), ...comparedFiles()]) {
      const plugin = referencePlugin(await peer.load(file.name, file.bytes));
      found.push(await compare(file, peer, file.name, plugin));
    }
    comparisons = found;
  });
  afterAll(() => peer.close());

  test('are those of pydicom, live, for every transfer syntax that we decode', () => {
    expect(new Set(comparisons.map(({ syntax }) => syntax)).size).toBe(15);
    expect(comparisons.filter(({ equal }) => !equal)).toEqual([]);
  });

  test('are bit for bit the same unless the JPEG or the HTJ2K loses something', () => {
    const inexact = comparisons.filter(({ maxDifference }) => maxDifference > 0);
    expect(inexact.every(({ syntax }) => /\.(50|203)$/.test(syntax))).toBe(true);
  });
});
