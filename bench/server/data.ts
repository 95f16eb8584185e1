/** The CT slices that are sent: whole slices as JPEG, of the shared data. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const data = resolve(import.meta.dirname, '../..', process.env['HILUM_DATA'] ?? '../shared/data');

export const slicesDir = join(data, 'iq-oth-nccd');

/** Why nothing can be measured, where nothing can. */
export const noData = existsSync(slicesDir) ? false : `no CT slices at ${slicesDir}; set HILUM_DATA`;
