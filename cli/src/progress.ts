/** A training run on the terminal: one line that is redrawn, or a line now and then where there is no terminal. */
import type { TrainEvent } from '@hilum/trainer';
import type { Io } from './command.ts';
import { bar } from './demo/screen.ts';
import { liveLine, remaining } from './live-line.ts';
import { studyProgress } from './study-progress.ts';

/** Steps may come by the thousand in a second; nobody reads faster than this. */
const REDRAW_MS = 100;

type EventOf<Type extends TrainEvent['type']> = Extract<TrainEvent, { readonly type: Type }>;

/** @param now milliseconds */
export function trainProgress(terminal: Io['stderr'], now: () => number): (event: TrainEvent) => void {
  const line = liveLine(terminal, now);
  const search = studyProgress(terminal, now);
  const eta = remaining(now);
  let best: EventOf<'epoch'> | undefined;
  let last: EventOf<'epoch'> | undefined;
  let drawn = -Infinity;
  const onStep = (event: EventOf<'step'>): void => {
    if (now() - drawn < REDRAW_MS) return;
    drawn = now();
    const { epoch, step, steps, loss } = event;
    const done = epoch - 1 + step / steps;
    const left = last === undefined ? '' : eta('epoch', done, last.epochs);
    const auc = last === undefined ? '' : `  AUC ${last.valAucRoc.toFixed(4)}`;
    line.redraw(`epoch     ${epoch} step ${step}/${steps}  loss ${loss.toFixed(4)}${auc}  ${left}`.trimEnd());
  };
  const onEpoch = (event: EventOf<'epoch'>): void => {
    last = event;
    // As the loop chooses: of equal AUCs the one with the lower loss.
    const gain = event.valAucRoc - (best?.valAucRoc ?? -Infinity);
    if (best === undefined || gain > 0 || (gain === 0 && event.valLoss < best.valLoss)) best = event;
    const { epoch, epochs } = event;
    const figures = `loss ${event.loss.toFixed(4)}  validation AUC ${event.valAucRoc.toFixed(4)}`;
    const champion = `best ${best.valAucRoc.toFixed(4)} in ${best.epoch}`;
    const speed = `${Math.round(event.imagesPerSecond)} images/s`;
    const left = epoch === epochs ? '' : eta('epoch', epoch, epochs);
    const text = `epoch     ${bar(epoch, epochs)}  ${figures}  ${champion}  ${speed}  ${left}`.trimEnd();
    if (terminal.isTTY === true && epoch !== epochs) line.redraw(text);
    else line.keep(text);
  };
  return (event) => {
    switch (event.type) {
      case 'search':
        search(event.event);
        return;
      case 'features': {
        const { images, totalImages, cached } = event;
        const left = eta('features', images - cached, totalImages - cached);
        const text = `features  ${bar(images, totalImages)} (${cached} from the cache) ${left}`.trimEnd();
        if (images === totalImages) line.keep(text);
        else line.redraw(text);
        return;
      }
      case 'step':
        onStep(event);
        return;
      case 'epoch':
        onEpoch(event);
        return;
      default: {
        const text = told(event);
        if (text !== undefined) line.keep(text);
      }
    }
  };
}

/** What is said once, in a line that stays. */
function told(
  event: Exclude<TrainEvent, EventOf<'search' | 'features' | 'step' | 'epoch'>>,
): string | undefined {
  switch (event.type) {
    case 'dataset': {
      const { files, patients } = event.dataset;
      const parts = `${patients.train} train, ${patients.validation} validation, ${patients.test} test`;
      const kind = event.kind === 'hu' ? 'DICOM, Hounsfield units' : 'pictures';
      return `images    ${files} ${kind}; patients: ${parts}; positive: ${event.positiveLabel}`;
    }
    case 'audit': {
      const { exactWithin, nearWithin } = event;
      const alike = `${exactWithin} equal and ${nearWithin} nearly equal pairs`;
      return exactWithin + nearWithin > 0 ? `audit     ${alike} on one side of the split` : undefined;
    }
    case 'domain': {
      if (event.first === undefined) return undefined;
      const why = `${event.outside} of ${event.images} are outside the domain (${event.first.code})`;
      return `warning   ${why}: the model will be for any image, and its server refuse none`;
    }
    case 'run':
      return `run       ${event.url}`;
    case 'checkpoint':
      return undefined;
    case 'checkpoint-failed':
      return `warning   the checkpoint was not kept: ${event.code}: ${event.why}`;
    case 'checkpoint-refused':
      return `warning   a checkpoint is not used: ${event.why}`;
    case 'resumed':
      return `resumed   after step ${event.step} of epoch ${event.epoch}`;
    case 'tracking-away':
      return `warning   MLflow is away (${event.code}): what it is to know is kept on disk`;
    case 'tracking-caught-up':
      return `tracking  MLflow is back and has all ${event.entries} entries`;
    case 'tracking-left':
      return `warning   MLflow is still away: send the rest with hilum track-sync --spool ${event.spool}`;
    case 'tracking-note':
      return `tracking  ${event.note}`;
    case 'champion':
      return `champion  ${event.note}`;
    case 'int8':
      return `int8      ${event.kept ? 'kept' : 'left out'}: ${event.reason}`;
    case 'evaluated': {
      const figures = `accuracy ${event.accuracy.toFixed(4)}, AUC-ROC ${event.aucRoc.toFixed(4)}`;
      return `test      ${figures} (of epoch ${event.bestEpoch})`;
    }
    case 'packaged':
      return `package   ${event.digest}`;
    case 'registered':
      return `model     ${event.name}/${event.version}${event.alias === undefined ? '' : `@${event.alias}`}`;
    default:
      return event satisfies never;
  }
}
