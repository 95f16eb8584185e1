/** The files that say what to try: a space for a search, or a list of candidates. YAML, and so JSON. */
import { readFile } from 'node:fs/promises';
import { checkSpace, SearchError, type Parameter, type Parameters, type Space } from '@hilum/search';
import { LineCounter, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import { TrainerError } from '../errors.ts';
import { listValue, misfit, variableOf, VARIABLES, type Variable } from './variables.ts';

const MAX_BYTES = 1 << 20;

/**
 * A list of parameters: `{name, type: double|int, min, max, scale?: log, step?}` or `{name, type: choice, values}`;
 * a value of `model.taps` is a list of layers.
 *
 * @throws TrainerError BAD_CONFIG with line and field of everything that is wrong
 */
export async function readSpace(path: string): Promise<Space> {
  return parseSpace(await textOf(path), path);
}

/** A list of sets of parameters, each a change to the settings of the run: `{name?, 'model.dropout': 0.3, …}`. */
export async function readCandidates(path: string): Promise<readonly Candidate[]> {
  return parseCandidates(await textOf(path), path);
}

export interface Candidate {
  readonly name: string;
  readonly parameters: Parameters;
}

export function parseSpace(text: string, path: string): Space {
  const source = readYaml(text, path);
  const space = source.parse(z.array(parameterSchema).min(1, 'at least one parameter is needed'));
  try {
    checkSpace(space);
  } catch (error) {
    if (error instanceof SearchError) throw new TrainerError('BAD_CONFIG', `${path}: ${error.message}`);
    throw error;
  }
  return space;
}

export function parseCandidates(text: string, path: string): readonly Candidate[] {
  const source = readYaml(text, path);
  const rows = source.parse(z.array(candidateSchema).min(1, 'at least one candidate is needed').max(10_000));
  const candidates = rows.map(({ name, ...parameters }, index) => ({
    name: typeof name === 'string' ? name : String(index + 1),
    parameters,
  }));
  const twice = candidates.find(
    ({ name }, index) => candidates.findIndex((one) => one.name === name) < index,
  );
  if (twice !== undefined) {
    throw new TrainerError('BAD_CONFIG', `${path}: two candidates have the name ${twice.name}`);
  }
  return candidates;
}

const known = z.string().superRefine((name, context) => {
  if (variableOf(name) === undefined) context.addIssue({ code: 'custom', message: unknownName(name) });
});

const numeric = z.strictObject({
  name: known,
  type: z.enum(['double', 'int']),
  min: z.number(),
  max: z.number(),
  scale: z.enum(['linear', 'log']).optional(),
  step: z.number().positive().optional(),
});

/** A list of layers becomes one text, as a search knows no lists. */
const value = z.union([z.number(), z.string(), z.boolean(), z.array(z.string()).min(1).transform(listValue)]);

const entrySchema = z.discriminatedUnion('type', [
  numeric,
  z.strictObject({ name: known, type: z.literal('choice'), values: z.array(value).min(1) }),
]);
type Entry = z.output<typeof entrySchema>;

const parameterSchema = entrySchema
  .superRefine((parameter, context) => {
    const variable = variableOf(parameter.name);
    if (variable === undefined) return;
    for (const { path, message } of misfits(parameter, variable)) {
      context.addIssue({ code: 'custom', path: [...path], message: `${parameter.name} ${message}` });
    }
  })
  .transform(withoutUndefined);

function misfits(
  parameter: Entry,
  variable: Variable,
): readonly { readonly path: readonly (string | number)[]; readonly message: string }[] {
  if (parameter.type === 'choice') {
    return parameter.values.flatMap((one, index) => {
      const message = misfit(variable, one);
      return message === undefined ? [] : [{ path: ['values', index], message }];
    });
  }
  if (variable.kind === 'word' || variable.kind === 'list') {
    return [{ path: ['type'], message: 'has no order: type is choice' }];
  }
  if (variable.kind === 'int' && parameter.type === 'double') {
    return [{ path: ['type'], message: 'is a whole number: type is int' }];
  }
  return (['min', 'max'] as const).flatMap((end) => {
    const message = misfit(variable, parameter[end]);
    return message === undefined ? [] : [{ path: [end], message }];
  });
}

const candidateSchema = z.record(z.string(), value).superRefine((row, context) => {
  for (const [name, one] of Object.entries(row)) {
    if (name === 'name') continue;
    const variable = variableOf(name);
    const wrong = variable === undefined ? undefined : misfit(variable, one);
    if (variable === undefined)
      context.addIssue({ code: 'custom', path: [name], message: unknownName(name) });
    else if (wrong !== undefined) {
      context.addIssue({ code: 'custom', path: [name], message: `${name} ${wrong}` });
    }
  }
});

function unknownName(name: string): string {
  return `${name} cannot be varied; these can: ${Object.keys(VARIABLES).join(', ')}`;
}

/** zod gives `undefined` for what is absent. */
function withoutUndefined(entry: Entry): Parameter {
  if (entry.type === 'choice') return entry;
  const { scale, step, ...rest } = entry;
  return { ...rest, ...(scale !== undefined && { scale }), ...(step !== undefined && { step }) };
}

interface Source {
  readonly parse: <T>(schema: z.ZodType<T>) => T;
}

function readYaml(text: string, path: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [error] = document.errors;
  if (error !== undefined)
    throw new TrainerError('BAD_CONFIG', `${path}: ${error.message}`, { cause: error });
  const parse = <T>(schema: z.ZodType<T>): T => {
    let content: unknown;
    try {
      content = document.toJS();
    } catch (cause) {
      throw new TrainerError('BAD_CONFIG', `${path} cannot be read as YAML`, { cause });
    }
    const parsed = schema.safeParse(content);
    if (parsed.success) return parsed.data;
    const all = parsed.error.issues.map(
      (issue) => `${placeOf(document, lines, issue.path)}: ${issue.message}`,
    );
    throw new TrainerError('BAD_CONFIG', `${path}: ${all.join('; ')}`, { cause: parsed.error });
  };
  return { parse };
}

/** `line 4, [1].max`: of the field itself or, where it is missing, of what should hold it. */
function placeOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): string {
  const field = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const node: unknown = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
    const start = rangeStart(node);
    if (start === undefined) continue;
    const { line } = lines.linePos(start);
    return field === '' ? `line ${line}` : `line ${line}, ${field.replace(/^\./, '')}`;
  }
  return field;
}

function rangeStart(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range))
    return undefined;
  const start: unknown = node.range[0];
  return typeof start === 'number' ? start : undefined;
}

async function textOf(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new TrainerError('BAD_CONFIG', `${path} cannot be read`, { cause });
  }
  if (bytes.length > MAX_BYTES) throw new TrainerError('BAD_CONFIG', `${path} has more than a MiB`);
  return new TextDecoder().decode(bytes);
}
