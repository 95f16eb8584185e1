/** `hilum deidentify`: DICOM files to files that name nobody, by PS3.15 Annex E. Prints tags and codes, never a value. */
import { realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import {
  BURNED_IN_REASONS,
  createPseudonyms,
  deidentify,
  type DeidentifyOptions,
  type DeidentifyReport,
  IMAGING_CODES,
  ImagingError,
} from '@hilum/imaging';
import { type Io, UsageError } from '../command.ts';
import { table } from '../demo/screen.ts';
import { oneOf } from '../flags.ts';
import { printable } from '../printable.ts';
import { codeOf, filesBelow, type Found, readWhole, writeWhole } from './image-files.ts';
import { deidentificationKey } from './deidentify-key.ts';

interface Values {
  readonly out?: string;
  readonly 'key-file'?: string;
  readonly 'new-key'?: string;
  readonly 'patient-prefix'?: string;
  readonly 'shift-dates'?: boolean;
  readonly 'keep-patient-characteristics'?: boolean;
  readonly 'keep-device'?: boolean;
  readonly 'keep-folder-names'?: boolean;
  readonly 'burned-in'?: string;
  readonly json?: boolean;
}

export const deidentifyCommand = {
  name: 'deidentify',
  summary: 'De-identifies DICOM files by the basic profile of PS3.15 Annex E. Look at the pixels yourself.',
  usage: 'hilum deidentify FILE|DIR (--key-file FILE | --new-key FILE) [--out DIR] [options]',
  options: {
    out: { type: 'string', description: 'folder for the new files; default ./deidentified' },
    'key-file': {
      type: 'string',
      description: 'secret that makes pseudonyms; the same key, the same pseudonyms',
    },
    'new-key': { type: 'string', description: 'make that secret, in a file that only you can read' },
    'patient-prefix': { type: 'string', description: "before each patient's pseudonym; default HILUM-" },
    'shift-dates': {
      type: 'boolean',
      description: 'move dates by days of the patient’s own; default: remove them',
    },
    'keep-patient-characteristics': {
      type: 'boolean',
      description: 'keep age (90 at most), sex, size, weight',
    },
    'keep-device': { type: 'boolean', description: 'keep station names, serial numbers, device UIDs' },
    'keep-folder-names': { type: 'boolean', description: 'keep the names of folders; default: coded names' },
    'burned-in': {
      type: 'string',
      description: 'refuse (default) or flag files that may show text in the pixels',
    },
    json: { type: 'boolean', description: 'print one JSON object a line, one line a file' },
  },
  run,
} as const;

/** 0 when every file was written, 1 when one was refused; 64 usage, 65 nothing to read, 69 nowhere to write. */
async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  const [input, ...more] = positionals;
  if (input === undefined || more.length > 0) throw new UsageError('name one file or one folder');
  const burnedIn = oneOf('burned-in', values['burned-in'], ['refuse', 'flag']);
  const prefix = values['patient-prefix'] ?? 'HILUM-';
  if (!/^[A-Za-z0-9_-]{0,16}$/.test(prefix)) {
    throw new UsageError('--patient-prefix has up to 16 letters, digits, hyphens and underscores');
  }
  const out = resolve(values.out ?? 'deidentified');
  const files = await findFiles(input, out);
  const key = await deidentificationKey({ keyFile: values['key-file'], newKey: values['new-key'] }, io);
  const pseudonyms = createPseudonyms(key, prefix);
  const job: Job = {
    out,
    folderName: values['keep-folder-names'] === true ? (name) => name : (name) => pseudonyms.folder(name),
    options: {
      key,
      patientIdPrefix: prefix,
      shiftDates: values['shift-dates'],
      keepPatientCharacteristics: values['keep-patient-characteristics'],
      keepDevice: values['keep-device'],
      burnedIn,
    },
  };
  const total = createTotal();
  for await (const file of files) {
    io.signal.throwIfAborted();
    const result = await processFile(file, job);
    total.add(result);
    if (values.json === true) io.stdout.write(`${JSON.stringify(result)}\n`);
    else if (result.refusal !== undefined)
      io.stderr.write(`${printable(result.file)}: ${refusalLine(result.refusal)}\n`);
  }
  if (total.files() === 0) throw new InputError('NOTHING_TO_READ', 'the folder holds no file');
  if (values.json !== true) io.stdout.write(total.text());
  return total.refused() > 0 ? 1 : 0;
}

interface Job {
  readonly out: string;
  readonly folderName: (name: string) => string;
  readonly options: DeidentifyOptions;
}

interface Result {
  /** As the caller named it: the path of a single file, else the path below the folder. */
  readonly file: string;
  readonly out?: string;
  readonly report?: DeidentifyReport;
  readonly refusal?: { readonly code: string; readonly text: string };
}

class InputError extends Error {
  override readonly name = 'InputError';
  readonly exitCode: 65 | 69;
  readonly code: string;

