/**
 * A process of its own, whose every output the test sees: writes both objects of the source named first, of which
 * dcmjs has something to print, and proves that dcmjs is not loaded before.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const loaded: string[] = [];
registerHooks({
  resolve: (specifier, context, next) => {
    loaded.push(specifier);
    return next(specifier, context);
  },
});

const { writeFindingReport, writeOverlayCapture } = await import('../../src/index.ts');
const { aFinding, anOverlay, aStamp } = await import('./fixtures.ts');
if (loaded.includes('dcmjs')) process.exit(70);

const source = new Uint8Array(readFileSync(process.argv[2] ?? ''));
await writeFindingReport(aFinding(), source, aStamp());
await writeOverlayCapture(anOverlay(), source, aStamp());
if (!loaded.includes('dcmjs')) process.exit(71);
