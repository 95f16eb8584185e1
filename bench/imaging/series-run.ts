/** Our side of the series bench, in a process of its own so that its peak memory is its own: `series-run.ts FOLDER`. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultContract, scanSeries, seriesTensors } from '@hilum/imaging';

const [folder = ''] = process.argv.slice(2);
const start = performance.now();
const sources = (await readdir(folder)).map((name) => ({
  name,
  read: async (signal?: AbortSignal) => readFile(join(folder, name), { signal }),
}));
const { series, refused } = await scanSeries(sources);
const [only] = series;
if (only === undefined || series.length > 1 || refused.length > 0) throw new Error('not one series');
let slices = 0;
for await (const { tensor } of seriesTensors(only, defaultContract('hu', 224))) {
  if (tensor.length !== 224 * 224 * 3) throw new Error('not a tensor');
  slices += 1;
}
const seconds = (performance.now() - start) / 1000;
process.stdout.write(JSON.stringify({ slices, seconds, peakMiB: process.resourceUsage().maxRSS / 1024 }));
process.exit();
