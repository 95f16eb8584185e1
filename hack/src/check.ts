/** `npm run check`: every gate that needs no test run, all of them even when one fails. */
import { run } from './run.ts';

const gates = ['check:types', 'check:lint', 'check:format', 'check:walls', 'check:dead', 'check:generated'];
const failed: string[] = [];
for (const gate of gates) {
  const { code, stdout, stderr } = await run('npm', ['run', '--silent', gate], { allowFailure: true });
  process.stdout.write(`${code === 0 ? 'ok  ' : 'FAIL'}  ${gate}\n`);
  if (code !== 0) {
    process.stdout.write(`${stdout}${stderr}\n`);
    failed.push(gate);
  }
}
if (failed.length > 0) process.exit(1);
