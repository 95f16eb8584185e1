/** `hilum ledger verify|replay`: is a server's record of predictions what it wrote, and does it come out again? */
import { closeDecoders } from '@hilum/imaging';
import {
  FINDINGS,
  REPLAYS,
  type Replay,
  type ReplayResult,
  type Verdict,
  replayLedger,
  verifyLedger,
} from '@hilum/server';
import { UsageError, type Io } from '../command.ts';
import { noMore, required } from '../flags.ts';

interface Values {
  readonly anchor?: string;
  readonly inputs?: string;
  readonly model?: string;
  readonly json?: boolean;
}

export const ledgerCommand = {
  name: 'ledger',
  summary: [
    'Verifies the chain of a ledger of predictions, or computes its predictions again and compares each bit. Exit codes: 0',
    'as it should be, 65 changed or another output, 69 not there or not all found. Research use only, not for diagnosis.',
  ].join('\n'),
  usage:
    'hilum ledger verify DIR [--anchor HASH] [--json]\nhilum ledger replay DIR --inputs DIR --model DIR [--json]',
  options: {
    anchor: {
      type: 'string',
      description: 'verify: a hash of an entry that was kept elsewhere, such as of the log',
    },
    inputs: { type: 'string', description: 'replay: the folder of the images, under whatever names' },
    model: { type: 'string', description: 'replay: the model package that answered' },
    json: { type: 'boolean', description: 'print what was found as one JSON object' },
  },
  run,
} as const;

async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  const [verb, dir, ...rest] = positionals;
  noMore(rest);
  if (dir === undefined) throw new UsageError('say what to do and with which folder: ledger verify DIR');
  if (verb === 'verify') return verify(dir, values, io);
  if (verb === 'replay') return replay(dir, values, io);
  throw new UsageError(`a ledger can be verified or replayed, not ${verb}`);
}

async function verify(dir: string, { anchor, json }: Values, io: Io): Promise<number> {
  const verdict = await verifyLedger(dir, { anchor, signal: io.signal });
  io.stdout.write(json === true ? `${JSON.stringify(verdict)}\n` : textOf(verdict));
  return verdict.finding === undefined ? 0 : 65;
}

function textOf({ entries, files, head, tornBytes, finding }: Verdict): string {
  const right = `${entries} entries in ${files} files are right; the last one is ${head.hash}\n`;
  const torn =
    tornBytes > 0
      ? `${tornBytes} bytes behind them are half an entry; the server cuts it off at its start\n`
      : '';
  if (finding === undefined) return right + torn;
  const where = finding.file === '' ? '' : ` at line ${finding.line} of ${finding.file}`;
  return `${right}${torn}${finding.code}${where}: ${FINDINGS[finding.code]}\n`;
}

/** So many entries of one kind are named; the rest is counted. */
const NAMED = 20;

async function replay(dir: string, values: Values, io: Io): Promise<number> {
  const inputsDir = required('inputs', values.inputs);
  const packageDir = required('model', values.model);
  const results: ReplayResult[] = [];
  try {
    const counts = await replayLedger({
      dir,
      inputsDir,
      packageDir,
      signal: io.signal,
      onResult: (result) => {
        const isNamed = results.filter(({ replay: kind }) => kind === result.replay).length < NAMED;
        if (result.replay !== 'SAME' && isNamed) results.push(result);
      },
    });
    io.stdout.write(
      values.json === true ? `${JSON.stringify({ counts, results })}\n` : said(counts, results),
    );
    if (counts.DIFFERENT + counts.TENSOR_DIFFERENT > 0) return 65;
    return counts.INPUT_NOT_FOUND + counts.ENGINE_NOT_HERE > 0 ? 69 : 0;
  } finally {
    await closeDecoders();
  }
}

function said(counts: Readonly<Record<Replay, number>>, results: readonly ReplayResult[]): string {
  const kinds = Object.entries(counts).filter(([kind, count]) => count > 0 || kind === 'SAME');
  const lines = kinds.map(([kind, count]) => {
    const seqs = results.filter(({ replay: one }) => one === kind).map(({ seq }) => seq);
    const which = seqs.length === 0 ? '' : ` (entries ${seqs.join(', ')}${count > seqs.length ? ', …' : ''})`;
    return `${String(count).padStart(8)}  ${REPLAYS[kind as Replay]}${which}\n`;
  });
  return lines.join('');
}
