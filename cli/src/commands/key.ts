/** `hilum key new`: a key for a client, and the line by which a server knows it. */
import { appendFile } from 'node:fs/promises';
import { ROLES, newApiKey } from '@hilum/server';
import { UsageError, type Io } from '../command.ts';
import { integer, oneOf, required } from '../flags.ts';

interface Values {
  readonly name?: string;
  readonly roles?: string;
  readonly rate?: string;
  readonly expires?: string;
  readonly file?: string;
  readonly json?: boolean;
}

export const keyCommand = {
  name: 'key',
  summary:
    'Makes an API key of a served model. The key is shown once and kept nowhere; the server is given its hash.',
  usage: 'hilum key new --name NAME [--roles predict,explain] [--file FILE] [--rate N] [--expires DATE]',
  options: {
    name: { type: 'string', description: 'whose it is: it stands in the log and in the ledger' },
    roles: { type: 'string', description: `of ${ROLES.join(', ')}, with commas; default predict` },
    rate: { type: 'string', description: 'requests a minute that its owner may send; default no limit' },
    expires: {
      type: 'string',
      description: 'date or time at which it ends, such as 2027-01-31; default never',
    },
    file: {
      type: 'string',
      description: 'append the line to this file, for HILUM_API_KEYS_FILE; default print it',
    },
    json: { type: 'boolean', description: 'print key and line as one JSON object' },
  },
  run,
} as const;

async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  if (positionals.length !== 1 || positionals[0] !== 'new')
    throw new UsageError('it is hilum key new --name NAME');
  const name = required('name', values.name);
  if (!/^[\w.@-]{1,64}$/.test(name)) throw new UsageError('--name is up to 64 letters, digits and . _ @ -');
  const roles = (values.roles ?? 'predict')
    .split(',')
    .flatMap((role) => oneOf('roles', role.trim(), ROLES) ?? []);
  const perMinute = integer('rate', values.rate, { fallback: 0, min: 1, max: 1_000_000 });
  const { key, line } = newApiKey({
    name,
    roles,
    ...(perMinute === 0 ? {} : { rateLimit: { perMinute } }),
    ...(values.expires === undefined ? {} : { expires: instant(values.expires) }),
  });
  if (values.file !== undefined) await appendFile(values.file, `${line}\n`, { mode: 0o600 });
  if (values.json === true) {
    io.stdout.write(`${JSON.stringify({ key, line: JSON.parse(line) as unknown })}\n`);
    return 0;
  }
  // The secret alone on standard output, so that it can be piped to where it is kept.
  io.stdout.write(`${key}\n`);
  io.stderr.write(
    'Give it to its owner now: it is not kept, and is sent as Authorization: Bearer or X-Api-Key.\n',
  );
  io.stderr.write(
    values.file === undefined
      ? `The line for the server's file of keys:\n${line}\n`
      : `${values.file} has its line.\n`,
  );
  return 0;
}

function instant(text: string): string {
  const date = new Date(text);
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(date.getTime())) return date.toISOString();
  throw new UsageError(`--expires is a date such as 2027-01-31, not ${text}`);
}
