import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { dvcVenv, run } from '@hilum/hack';
import { beforeAll, describe, expect, it } from 'vitest';
import { scratchDir, writeTree } from '../../test/scratch.ts';
import { locateDataset, type DatasetAddress } from './address.ts';

const scratch = scratchDir('dvc-address');
const DIR = 'd751713988987e9331980363e24189ce.dir';
const FILE = 'd41d8cd98f00b204e9800998ecf8427e';
const CONFIG = `[core]\n    remote = store\n['remote "store"']\n    url = ../../store\n['remote "a.b"']\n    url = https://dvc.example/x\n`;

let count = 0;
async function repository(files: Readonly<Record<string, string>>): Promise<string> {
  const repo = join(scratch, `repo-${(count += 1)}`);
  await writeTree(repo, { '.dvc/config': CONFIG, ...files });
  return repo;
}

async function located(files: Readonly<Record<string, string>>, address: Partial<DatasetAddress>) {
  return locateDataset({ repo: await repository(files), path: 'data', ...address });
}

describe('locateDataset', () => {
  const pointer = `outs:\n- md5: ${DIR}\n  size: 3\n  nfiles: 1\n  hash: md5\n  path: data\n`;

  it('reads a .dvc file by its own name or by that of the data, and the default remote', async () => {
    const want = {
      md5: DIR,
      layout: 'files',
      executable: false,
      remote: pathToFileURL(join(scratch, 'store')).href,
    };
    expect(await located({ 'data.dvc': pointer }, {})).toEqual(want);
    expect(await located({ 'data.dvc': pointer }, { path: 'data.dvc' })).toEqual(want);
    expect(await located({ 'deep/data.dvc': pointer }, { path: './deep/data/' })).toEqual(want);
  });

  it('reads dvc.lock, with the working folders that only dvc.yaml knows', async () => {
    const out = (path: string, md5 = DIR) =>
      `    outs:\n    - path: ${path}\n      hash: md5\n      md5: ${md5}\n`;
    const files = {
      'sub/dvc.yaml': `stages:\n  prepare:\n    wdir: inner\n    cmd: x\n  each:\n    foreach: [a]\n    do:\n      wdir: ../up\n      cmd: x\n`,
      'sub/dvc.lock': `schema: '2.0'\nstages:\n  prepare:\n    cmd: x\n${out('data')}  each@a:\n    cmd: x\n${out('one.csv', FILE)}`,
    };
    expect(await located(files, { path: 'sub/inner/data' })).toMatchObject({ md5: DIR });
    expect(await located(files, { path: 'up/one.csv' }).catch((error: unknown) => error)).toMatchObject({
      code: 'DATASET_MISSING', // a pipeline is looked for from the data upwards
    });
    expect(
      await located(
        { 'dvc.lock': `schema: '2.0'\nstages:\n  a:\n${out('one.csv', FILE)}` },
        { path: 'one.csv' },
      ),
    ).toMatchObject({ md5: FILE, name: 'one.csv' });
  });

  it('knows what DVC 2 wrote by the missing hash, programs, and a remote of one output', async () => {
    const old = `outs:\n- md5: ${FILE}\n  isexec: true\n  remote: a.b\n  path: data\n`;
    expect(await located({ 'data.dvc': old }, {})).toEqual({
      md5: FILE,
      name: 'data',
      layout: 'legacy',
      executable: true,
      remote: 'https://dvc.example/x',
      uploadMethod: 'POST',
    });
  });

  it('refuses a pointer that says another md5 than the run expects', async () => {
    const expectedMd5 = `${'0'.repeat(32)}.dir`;
    await expect(located({ 'data.dvc': pointer }, { expectedMd5 })).rejects.toMatchObject({
      code: 'DATASET_MD5_MISMATCH',
    });
    expect(await located({ 'data.dvc': pointer }, { expectedMd5: DIR })).toMatchObject({ md5: DIR });
  });

  it.each([
    ['no YAML', '{', 'DATASET_POINTER_INVALID', 'not YAML'],
    ['no outputs', 'outs: []', 'DATASET_POINTER_INVALID', 'outs'],
    ['no md5', 'outs:\n- path: data\n', 'DATASET_POINTER_INVALID', 'dvc commit'],
    ['a bad md5', 'outs:\n- path: data\n  md5: ../x\n', 'DATASET_POINTER_INVALID', 'md5'],
    ['an import', `deps:\n- path: a\n  repo: {url: x}\n${pointer}`, 'DATASET_POINTER_INVALID', 'imported'],
    ['cloud versions', `${pointer}  cloud: {a: {}}\n`, 'DATASET_POINTER_INVALID', 'cloud'],
    ['no cache', `${pointer}  cache: false\n`, 'DATASET_POINTER_INVALID', 'cache: false'],
    ['no push', `${pointer}  push: false\n`, 'DATASET_POINTER_INVALID', 'push: false'],
    ['an outside path', `outs:\n- md5: ${DIR}\n  path: ../../data\n`, 'DATASET_POINTER_INVALID', 'outside'],
    ['another output', `outs:\n- md5: ${DIR}\n  path: other\n`, 'DATASET_MISSING', 'tracks it'],
  ])('says what is wrong with a pointer that has %s', async (_, text, code, words) => {
    const refused = located({ 'data.dvc': text }, {});
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringContaining(words) as string });
  });

  it.each(['/etc/passwd', '../data', '.', 'a/../..'])('refuses the path %s', async (path) => {
    await expect(located({}, { path })).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });

  it('reads the pointer of a revision from git, and names its commit', async () => {
    const outer = await repository({ 'inner/data.dvc': pointer, 'inner/.dvc/config': CONFIG });
    const repo = join(outer, 'inner');
    const git = async (...args: readonly string[]) =>
      (
        await run('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: outer })
      ).stdout.trim();
    await git('init', '-q');
    await git('add', '-A');
    await git('commit', '-q', '-m', 'one');
    await git('tag', 'v1');
    await writeFile(join(repo, 'data.dvc'), pointer.replace(DIR, FILE));
    expect(await locateDataset({ repo, path: 'data', revision: 'v1' })).toMatchObject({
      md5: DIR,
      commit: await git('rev-parse', 'HEAD'),
    });
    expect(await locateDataset({ repo, path: 'data' })).toMatchObject({ md5: FILE });
    for (const revision of ['v2', '--help', 'v1:inner']) {
      const refused = locateDataset({ repo, path: 'data', revision });
      await expect(refused).rejects.toMatchObject({ code: 'DATASET_MISSING' });
    }
    const absent = locateDataset({ repo, path: 'other', revision: 'v1' });
    await expect(absent).rejects.toMatchObject({ code: 'DATASET_MISSING' });
  });
});

