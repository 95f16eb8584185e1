import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, cp, mkdir, readFile, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { assert, asyncProperty, integer, nat } from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { scratch } from '../../test/fixtures.ts';
import { type Entry, type NewEntry, canonicalJson, hashOf, seal } from './entry.ts';
import { START, filesOf } from './folder.ts';
import { type Finding, verifyLedger } from './verify.ts';
import { type LedgerEvent, type LedgerOptions, openLedger } from './writer.ts';

let root: Awaited<ReturnType<typeof scratch>>;
let dir: string;

beforeEach(async () => {
  root = await scratch();
  dir = join(root.path, 'ledger');
});
afterEach(async () => root[Symbol.asyncDispose]());

const NOON = Date.UTC(2026, 0, 2, 12);

const options = (more: Partial<LedgerOptions> = {}): LedgerOptions => ({
  dir,
  sync: 'second',
  maxFileBytes: 1_000_000,
  now: () => NOON,
  ...more,
});

const sha = (digit: string): string => digit.repeat(64);

const anImage = (requestId = 'a'): NewEntry => ({
  kind: 'image',
  requestId,
  caller: null,
  route: '/v1/classify',
  model: { name: 'lung', version: '7', digest: `sha256:${sha('1')}` },
  contract: `sha256:${sha('2')}`,
  outcome: 'classified',
  label: 'malignant',
  input: { sha256: sha('3'), frame: 0 },
  tensor: sha('4'),
  engine: {
    engine: 'onnxruntime',
    version: '1.32.0',
    precision: 'float32',
    device: 'cpu',
    threads: 1,
    batch: 1,
  },
  output: '0000003f0000003f',
});

const aSeries = (sliceCount: number): NewEntry => {
  const {
    kind: _,
    input: _input,
    tensor: _tensor,
    engine: _engine,
    output: _output,
    ...request
  } = anImage() as Extract<NewEntry, { kind: 'image' }>;
  return { kind: 'series', ...request, sliceCount };
};

async function written(count: number, more: Partial<LedgerOptions> = {}): Promise<void> {
  const ledger = await openLedger(options(more));
  for (let at = 0; at < count; at += 1) await ledger.append([anImage(String(at))]);
  await ledger.close();
}

async function linesOf(name?: string): Promise<string[]> {
  const [first = ''] = await filesOf(dir);
  return (await readFile(join(dir, name ?? first), 'utf8')).trimEnd().split('\n');
}

