/** Tables of RFC 4180: commas, double quotes, lines that end in LF or CRLF; the first line names the columns. */
import { z } from 'zod';
import { TrainerError } from '../errors.ts';

interface CsvRow {
  /** Where the row begins, 1 the first line of the file. */
  readonly line: number;
  readonly cells: Readonly<Record<string, string>>;
}

/** How many rows a message names; a table made by the wrong program is wrong in all of them. */
const NAMED = 5;

interface TableRow<T> {
  readonly line: number;
  readonly row: T;
  /** Text of the columns that were asked for, where it is not empty. */
  readonly kept: Readonly<Record<string, string>>;
}

/**
 * The rows of a table, each through `schema`, which sees an object of text by column.
 *
 * @param keep columns whose text is given as it is
 * @throws TrainerError LABELS_MALFORMED naming the lines, never what they hold
 */
export function readTable<T>(
  text: string,
  schema: z.ZodType<T>,
  keep: readonly string[] = [],
): readonly TableRow<T>[] {
  const rows: TableRow<T>[] = [];
  const wrong: string[] = [];
  const { columns, rows: all } = csvRows(text);
  const absent = keep.filter((column) => !columns.includes(column));
  if (absent.length > 0) throw malformed(`it has no column ${absent.join(', ')}`);
  for (const { line, cells } of all) {
    const parsed = schema.safeParse(cells);
    const kept = keep.flatMap((column) => (cells[column] ? [[column, cells[column]] as const] : []));
    if (parsed.success) rows.push({ line, row: parsed.data, kept: Object.fromEntries(kept) });
    else wrong.push(`line ${line}: ${parsed.error.issues.map(said).join(', ')}`);
  }
  if (wrong.length > 0) {
    const more = wrong.length > NAMED ? `; and ${wrong.length - NAMED} more` : '';
    throw malformed(`${wrong.slice(0, NAMED).join('; ')}${more}`);
  }
  return rows;
}

/** An error of a table of labels. */
export function malformed(what: string, cause?: unknown): TrainerError {
  return new TrainerError('LABELS_MALFORMED', `the table of labels is refused: ${what}`, { cause });
}

/** A finite decimal number. */
export const decimal = z
  .string()
  .regex(/^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i, 'not a number')
  .transform(Number);

function said({ path, message }: z.core.$ZodIssue): string {
  return `${path.join('.')}: ${message}`;
}

/** Names of the columns of a table. */
export function columnsOf(text: string): readonly string[] {
  return csvRows(text).columns;
}

function csvRows(text: string): { readonly columns: readonly string[]; readonly rows: readonly CsvRow[] } {
  const [header, ...records] = recordsOf(text.startsWith('\uFEFF') ? text.slice(1) : text);
  if (header === undefined) throw malformed('it is empty');
  const columns = header.cells;
  if (new Set(columns).size < columns.length) throw malformed('line 1 names a column twice');
  const rows = records.map(({ line, cells }) => {
    if (cells.length !== columns.length) {
      throw malformed(`line ${line} has ${cells.length} cells and the first line ${columns.length}`);
    }
    return { line, cells: Object.fromEntries(columns.map((column, at) => [column, cells[at] ?? ''])) };
  });
  return { columns, rows };
}

interface RawRecord {
  readonly line: number;
  readonly cells: string[];
}

/** A cell: what quotes hold, or what has none; then what ends it. Sticky, so that nothing is skipped between two. */
const CELL = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;

function recordsOf(text: string): readonly RawRecord[] {
  const records: RawRecord[] = [];
  let [at, line] = [0, 1];
  let record: RawRecord = { line, cells: [] };
  while (at < text.length || record.cells.length > 0) {
    CELL.lastIndex = at;
    const match = CELL.exec(text);
    if (match === null)
      throw malformed(
        `line ${line}: a quote is not closed or stands within a cell, or a line ends in CR alone`,
      );
    const [whole, quoted, plain = '', end] = match;
    at += whole.length;
    line += whole.split('\n').length - 1;
    record.cells.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === ',') continue;
    // An empty line is no row, wherever it stands.
    if (record.cells.length > 1 || quoted !== undefined || plain !== '') records.push(record);
    record = { line, cells: [] };
  }
  return records;
}
