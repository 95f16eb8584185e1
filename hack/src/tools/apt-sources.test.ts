import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { debianMirrors } from './apt-sources.ts';

let apt: string;

beforeEach(async () => {
  apt = await mkdtemp(join(tmpdir(), 'hilum-apt-'));
  await mkdir(join(apt, 'sources.list.d'));
});

afterEach(async () => {
  await rm(apt, { recursive: true, force: true });
});

const deb822 = `Types: deb deb-src
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`;
const oneLine = `# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/key.gpg] https://other.example/tool stable main
deb http://mirror.example/debian trixie main
deb http://mirror.example/debian-security trixie-security main
`;

it.each([
  ['of deb822 stanzas', 'sources.list.d/debian.sources', deb822],
  ['of one-line entries of another release', 'sources.list', oneLine],
])('takes the mirror and its security updates out %s', async (_, file, text) => {
  await writeFile(join(apt, file), text);
  expect(await debianMirrors(apt)).toEqual({
    mirror: 'http://mirror.example/debian',
    sourcesList: [
      'deb http://mirror.example/debian bookworm main',
      'deb http://mirror.example/debian-security bookworm-security main',
      '',
    ].join('\n'),
  });
});

it('says what to do where apt knows no Debian', async () => {
  await writeFile(join(apt, 'sources.list'), 'deb http://mirror.example/ubuntu noble main\n');
  await expect(debianMirrors(apt)).rejects.toThrow('start Docker instead');
});