describe('a ledger', () => {
  it('is verified, across two servers, and chains from the first entry', async () => {
    await written(3);
    await written(2);
    expect(await verifyLedger(dir)).toMatchObject({ entries: 5, files: 1, tornBytes: 0 });
    expect((await verifyLedger(dir)).finding).toBeUndefined();
    const entries = (await linesOf()).map((line) => JSON.parse(line) as Entry);
    expect(entries.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(entries[0]?.previous).toBe(sha('0'));
    expect(entries.slice(1).map(({ previous }) => previous)).toEqual(
      entries.slice(0, -1).map(({ hash }) => hash),
    );
  });

  it('keeps the entries of one request together when many write at once', async () => {
    const ledger = await openLedger(options());
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        ledger.append([anImage(`r${at}`), anImage(`r${at}`), aSeries(2)]),
      ),
    );
    await ledger.close();
    const entries = (await linesOf()).map((line) => JSON.parse(line) as Entry);
    const series = entries.filter((entry) => entry.kind === 'series');
    expect(series).toHaveLength(20);
    for (const { seq, slices } of series) expect(slices).toEqual({ first: seq - 2, count: 2 });
    for (let at = 0; at < entries.length; at += 3) {
      expect(entries.slice(at, at + 3).map(({ kind }) => kind)).toEqual(['image', 'image', 'series']);
    }
  });

  it('begins a new file when one is full and when the day changes, and the chain goes on', async () => {
    let at = NOON;
    const events: LedgerEvent[] = [];
    const ledger = await openLedger(
      options({ maxFileBytes: 2_500, now: () => at, onEvent: (event) => events.push(event) }),
    );
    for (let count = 0; count < 6; count += 1) await ledger.append([anImage()]);
    const sized = await filesOf(dir);
    expect(sized.length).toBeGreaterThan(1);
    at += 86_400_000;
    await ledger.append([anImage()]);
    await ledger.close();
    const files = await filesOf(dir);
    expect(files).toEqual([...sized, 'ledger-000000000007.ndjson']);
    const { finding, entries, head } = await verifyLedger(dir);
    expect([finding, entries]).toEqual([undefined, 7]);
    expect(events.filter(({ type }) => type === 'rotated').map(({ seq }) => seq)).toContain(6);
    expect(events.at(-1)).toEqual({ type: 'closed', ...head });
  });

  it('has one writer: a second is refused, and one that ended gives way', async () => {
    const first = await openLedger(options());
    await expect(openLedger(options())).rejects.toMatchObject({ code: 'LEDGER_LOCKED', exitCode: 69 });
    await first.close();
    await (await openLedger(options())).close();
    expect((await readdir(dir)).filter((name) => name.includes('lock'))).toEqual([]);
  });

  it('takes over the lock of a process whose number another one has now', async () => {
    await mkdir(dir, { recursive: true });
    const holder = { host: hostname(), pid: process.pid, started: 'another boot 1', id: 'x' };
    await writeFile(join(dir, 'writer.lock'), JSON.stringify(holder));
    const ledger = await openLedger(options());
    expect(await readFile(join(dir, 'writer.lock'), 'utf8')).not.toContain('another boot');
    await ledger.close();
  });

  it('refuses what is too much to wait, and writes the rest', async () => {
    const ledger = await openLedger(options({ limit: 2 }));
    const [now, waits, refused] = [[anImage()], [anImage(), aSeries(1)], [anImage()]].map((entries) =>
      ledger.append(entries),
    );
    await expect(refused).rejects.toMatchObject({ code: 'LEDGER_FAILED', retryAfterSeconds: 1 });
    await Promise.all([now, waits]);
    await ledger.append([anImage()]);
    await ledger.close();
    expect((await verifyLedger(dir)).entries).toBe(4);
  });

  it('fails closed while its folder is gone, and goes on when it is back', async () => {
    const events: LedgerEvent[] = [];
    const onEvent = (event: LedgerEvent): void => void events.push(event);
    const ledger = await openLedger(options({ sync: 'each', maxFileBytes: 1, onEvent }));
    await ledger.append([anImage('before')]);
    await rename(dir, `${dir}-away`);
    await expect(ledger.append([anImage('lost')])).rejects.toMatchObject({ code: 'LEDGER_FAILED' });
    await expect(ledger.append([anImage('lost')])).rejects.toMatchObject({ code: 'LEDGER_FAILED' });
    await rename(`${dir}-away`, dir);
    await ledger.append([anImage('after')]);
    await ledger.close();
    // One line in the log for each change, however many requests failed.
    expect(events.map(({ type }) => type)).toEqual(['opened', 'failed', 'rotated', 'recovered', 'closed']);
    const verdict = await verifyLedger(dir);
    expect([verdict.finding, verdict.entries]).toEqual([undefined, 2]);
    expect(await linesOf('ledger-000000000002.ndjson')).toEqual([
      expect.stringContaining('"requestId":"after"'),
    ]);
  });

  it('is not gone on with when its end was taken away', async () => {
    await written(3);
    const lines = await linesOf();
    await writeFile(join(dir, 'ledger-000000000001.ndjson'), `${lines.slice(0, 2).join('\n')}\n`);
    await expect(openLedger(options())).rejects.toMatchObject({ code: 'LEDGER_DAMAGED', exitCode: 65 });
    await rm(join(dir, 'head.json'));
    await expect(openLedger(options())).rejects.toMatchObject({ code: 'LEDGER_DAMAGED' });
  });
});

