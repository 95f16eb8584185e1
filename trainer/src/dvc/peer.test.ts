/** Random trees, both ways between ours and the real dvc, over each kind of remote. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { dvcVenv, run, startS3, type S3Server } from '@hilum/hack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratchDir, writeTree } from '../../test/scratch.ts';
import { locateDataset } from './address.ts';
import { pullDataset } from './pull.ts';
import { datasetMd5, pushDataset } from './push.ts';

const scratch = scratchDir('dvc-peer');
const TREES = 5;

const SPECIAL = [
  'é',
  'e\u0301',
  '\u{1F600}',
  '\uFF5E',
  'a b',
  '"q"',
  "it's",
  '%41',
  '#1?',
  'a+b&c',
  '\ttab',
  'x',
];
const aName = fc.oneof(
  fc.constantFrom(...SPECIAL),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 6 })
    // Names that DVC keeps for itself start with a dot; a backslash is a separator to some readers.
    .filter((name) => !/^\.|[/\\\0]|\.dvc$/.test(name)),
);
const aContent = fc.oneof(
  fc.constantFrom('', 'one', 'line\r\nline\r\n'),
  fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes)),
);
type Tree = Readonly<Record<string, string | Uint8Array>>;
const aTree: fc.Arbitrary<Tree> = fc
  .array(fc.tuple(fc.array(aName, { minLength: 1, maxLength: 5 }), aContent), { minLength: 1, maxLength: 12 })
  .map((files) => {
    const tree = new Map<string, string | Uint8Array>();
    for (const [steps, content] of files) {
      const path = steps.join('/');
      // No file where another has its folder.
      const clash = [...tree.keys()].some(
        (other) => `${other}/`.startsWith(`${path}/`) || `${path}/`.startsWith(`${other}/`),
      );
      if (!clash) tree.set(path, content);
    }
    return Object.fromEntries(tree);
  });

/** Hex by path. */
function hex(tree: Tree): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tree).map(([path, content]) => [path, Buffer.from(content).toString('hex')]),
  );
}

async function read(dir: string): Promise<Record<string, string>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const pairs = files.map(async (path) => [path.slice(dir.length + 1), await readFile(path, 'hex')] as const);
  return Object.fromEntries(await Promise.all(pairs));
}

