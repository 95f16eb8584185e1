#!/usr/bin/env node
// The one file that must load on an old Node: the rest is TypeScript, which Node runs by itself from 22.18 on.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `hilum needs Node 22.18 or newer, this is ${process.versions.node}.\n` +
      'In a clone, `npx hilum …` takes the Node 24 that `npm ci` installed.\n',
  );
  process.exit(69);
}
await import('../src/main.ts');