describe('a server that is killed while it writes', () => {
  it.each([1, 7, 100])('loses the half-written line of %i bytes, and the ledger says so', async (bytes) => {
    await written(2);
    const torn = (await linesOf())[0]?.slice(0, bytes) ?? '';
    await appendFile(join(dir, 'ledger-000000000001.ndjson'), torn);
    expect(await verifyLedger(dir)).toMatchObject({ entries: 2, tornBytes: bytes });
    expect((await verifyLedger(dir)).finding).toBeUndefined();
    await written(1);
    const [, , repair, after] = (await linesOf()).map((line) => JSON.parse(line) as Entry);
    expect(repair).toMatchObject({ kind: 'repair', bytes, seq: 3 });
    expect(after).toMatchObject({ kind: 'image', seq: 4 });
    expect((await verifyLedger(dir)).finding).toBeUndefined();
  });

  it('begins the new file again of which it wrote half a line', async () => {
    await written(1);
    await writeFile(join(dir, 'ledger-000000000002.ndjson'), '{"caller":');
    await written(1);
    expect(await filesOf(dir)).toHaveLength(2);
    const verdict = await verifyLedger(dir);
    expect([verdict.finding, verdict.entries]).toEqual([undefined, 3]);
  });

  it(
    'loses nothing that it had answered for, at whatever moment SIGKILL comes',
    { timeout: 60_000 },
    async () => {
      let answered = 0;
      for (let round = 0; round < 4; round += 1) {
        const child = spawnWriter(round % 2 === 0 ? 'each' : 'second');
        for await (const chunk of child.stdout ?? []) {
          answered = Number(String(chunk).trimEnd().split('\n').at(-1));
          if (answered > (round + 1) * 300) break;
        }
        child.kill('SIGKILL');
        await once(child, 'close');
        const { entries, finding } = await verifyLedger(dir);
        expect(finding).toBeUndefined();
        expect(entries).toBeGreaterThanOrEqual(answered);
      }
    },
  );
});

