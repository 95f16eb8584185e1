/** A training run on the terminal: one line that is redrawn, or a line now and then where there is no terminal. */
import type { TrainEvent } from '@hilum/trainer';
import type { Io } from './command.ts';
import { bar } from './demo/screen.ts';
import { studyProgress } from './study-progress.ts';

/** Without a terminal, features are told of this often. */
const EVERY_MS = 10_000;

/** @param now milliseconds */
export function trainProgress(terminal: Io['stderr'], now: () => number): (event: TrainEvent) => void {
  /** When a kind of work was first told of, and how much of it was done by then. */
  const started = new Map<string, { readonly at: number; readonly done: number }>();
  const search = studyProgress(terminal, now);
  let last = -Infinity;
  const transient = (text: string, isLast: boolean): void => {
    if (terminal.isTTY === true) terminal.write(`\r\u001B[2K${text}${isLast ? '\n' : ''}`);
    else if (isLast || now() - last >= EVERY_MS) {
      last = now();
      terminal.write(`${text}\n`);
    }
  };
  const eta = (kind: string, done: number, total: number): string => {
    const first = started.get(kind) ?? { at: now(), done };
    started.set(kind, first);
    if (done === first.done) return '';
    return `ETA ${seconds(((now() - first.at) / (done - first.done)) * (total - done))}`;
  };
  return (event) => {
    switch (event.type) {
      case 'dataset': {
        const { files, patients } = event.dataset;
        const parts = `${patients.train} train, ${patients.validation} validation, ${patients.test} test`;
        const kind = event.kind === 'hu' ? 'DICOM, Hounsfield units' : 'pictures';
        terminal.write(`images    ${files} ${kind}; patients: ${parts}; positive: ${event.positiveLabel}\n`);
        return;
      }
      case 'audit': {
        const { exactWithin, nearWithin } = event;
        const alike = `${exactWithin} equal and ${nearWithin} nearly equal pairs`;
        if (exactWithin + nearWithin > 0) terminal.write(`audit     ${alike} on one side of the split\n`);
        return;
      }
      case 'domain':
        if (event.first !== undefined) {
          const why = `${event.outside} of ${event.images} are outside the domain (${event.first.code})`;
          terminal.write(`warning   ${why}: the model will be for any image, and its server refuse none\n`);
        }
        return;
      case 'run':
        terminal.write(`run       ${event.url}\n`);
        return;
      case 'features': {
        const { images, totalImages, cached } = event;
        const left = eta('features', images - cached, totalImages - cached);
        const text = `features  ${bar(images, totalImages)} (${cached} from the cache) ${left}`;
        transient(text.trimEnd(), images === totalImages);
        return;
      }
      case 'search':
        search(event.event);
        return;
      case 'step':
        return;
      case 'checkpoint':
        return;
      case 'checkpoint-failed':
        terminal.write(`warning   the checkpoint was not kept: ${event.code}: ${event.why}\n`);
        return;
      case 'checkpoint-refused':
        terminal.write(`warning   a checkpoint is not used: ${event.why}\n`);
        return;
      case 'resumed':
        terminal.write(`resumed   at step ${event.step} of epoch ${event.epoch}\n`);
        return;
      case 'epoch': {
        const { epoch, epochs } = event;
        const figures = `loss ${event.loss.toFixed(4)}  validation AUC ${event.valAucRoc.toFixed(4)}`;
        const speed = `${Math.round(event.imagesPerSecond)} images/s`;
        const left = epoch === epochs ? '' : eta('epoch', epoch, epochs);
        const text = `epoch     ${bar(epoch, epochs)}  ${figures}  ${speed}  ${left}`.trimEnd();
        if (terminal.isTTY === true) transient(text, epoch === epochs);
        else terminal.write(`${text}\n`);
        return;
      }
      case 'evaluated':
        terminal.write(
          `test      accuracy ${event.accuracy.toFixed(4)}, AUC-ROC ${event.aucRoc.toFixed(4)} (of epoch ${event.bestEpoch})\n`,
        );
        return;
      case 'packaged':
        terminal.write(`package   ${event.digest}\n`);
        return;
      case 'registered':
        terminal.write(
          `model     ${event.name}/${event.version}${event.alias === undefined ? '' : `@${event.alias}`}\n`,
        );
        return;
      default:
        event satisfies never;
    }
  };
}

function seconds(ms: number): string {
  const whole = Math.ceil(ms / 1000);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
