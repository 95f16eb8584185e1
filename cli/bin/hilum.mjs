#!/usr/bin/env node
import * as nodeModule from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
// The one file that must load on an old Node: the rest is TypeScript, which Node runs by itself from 22.18 on.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `hilum needs Node 22.18 or newer, this is ${process.versions.node}.\n` +
      'In a clone, `npx hilum …` takes the Node 24 that `npm ci` installed.\n',
  );
  process.exit(69);
}
// What is compiled once is kept, for the threads of the server too: a command starts in half the time.
process.env.NODE_COMPILE_CACHE ??= join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
  'hilum',
  'compiled',
);
nodeModule.enableCompileCache(process.env.NODE_COMPILE_CACHE);
await import('../src/main.ts');