  constructor(code: string, message: string, exitCode: 65 | 69 = 65) {
    super(message);
    this.code = code;
    this.exitCode = exitCode;
  }
}

async function findFiles(input: string, out: string): Promise<Iterable<Found> | AsyncIterable<Found>> {
  const root = await realpath(input).catch((error: unknown) => {
    throw new InputError('FILE_UNREADABLE', `${input} cannot be read (${codeOf(error)})`);
  });
  if ((await stat(root)).isFile()) return [{ path: root, relative: input, regular: true }];
  const place = await realpath(out).catch(() => out);
  if (place === root || place.startsWith(root + sep)) {
    throw new UsageError('--out lies inside the folder that is read; name another');
  }
  return filesBelow(root);
}

async function processFile(found: Found, job: Job): Promise<Result> {
  const file = found.relative;
  if (!found.regular) return refused(file, 'NOT_A_FILE', 'a link or a special file is not followed');
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readWhole(found.path);
  } catch (error) {
    return refused(file, 'FILE_UNREADABLE', `the file cannot be read (${codeOf(error)})`);
  }
  if (bytes === undefined) return refused(file, 'LIMIT_EXCEEDED', IMAGING_CODES.LIMIT_EXCEEDED.text);
  try {
    const { bytes: output, report, refusal } = await deidentify(bytes, job.options);
    if (refusal !== undefined) {
      const reasons = refusal.reasons.map((reason) => `${reason} (${BURNED_IN_REASONS[reason]})`).join(', ');
      const text = `${IMAGING_CODES[refusal.code].text} ${reasons}; look at it, then --burned-in flag`;
      return { ...refused(file, refusal.code, text), report };
    }
    const path = outputPath(found, report.sopInstanceUid, job);
    if (await writeOutput(path, output)) return { file, out: relative(job.out, path), report };
    return refused(file, 'OUTPUT_EXISTS', 'another instance of the same UID was written there before');
  } catch (error) {
    if (error instanceof ImagingError) return refused(file, error.code, error.message);
    throw error;
  }
}

/** The name of a file or a folder may name a patient; a new instance UID does not. */
function outputPath(found: Found, uid: string, job: Job): string {
  const isBelow = found.path.endsWith(sep + found.relative) && dirname(found.relative) !== '.';
  const folders = isBelow ? dirname(found.relative).split(sep).map(job.folderName) : [];
  return join(job.out, ...folders, `${uid}.dcm`);
}

async function writeOutput(path: string, bytes: Uint8Array): Promise<boolean> {
  try {
    return await writeWhole(path, bytes);
  } catch (error) {
    throw new InputError('OUTPUT_UNWRITABLE', `--out cannot be written to (${codeOf(error)})`, 69);
  }
}

const refused = (file: string, code: string, text: string): Result => ({ file, refusal: { code, text } });
const refusalLine = ({ code, text }: { readonly code: string; readonly text: string }): string =>
  `${code}: ${text}`;

function createTotal() {
  let written = 0;
  let flagged = 0;
  const counts: Record<string, number> = {};
  const refusals: Record<string, number> = {};
  return {
    add: ({ report, refusal }: Result): void => {
      if (refusal !== undefined) refusals[refusal.code] = (refusals[refusal.code] ?? 0) + 1;
      if (refusal !== undefined || report === undefined) return;
      written += 1;
      if (report.burnedIn.suspected) flagged += 1;
      for (const [action, count] of Object.entries(report.counts))
        counts[action] = (counts[action] ?? 0) + count;
    },
    refused: (): number => sum(refusals),
    files: (): number => written + sum(refusals),
    text: (): string => {
      const rows = [
        ['FILES', 'NUMBER'],
        ['written', String(written)],
        ...(flagged > 0 ? [['  of them with a suspicion of text in the pixels', String(flagged)]] : []),
        ...Object.entries(refusals).map(([code, count]) => [`refused, ${code}`, String(count)]),
      ];
      const elements = Object.entries(counts).filter(([, count]) => count > 0);
      const actions = elements.map(([action, count]) => [ACTIONS[action] ?? action, String(count)]);
      const notice = written === 0 ? '' : `${NOTICE}\n`;
      return `${table(rows)}\n\n${table([['ELEMENTS', 'NUMBER'], ...actions])}\n\n${notice}`;
    },
  };
}

const ACTIONS: Readonly<Record<string, string>> = {
  remove: 'removed',
  empty: 'emptied',
  replace: 'replaced by a dummy',
  uid: 'UID remapped',
  shift: 'date moved',
  pseudonym: 'pseudonym',
  keep: 'kept',
  add: 'added',
};
const NOTICE =
  'Pixels were not looked at: text in them and the face in a head scan are as they were. Research use only.';
const sum = (numbers: Readonly<Record<string, number>>): number =>
  Object.values(numbers).reduce((all, one) => all + one, 0);