function spawnWriter(sync: string): ChildProcess {
  const program = `
    const { openLedger } = await import(${JSON.stringify(new URL('writer.ts', import.meta.url).href)});
    const { verifyLedger } = await import(${JSON.stringify(new URL('verify.ts', import.meta.url).href)});
    const ledger = await openLedger({ dir: ${JSON.stringify(dir)}, sync: '${sync}', maxFileBytes: 50_000, now: Date.now });
    let count = (await verifyLedger(${JSON.stringify(dir)})).entries;
    const one = async () => {
      for (;;) {
        await ledger.append([${JSON.stringify(anImage())}]);
        count += 1;
        process.stdout.write(count + '\\n');
      }
    };
    await Promise.all([one(), one(), one()]);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

const codeAfter = async (change: () => Promise<void>): Promise<Finding | undefined> => {
  await change();
  return (await verifyLedger(dir)).finding;
};
const NAME = 'ledger-000000000001.ndjson';
const edit =
  (work: (lines: string[]) => string[]): (() => Promise<void>) =>
  async () =>
    writeFile(join(dir, NAME), `${work(await linesOf(NAME)).join('\n')}\n`);

describe('verification', () => {
  beforeEach(async () => written(5));

  it('finds any byte of the lines that was changed', async () => {
    const bytes = await readFile(join(dir, NAME));
    await assert(
      asyncProperty(nat(bytes.length - 1), integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ change;
        await writeFile(join(dir, NAME), changed);
        const { finding, tornBytes, entries } = await verifyLedger(dir);
        expect(finding).toBeDefined();
        expect(tornBytes).toBeLessThan(bytes.length);
        const line = bytes.subarray(0, at).toString('latin1').split('\n').length;
        expect(entries).toBe(Math.min(line - 1, 4));
      }),
      { numRuns: 300 },
    );
  });

  it('finds every field of an entry that was changed, also where its hash was made to fit', async () => {
    const lines = await linesOf();
    const third = JSON.parse(lines[2] ?? '') as Record<string, unknown>;
    for (const key of Object.keys(third)) {
      const changed = { ...third, [key]: differs(third[key]) };
      const forged = canonicalJson(key === 'hash' ? changed : { ...changed, hash: hashOf(changed) });
      const finding = await codeAfter(edit(() => lines.with(2, forged)));
      expect(finding, key).toBeDefined();
      // A forger who makes the hash fit is found at the entry that follows.
      expect([3, 4], key).toContain(finding?.line);
    }
  });

  it.each([
    ['an entry that was taken out', (l: string[]) => l.toSpliced(2, 1), 'GAP', 3],
    ['entries that changed places', (l: string[]) => [l[0], l[2], l[1], l[3], l[4]], 'GAP', 2],
    ['an entry that stands twice', (l: string[]) => l.toSpliced(2, 0, l[1] ?? ''), 'GAP', 3],
    ['an empty line', (l: string[]) => l.toSpliced(2, 0, ''), 'NOT_AN_ENTRY', 3],
    ['white space', (l: string[]) => l.with(1, (l[1] ?? '').replace(':', ': ')), 'NOT_CANONICAL', 2],
    [
      'a key that stands twice',
      (l: string[]) => l.with(1, (l[1] ?? '').replace('"v":1', '"v":2,"v":1')),
      'NOT_CANONICAL',
      2,
    ],
    ['a line that is no JSON', (l: string[]) => l.with(3, 'x'), 'NOT_AN_ENTRY', 4],
    ['entries missing at the start', (l: string[]) => l.slice(1), 'GAP', 1],
    ['an end that was taken away', (l: string[]) => l.slice(0, 3), 'TRUNCATED', 0],
    ['all that was taken away', () => [], 'NOT_AN_ENTRY', 1],
  ])('names %s', async (_what, change, code, line) => {
    expect(await codeAfter(edit(change as (lines: string[]) => string[]))).toMatchObject({ code, line });
  });

  it('finds a file of the middle that is gone, and one under another name', async () => {
    await rm(dir, { recursive: true });
    await written(6, { maxFileBytes: 1 });
    await cp(dir, `${dir}-2`, { recursive: true });
    await rm(join(dir, 'ledger-000000000003.ndjson'));
    expect((await verifyLedger(dir)).finding).toMatchObject({
      code: 'FILE_NAME_WRONG',
      file: 'ledger-000000000004.ndjson',
    });
    await rm(join(`${dir}-2`, 'ledger-000000000006.ndjson'));
    expect((await verifyLedger(`${dir}-2`)).finding?.code).toBe('TRUNCATED');
  });

  it('finds a line that was cut in a file that is not the last', async () => {
    await rm(dir, { recursive: true });
    await written(3, { maxFileBytes: 1 });
    await truncate(join(dir, 'ledger-000000000002.ndjson'), 40);
    expect((await verifyLedger(dir)).finding).toMatchObject({ code: 'NOT_AN_ENTRY', line: 1 });
  });

  it('finds a head that is gone or of another chain', async () => {
    await writeFile(join(dir, 'head.json'), JSON.stringify({ seq: 5, hash: sha('a') }));
    expect((await verifyLedger(dir)).finding?.code).toBe('HEAD_WRONG');
    await rm(join(dir, 'head.json'));
    expect((await verifyLedger(dir)).finding?.code).toBe('HEAD_MISSING');
  });

  it('finds a chain that was written anew from the start, where a hash of the old one was kept', async () => {
    const { head } = await verifyLedger(dir);
    expect((await verifyLedger(dir, { anchor: head.hash })).finding).toBeUndefined();
    let at = START;
    const lines = Array.from({ length: 5 }, (_, count) => {
      const sealed = seal(anImage(`forged ${count}`), at, new Date(NOON).toISOString());
      at = sealed.head;
      return `${sealed.line}\n`;
    });
    await writeFile(join(dir, NAME), lines.join(''));
    await writeFile(join(dir, 'head.json'), JSON.stringify(at));
    expect((await verifyLedger(dir)).finding).toBeUndefined();
    expect((await verifyLedger(dir, { anchor: head.hash })).finding?.code).toBe('ANCHOR_NOT_FOUND');
  });

  it('says that there is no ledger', async () => {
    await expect(verifyLedger(join(root.path, 'nothing'))).rejects.toMatchObject({ code: 'LEDGER_UNUSABLE' });
    await mkdir(join(root.path, 'empty'));
    await expect(verifyLedger(join(root.path, 'empty'))).rejects.toMatchObject({ code: 'LEDGER_UNUSABLE' });
  });
});

function differs(value: unknown): unknown {
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'string') return value.replace(/^./, (first) => (first === '0' ? '1' : '0'));
  if (value === null) return 'x';
  return { ...(value as object), added: 1 };
}
