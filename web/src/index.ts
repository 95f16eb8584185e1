/** The files of the page at `/`, ready to be served. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';

/** One file of the page. */
export interface PageAsset {
  /** Below `/`; the document itself is ''. */
  readonly path: string;
  readonly type: string;
  readonly body: Buffer;
  /** Quoted, as the header wants it: of what the file holds. */
  readonly etag: string;
}

/** The document runs and shows nothing but these files, and sends nothing anywhere but to their own server. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  // Kept, and asked for again: an update of the server shows at once, everything else is a 304.
  'cache-control': 'no-cache',
};

const FILES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
};
const MODULES = [
  'page', 'api', 'card', 'controls', 'dom', 'files', 'hands', 'heat', 'heatmap', 'stage', 'viewer', 'window', 'words',
  'zip',
]; // prettier-ignore
const JAVASCRIPT = 'text/javascript; charset=utf-8';

/** Reads them all; milliseconds, once. */
export async function readPage(): Promise<readonly PageAsset[]> {
  const files = Object.entries(FILES).map(async ([name, type]) =>
    asset(name === 'index.html' ? '' : `page/${name}`, type, await source(name)),
  );
  const modules = MODULES.map(async (name) =>
    asset(`page/${name}.js`, JAVASCRIPT, javascript(await source(`${name}.ts`))),
  );
  return Promise.all([...files, ...modules]);
}

function asset(path: string, type: string, text: string): PageAsset {
  const body = Buffer.from(text);
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return { path, type, body, etag };
}

async function source(name: string): Promise<string> {
  return readFile(new URL(`../page/${name}`, import.meta.url), 'utf8');
}

/** What a browser runs: the types become spaces, and the imports name the files as they are served. */
function javascript(typescript: string): string {
  // Node strips the types of this very file by the same code; its warning would be a line of no JSON in the log.
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(typescript, { mode: 'strip' }).replaceAll(
      /( from '\.\/[a-z]+)\.ts';/g,
      "$1.js';",
    );
  } finally {
    process.emitWarning = emitWarning;
  }
}
