/** The process behind the hilum command and the demo script of package.json. */
import { runCli } from './cli.ts';

const stop = new AbortController();
let told: number | undefined;
for (const [name, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(name, () => {
    // Ctrl-C again means now.
    if (told !== undefined) process.exit(exitCode);
    told = exitCode;
    stop.abort(Object.assign(new Error('told to end'), { name: 'AbortError', code: name, exitCode }));
  });
}
// `hilum … | head` closes the pipe; what is left to say has no reader.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stop.signal,
});
// Idle decoders and keep-alive sockets would hold the process. A pipe takes its time: the answer goes out first.
process.stdout.write('', () => process.exit(exitCode));
