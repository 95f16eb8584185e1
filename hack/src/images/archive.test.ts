import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../run.ts';
import { writeImageArchive } from './archive.ts';

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hilum-archive-'));
});

afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

it('writes a docker-archive that tar reads, with executable files in their folders, the same each time', async () => {
  const program = join(dir, 'program');
  await writeFile(program, 'x'.repeat(700)); // more than one block of a tar
  const image = {
    ref: 'localhost/hilum-test:1',
    files: { '/usr/bin/program': program, '/usr/bin/other': program },
    entrypoint: ['/usr/bin/program'],
  };
  const [first, second] = [join(dir, 'first.tar'), join(dir, 'second.tar')];
  await writeImageArchive(first, image);
  await writeFile(program, 'x'.repeat(700)); // a newer file of the same bytes
  await writeImageArchive(second, image);
  expect((await readFile(first)).equals(await readFile(second))).toBe(true);

  const { stdout } = await run('tar', ['-xOf', first, 'manifest.json']);
  const [manifest] = JSON.parse(stdout) as [{ Layers: [string]; RepoTags: string[] }];
  expect(manifest.RepoTags).toEqual(['localhost/hilum-test:1']);
  await run('tar', ['-xf', first, '-C', dir]);
  const listing = (await run('tar', ['-tvf', join(dir, manifest.Layers[0])])).stdout;
  expect(
    listing.split('\n').map((line) => line.replace(/\s+/g, ' ').replace(/\d{4}-\d\d-\d\d \d\d:\d\d /, '')),
  ).toEqual([
    'drwxr-xr-x 0/0 0 usr/',
    'drwxr-xr-x 0/0 0 usr/bin/',
    '-rwxr-xr-x 0/0 700 usr/bin/program',
    '-rwxr-xr-x 0/0 700 usr/bin/other',
    '',
  ]);
});
