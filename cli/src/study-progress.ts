/** A search or a cross-validation on the terminal: a line for each trial and fold that ended, and one that is redrawn. */
import type { CrossValidationRunEvent, StudyEvent, StudyTrial } from '@hilum/trainer';
import type { Io } from './command.ts';
import { bar } from './demo/screen.ts';
import { liveLine } from './live-line.ts';

/** @param now milliseconds */
export function studyProgress(terminal: Io['stderr'], now: () => number): (event: StudyEvent) => void {
  const line = liveLine(terminal, now);
  let done = 0;
  let trials = 0;
  let best = '';
  return (event) => {
    switch (event.type) {
      case 'study':
        ({ done, trials } = event);
        if (done > 0) line.keep(`search    goes on after ${done} of ${trials} trials`);
        return;
      case 'trial':
        line.redraw(
          `trials    ${bar(done, trials)}${best}  trial ${event.number}: ${wordsOf(event.parameters)}`,
        );
        return;
      case 'report': {
        const at = `trial ${event.number}, step ${event.step}: ${event.value.toFixed(4)}`;
        line.redraw(`trials    ${bar(done, trials)}${best}  ${at}`);
        return;
      }
      default: {
        ({ done } = event);
        best = event.best?.value === undefined ? '' : `  best ${event.best.value.toFixed(4)}`;
        line.keep(
          `trial     ${event.trial.number}  ${outcomeText(event.trial)}  ${wordsOf(event.trial.parameters)}`,
        );
      }
    }
  };
}

/** @param now milliseconds */
export function foldProgress(
  terminal: Io['stderr'],
  now: () => number,
): (event: CrossValidationRunEvent) => void {
  const line = liveLine(terminal, now);
  let done = 0;
  let total = 0;
  return (event) => {
    switch (event.type) {
      case 'dataset':
        total = event.folds;
        line.keep(`images    ${event.images}; patients: ${event.patients}; folds: ${event.folds}`);
        return;
      case 'features':
        if (event.cached === event.totalImages) return;
        line.redraw(`features  ${bar(event.images, event.totalImages)} (${event.cached} from the cache)`);
        return;
      case 'inner': {
        if (event.event.type !== 'trial-ended') return;
        const { trial, done: tried, trials } = event.event;
        const where = `repeat ${event.repeat + 1}, fold ${event.fold + 1}`;
        line.redraw(
          `folds     ${bar(done, total)}  ${where}: ${tried}/${trials} tried, trial ${trial.number} ${outcomeText(trial)}`,
        );
        return;
      }
      default: {
        ({ done } = event);
        const where = `repeat ${event.repeat + 1}, fold ${event.fold + 1}`;
        line.keep(
          `fold      ${bar(done, total)}  ${where}: AUC ${event.aucRoc.toFixed(4)}  ${event.chosen.name}`,
        );
      }
    }
  };
}

/** `0.9123`, `pruned`, `failed: NOT_A_NUMBER`. */
export function outcomeText({ state, value, failure }: StudyTrial): string {
  if (state === 'succeeded' && value !== undefined) return value.toFixed(4);
  return failure === undefined ? state : `${state}: ${failure.code}`;
}

/** `learningRate 0.00123, taps block1_conv2,block2_conv2` */
export function wordsOf(parameters: StudyTrial['parameters']): string {
  return Object.entries(parameters)
    .map(([name, value]) => {
      const short = name.slice(name.indexOf('.') + 1);
      return `${short} ${typeof value === 'number' ? Number(value.toPrecision(4)) : value}`;
    })
    .join(', ');
}
