import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scratch } from '../../test/fixtures.ts';
import { type FormFile, filesOfForm } from './form.ts';

const TYPE = 'multipart/form-data; boundary=b';

/** Names and texts of the files of a form, or the code of its refusal. */
function read(body: string | Uint8Array, type = TYPE, maxParts = 100): unknown {
  try {
    const files = filesOfForm(Buffer.from(body as string), type, maxParts);
    return files.map(({ name, bytes }) => [name, Buffer.from(bytes).toString('latin1')]);
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
}

const part = (text: string, name = 'a.dcm'): string =>
  `--b\r\nContent-Disposition: form-data; name="f"; filename="${name}"\r\n\r\n${text}\r\n`;

describe('filesOfForm', () => {
  it('gives what the platform’s own parser finds in what the platform wrote', async () => {
    const name = fc.string({ minLength: 1 });
    const files = fc.array(fc.tuple(name, fc.uint8Array({ maxLength: 200 })), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(files, fc.string(), async (sent, word) => {
        const form = new FormData();
        form.append('word', word);
        for (const [as, bytes] of sent) form.append('file', new File([new Uint8Array(bytes)], as));
        const written = new Response(form);
        const type = written.headers.get('content-type') ?? '';
        const body = new Uint8Array(await written.arrayBuffer());
        const parsed = await new Response(body, { headers: { 'content-type': type } }).formData();
        const want = parsed.getAll('file').filter((value) => value instanceof File);
        const got = filesOfForm(body, type, 10);
        expect(got.map((file) => file.name)).toEqual(want.map((file) => file.name));
        expect(got.map(({ bytes }) => Array.from(bytes))).toEqual(sent.map(([, bytes]) => Array.from(bytes)));
      }),
    );
  });

  it('gives the files that curl sends, with their names', async () => {
    const folder = await scratch();
    try {
      const names = ['slice one.dcm', 'a"b.dcm', 'Müller^.dcm'];
      for (const name of names) await writeFile(join(folder.path, name), `of ${name}`);
      const got = Promise.withResolvers<readonly FormFile[]>();
      const server = createServer((request, response) => {
        const files = buffer(request).then((body) =>
          filesOfForm(body, request.headers['content-type'] ?? '', 10),
        );
        got.resolve(files);
        void files.finally(() => response.end());
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const forms = names.flatMap((name) => {
        const path = join(folder.path, name).replaceAll('"', String.raw`\"`);
        return ['-F', `file=@"${path}"`];
      });
      await promisify(execFile)('curl', ['-s', ...forms, url]);
      server.close();
      const read = (await got.promise).map(({ name, bytes }) => [name, Buffer.from(bytes).toString()]);
      expect(read).toEqual(names.map((name) => [name, `of ${name}`]));
    } finally {
      await folder[Symbol.asyncDispose]();
    }
  });

  it.each([
    ['a preamble and an epilogue', `hello\r\n${part('x')}--b--\r\nbye`, [['a.dcm', 'x']]],
    ['an empty file', `${part('')}--b--`, [['a.dcm', '']]],
    ['what looks like a boundary and is none', `${part('\r\n-b\r\n--c')}--b--`, [['a.dcm', '\r\n-b\r\n--c']]],
    ['blanks behind a boundary', part('x').replace('--b', '--b \t') + '--b--', [['a.dcm', 'x']]],
    ['a name without quotes', part('x').replace('"a.dcm"', 'a.dcm') + '--b--', [['a.dcm', 'x']]],
    ['headers in capitals', part('x').replace('Content-D', 'CONTENT-D') + '--b--', [['a.dcm', 'x']]],
    ['no part', '--b--\r\n', []],
  ])('reads a form with %s', (_, body, want) => {
    expect(read(body)).toEqual(want);
  });

  it.each([
    ['no boundary in it', 'x', TYPE],
    ['no boundary in its type', `${part('x')}--b--`, 'multipart/form-data'],
    ['no end', part('x'), TYPE],
    ['headers that do not end', `--b\r\n${'x'.repeat(20_000)}\r\n\r\n--b--`, TYPE],
    ['a part that is of no form', '--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--', TYPE],
    ['a boundary that goes on', `${part('x')}--bb\r\n`, TYPE],
  ])('refuses a form with %s', (_, body, type) => {
    expect(read(body, type)).toBe('MULTIPART_INVALID');
  });

  it('counts parts, so that a body of nothing else is no use', () => {
    expect(read(`${part('x').repeat(3)}--b--`, TYPE, 3)).toHaveLength(3);
    expect(read(`${part('x').repeat(4)}--b--`, TYPE, 3)).toBe('SERIES_TOO_LARGE');
  });

  it('ends at any bytes with files or a refusal', () => {
    const piece = fc.oneof(
      fc.constantFrom('--b', '\r\n', '--', '\r\n\r\n', 'filename="', 'Content-Disposition: form-data; '),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const got = read(pieces.join(''));
        expect(Array.isArray(got) || got === 'MULTIPART_INVALID').toBe(true);
      }),
    );
  });
});
