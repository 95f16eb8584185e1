/** `hilum inspect`: what is in image files, series by series, and whether it can be classified. */
import { type Io, UsageError } from '../command.ts';
import type { Inspected } from './inspect-facts.ts';
import { inspectAll } from './inspect-files.ts';
import { refusedText, seriesText } from './inspect-text.ts';

interface Values {
  readonly json?: boolean;
}

export const inspectCommand = {
  name: 'inspect',
  summary: 'what is in DICOM, PNG or JPEG files, series by series, and whether it can be classified',
  usage: 'hilum inspect FILE|DIR… [--json]',
  options: { json: { type: 'boolean', description: 'print one JSON object a line, one line a file' } },
  run,
} as const;

class NothingToRead extends Error {
  override readonly name = 'NothingToRead';
  readonly code = 'NOTHING_TO_READ';
  readonly exitCode = 65;
}

const NOTICE = 'Research use only, not for diagnosis.';

/** 0 when every file can be classified, 1 when one is refused; 64 usage, 65 nothing to read. */
async function run(values: Values, inputs: readonly string[], io: Io): Promise<number> {
  if (inputs.length === 0) throw new UsageError('name at least one file or folder');
  const refusedAlone: Inspected[] = [];
  let series = 0;
  let files = 0;
  let refusals = 0;
  for await (const group of inspectAll(inputs, io.signal)) {
    files += group.files.length;
    refusals += group.files.filter(({ refusal, series }) => refusal ?? series?.refusal).length;
    if (values.json === true) {
      for (const file of group.files) io.stdout.write(`${JSON.stringify(file)}\n`);
    } else if (group.kind === 'series') {
      series += 1;
      io.stdout.write(`${seriesText(group, series)}\n\n`);
    } else refusedAlone.push(...group.files);
  }
  if (files === 0) throw new NothingToRead('there is no file in what was named');
  if (values.json !== true) {
    if (refusedAlone.length > 0) io.stdout.write(`${refusedText(refusedAlone)}\n\n`);
    io.stdout.write(`${NOTICE}\n`);
  }
  return refusals > 0 ? 1 : 0;
}
