/** The process in the pod. Nothing is imported before what is compiled once is kept: it halves the start. */
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

// By the environment, so that the threads of the engine use it too. A folder that cannot be written is not used.
process.env['NODE_COMPILE_CACHE'] ??= join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'hilum',
  'compiled',
);
enableCompileCache(process.env['NODE_COMPILE_CACHE']);
const { run } = await import('./run.ts');
process.exit(await run());