/** A folder behind a password. */
async function webStore(root: string): Promise<string> {
  const server = createServer((request, response) => {
    void (async () => {
      const path = join(root, decodeURIComponent(request.url ?? ''));
      if (request.headers.authorization !== `Basic ${btoa('user:word')}`) {
        response.writeHead(401).end();
      } else if (request.method === 'GET' || request.method === 'HEAD') {
        const bytes = await readFile(path).catch(() => undefined);
        const headers = bytes === undefined ? {} : { 'content-length': bytes.length };
        response.writeHead(bytes === undefined ? 404 : 200, headers);
        response.end(request.method === 'GET' ? bytes : undefined);
      } else {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, Buffer.concat(chunks));
        response.writeHead(201).end();
      }
    })();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function trees(seed: number): Record<string, Tree> {
  const sample = fc.sample(aTree, { numRuns: TREES, seed });
  return Object.fromEntries(sample.map((tree, index) => [`tree-${seed}-${index}`, tree]));
}

let s3: S3Server;
beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3.stop());

describe.each(['a folder', 'a web server', 'S3'] as const)('%s', (kind) => {
  const home = join(scratch, kind.replaceAll(' ', '-'));
  const repo = join(home, 'repo');
  let dvc: (...args: readonly string[]) => Promise<string>;

  beforeAll(async () => {
    const { python } = await dvcVenv();
    await mkdir(repo, { recursive: true });
    const env = {
      DVC_NO_ANALYTICS: '1',
      DVC_SITE_CACHE_DIR: join(home, 'site'),
      // Nobody's own profile takes part.
      AWS_CONFIG_FILE: '/nonexistent',
      AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
    };
    dvc = async (...args) => (await run(python, ['-m', 'dvc', '-q', ...args], { cwd: repo, env })).stdout;
    await dvc('init', '--no-scm');
    const url = {
      'a folder': () => join(home, 'store'),
      'a web server': () => webStore(join(home, 'store')),
      S3: () => `s3://${s3.bucket}/a prefix+b`,
    };
    const settings = {
      'a folder': [],
      'a web server': ['auth = basic', 'user = user', 'password = word'],
      S3: [
        `endpointurl = ${s3.url}`,
        `access_key_id = ${s3.accessKeyId}`,
        `secret_access_key = ${s3.secretAccessKey}`,
      ],
    };
    await dvc('remote', 'add', '-d', 'store', await url[kind]());
    const local = ['[\'remote "store"\']', ...settings[kind], ''].join('\n');
    await writeFile(join(repo, '.dvc/config.local'), local);
  });

  it('gives us what the real dvc pushed', async () => {
    const given = trees(1);
    for (const [name, tree] of Object.entries(given)) await writeTree(join(repo, name), tree);
    await dvc('add', ...Object.keys(given));
    await dvc('push');
    for (const [name, tree] of Object.entries(given)) {
      const into = join(home, 'pulled', name);
      const located = await locateDataset({ repo, path: name });
      await pullDataset({ ...located, into });
      expect(await read(into)).toEqual(hex(tree));
      expect(await datasetMd5(into)).toBe(located.md5);
    }
  });

  it('gives the real dvc what we pushed, under the same md5', async () => {
    const given = trees(2);
    for (const [name, tree] of Object.entries(given)) {
      const dir = join(home, 'given', name);
      await writeTree(dir, tree);
      // Any pointer leads to the remote; the pin is what comes out of the push.
      await writeFile(
        join(repo, `${name}.dvc`),
        `outs:\n- md5: ${'0'.repeat(32)}.dir\n  hash: md5\n  path: ${name}\n`,
      );
      const { remote, ...opening } = await locateDataset({ repo, path: name });
      const { md5 } = await pushDataset({ ...opening, remote, dir });
      await writeFile(join(repo, `${name}.dvc`), `outs:\n- md5: ${md5}\n  hash: md5\n  path: ${name}\n`);
    }
    await dvc('pull', ...Object.keys(given).map((name) => `${name}.dvc`));
    for (const [name, tree] of Object.entries(given)) expect(await read(join(repo, name))).toEqual(hex(tree));
    expect(await dvc('status', ...Object.keys(given).map((name) => `${name}.dvc`))).toContain('up to date');
  });

  it('gives us one file, a program', async () => {
    await writeFile(join(repo, 'tool.sh'), '#!/bin/sh\r\n', { mode: 0o755 });
    await dvc('add', 'tool.sh');
    await dvc('push', 'tool.sh');
    const into = join(home, 'one');
    await pullDataset({ ...(await locateDataset({ repo, path: 'tool.sh' })), into });
    expect((await stat(join(into, 'tool.sh'))).mode & 0o111).toBe(0o111);
    expect(await read(into)).toEqual({ 'tool.sh': Buffer.from('#!/bin/sh\r\n').toString('hex') });
  });
});

describe('what DVC 2 left in a remote', () => {
  it('is found in its layout, and line ends of text do not count', async () => {
    const { python } = await dvcVenv();
    const home = join(scratch, 'legacy');
    const files = {
      'text.csv': 'a,b\r\n1,2\r\n'.repeat(1000),
      'long.txt': `${'x'.repeat(2 ** 20 - 1)}\r\n${'y\r\n'.repeat(2 ** 20)}`,
      'binary.png': Buffer.from('89504e470d0a1a0a00', 'hex'),
      'odd.bin': Buffer.from('ffff0d0a'.repeat(9), 'hex'),
      empty: '',
    };
    await writeTree(join(home, 'tree'), files);
    const store = `
import json, os, shutil, sys
from dvc_data.hashfile.hash import file_md5
from dvc_objects.fs import localfs
home, names = sys.argv[1], json.loads(sys.argv[2])
def put(md5, path):
    place = os.path.join(home, "store", md5[:2], md5[2:])
    os.makedirs(os.path.dirname(place), exist_ok=True)
    shutil.copy(path, place)
entries = []
for name in sorted(names):
    path = os.path.join(home, "tree", name)
    md5 = file_md5(path, localfs, name="md5-dos2unix")
    put(md5, path)
    entries.append({"md5": md5, "relpath": name})
listing = os.path.join(home, "listing")
open(listing, "w").write(json.dumps(entries, sort_keys=True))
md5 = file_md5(listing, localfs, name="md5-dos2unix") + ".dir"
put(md5, listing)
print(md5)
`;
    const { stdout } = await run(python, ['-c', store, home, JSON.stringify(Object.keys(files))]);
    const repo = join(home, 'repo');
    await writeTree(repo, {
      '.dvc/config': `[core]\nremote = s\nno_scm = true\n['remote "s"']\nurl = ${join(home, 'store')}\n`,
      'data.dvc': `outs:\n- md5: ${stdout.trim()}\n  path: data\n`,
    });
    const into = join(home, 'ours');
    await pullDataset({ ...(await locateDataset({ repo, path: 'data' })), into });
    expect(await read(into)).toEqual(hex(files));
    const env = { DVC_NO_ANALYTICS: '1', DVC_SITE_CACHE_DIR: join(home, 'site') };
    await run(python, ['-m', 'dvc', '-q', 'pull'], { cwd: repo, env });
    expect(await read(join(repo, 'data'))).toEqual(hex(files));
  });
});
