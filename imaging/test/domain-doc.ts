/** Writes the measured tables of docs/preprocessing.md; needs the data folder (HILUM_DATA) and the sample photos. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { samplePhotosDir } from '@hilum/hack';
import { closeDecoders } from '../src/index.ts';
import { domainTables } from './domain-table.ts';

const PAGE = join(import.meta.dirname, '../../docs/preprocessing.md');
const BEGIN = '<!-- domain:begin -->\n';

const tables = await domainTables(await samplePhotosDir());
await closeDecoders();
const page = await readFile(PAGE, 'utf8');
const start = page.indexOf(BEGIN) + BEGIN.length;
await writeFile(
  PAGE,
  `${page.slice(0, start)}\n${tables}\n${page.slice(page.indexOf('<!-- domain:end -->'))}`,
);