describe('the configuration of remotes', () => {
  let dvc: (repo: string, ...args: readonly string[]) => Promise<unknown>;
  beforeAll(async () => {
    const { python } = await dvcVenv();
    const env = { DVC_NO_ANALYTICS: '1', DVC_SITE_CACHE_DIR: join(scratch, 'site') };
    dvc = (repo, ...args) => run(python, ['-m', 'dvc', '-q', ...args], { cwd: repo, env });
  });
  const data = { 'data.dvc': `outs:\n- md5: ${DIR}\n  hash: md5\n  path: data\n` };

  it('is read as the real dvc writes it, whatever is in a password', async () => {
    const repo = await repository(data);
    await writeFile(join(repo, '.dvc/config'), '[core]\n    no_scm = true\n');
    await dvc(repo, 'remote', 'add', '-d', 'my.store', 'https://dvc.example/store');
    await dvc(repo, 'remote', 'modify', 'my.store', 'auth', 'basic');
    await dvc(repo, 'remote', 'modify', '--local', 'my.store', 'user', 'me, "myself"');
    await dvc(repo, 'remote', 'modify', '--local', 'my.store', 'password', " #1 = it's; secret ");
    const address = { repo, path: 'data' };
    expect(await locateDataset(address)).toMatchObject({
      remote: 'https://dvc.example/store',
      auth: { username: 'me, "myself"', password: " #1 = it's; secret " },
    });
  });

  it('follows S3 settings and remotes that build on others', async () => {
    const config = `[core]\nremote = top\n['remote "top"']\nurl = remote://base/sub\nregion = eu-central-1\n['remote "base"']\nurl = s3://bucket/data\nendpointurl = http://minio:9000\nprofile = ci # of the team\n`;
    const local = `['remote "base"']\naccess_key_id = A\nsecret_access_key = 'S #'\nsession_token = T\n`;
    expect(await located({ ...data, '.dvc/config': config, '.dvc/config.local': local }, {})).toMatchObject({
      remote: 's3://bucket/data/sub',
      s3: {
        endpointUrl: 'http://minio:9000',
        region: 'eu-central-1',
        profile: 'ci',
        credentials: { accessKeyId: 'A', secretAccessKey: 'S #', sessionToken: 'T' },
      },
    });
    const anonymous = `${config}allow_anonymous_login = true\n`;
    expect(await located({ ...data, '.dvc/config': anonymous }, {})).toMatchObject({
      s3: { credentials: 'anonymous' },
    });
  });

  it('sends a header of the server’s own', async () => {
    const config = `['remote "x"']\nurl = https://dvc.example\nauth = custom\ncustom_auth_header = X-Key\npassword = k\nmethod = PUT\n`;
    expect(await located({ ...data, '.dvc/config': config }, { remote: 'x' })).toMatchObject({
      auth: { header: 'X-Key', value: 'k' },
      uploadMethod: 'PUT',
    });
  });

  it.each([
    ['no default remote', '[core]\n', 'DATASET_POINTER_INVALID', 'dvc remote default'],
    ['an unknown remote', '[core]\nremote = y\n', 'DATASET_POINTER_INVALID', 'no remote y'],
    [
      'a loop',
      `[core]
remote=r
['remote "r"']
url = remote://r
`,
      'DATASET_POINTER_INVALID',
      'no remote r',
    ],
    ['a broken line', '[\'remote "x"\']\npassword secret\n', 'DATASET_POINTER_INVALID', 'line 2'],
    ['digest', x('auth = digest\nuser = u\npassword = secret'), 'REMOTE_UNSUPPORTED', 'digest'],
    ['half of a login', x('auth = basic\npassword = secret'), 'DATASET_POINTER_INVALID', 'config.local'],
    ['a prompt', x('ask_password = true'), 'REMOTE_UNSUPPORTED', 'config.local'],
    ['no check of the certificate', x('ssl_verify = false'), 'REMOTE_UNSUPPORTED', 'NODE_EXTRA_CA_CERTS'],
    ['cloud versions', x('version_aware = true'), 'REMOTE_UNSUPPORTED', 'version_aware'],
    ['a key of encryption', x('sse_customer_key = secret'), 'REMOTE_UNSUPPORTED', 'sse_customer_key'],
  ])('says what is wrong with %s, and no password', async (_, config, code, words) => {
    const error: unknown = await located({ ...data, '.dvc/config': config }, {}).catch(
      (cause: unknown) => cause,
    );
    expect(error).toMatchObject({ code, message: expect.stringContaining(words) as string });
    expect(inspect(error)).not.toContain('secret');
  });

  it('takes config.local before config, key by key', async () => {
    const files = { ...data, '.dvc/config.local': '[\'remote "a.b"\']\nmethod = put\n' };
    expect(await located(files, { remote: 'a.b' })).toMatchObject({
      remote: 'https://dvc.example/x',
      uploadMethod: 'PUT',
    });
  });
});

function x(lines: string): string {
  return `[core]\nremote = x\n['remote "x"']\nurl = https://dvc.example\n${lines}\n`;
}
