/** The result card: an answer, a refusal, or the wait for one. */
import type { Classification } from '@hilum/wire';
import type { Refusal } from './api.ts';
import { button, make, pair } from './dom.ts';
import type { Slice, Study } from './files.ts';
import { adviceOf, calledOf, isOfImage, mayBeRetried, percent, reasonsOf, spoken } from './words.ts';

export interface Card {
  readonly waiting: (study: Study) => void;
  readonly answered: (answer: Classification, actions: AnswerActions) => void;
  readonly refused: (refusal: Refusal, actions: RefusalActions) => void;
}

interface AnswerActions {
  /** Of a series: the file that decided, where the page has it. */
  readonly deciding?: Slice | undefined;
  readonly showDeciding: () => void;
  readonly nameOf: (sentAs: string) => string;
}

interface RefusalActions {
  readonly retry: () => void;
  readonly useKey: (key: string) => void;
}

/** Fills `root`; says the gist in `live`. */
export function createCard(root: HTMLElement, live: HTMLElement): Card {
  const show = (state: string, gist: string, ...parts: readonly (Node | undefined)[]): void => {
    root.dataset['state'] = state;
    root.setAttribute('aria-busy', String(state === 'waiting'));
    root.replaceChildren(...parts.filter((part) => part !== undefined));
    live.textContent = gist;
  };
  return {
    waiting: ({ title, slices }) => {
      const what = slices.length > 1 ? `${slices.length} slices` : title;
      show(
        'waiting',
        'Classifying.',
        chip('Classifying'),
        make('p', 'headline', 'One moment'),
        make('p', 'muted', what),
      );
    },
    answered: (answer, actions) => {
      show(
        answer.outcome,
        spoken(answer),
        ...headOf(answer),
        probabilitiesOf(answer),
        callOf(answer),
        seriesOf(answer, actions),
        warningsOf(answer),
        factsOf(answer),
        make('p', 'card-notice', answer.notice),
      );
    },
    refused: (refusal, actions) => {
      const ofImage = isOfImage(refusal);
      const advice = adviceOf(refusal);
      const word = ofImage ? 'Refused' : 'No answer';
      const [reason = '', more] = reasonsOf(refusal);
      const keyForm = refusal.status === 401 ? keyFormOf(actions.useKey) : undefined;
      show(
        ofImage ? 'refused' : 'failed',
        `${word}. ${reason} ${advice}`,
        chip(word),
        make('p', 'reason', reason),
        more === undefined ? undefined : make('p', '', more),
        make('p', 'muted', advice),
        keyForm,
        mayBeRetried(refusal) ? button('Try again', 'primary', actions.retry) : undefined,
        make(
          'dl',
          'facts',
          pair('Code', make('code', '', refusal.code)),
          refusal.requestId === undefined ? undefined : pair('Request', make('code', '', refusal.requestId)),
        ),
      );
      keyForm?.querySelector('input')?.focus();
    },
  };
}

function chip(word: string): HTMLElement {
  return make('p', 'chip', word);
}

function headOf({ outcome, label, probability, abstention, decision }: Classification): readonly Node[] {
  if (outcome === 'abstained') {
    return [
      chip('Abstained'),
      make('p', 'headline', 'No call'),
      make('p', 'reason', abstention?.message ?? 'The model does not stand by its opinion on this image.'),
      make('p', 'muted', 'What it leans to is below; it is not an answer. A person has to look.'),
    ];
  }
  const kind = decision.temperature === null ? 'probability, not calibrated' : 'calibrated probability';
  return [
    chip('Classified'),
    make('p', 'headline', label),
    make('p', 'figure', make('strong', '', percent(probability)), ` ${kind}`),
  ];
}

function probabilitiesOf({ probabilities, positive }: Classification): HTMLElement {
  const rows = Object.entries(probabilities).map(([label, probability]) => {
    const bar = make('span', label === positive.label ? 'bar positive' : 'bar');
    bar.style.inlineSize = `${(probability * 100).toFixed(2)}%`;
    const track = make('span', 'track', bar);
    track.setAttribute('aria-hidden', 'true');
    return make('li', '', make('span', 'label', label), track, make('span', 'value', percent(probability)));
  });
  const list = make('ul', 'bars', ...rows);
  list.setAttribute('aria-label', 'Probability of each label');
  return list;
}

function callOf(answer: Classification): HTMLElement {
  const { decision, positive } = answer;
  const section = make('div', 'block', make('h3', '', 'Operating point'), make('p', '', calledOf(answer)));
  const point = decision.operatingPoint;
  if (point !== null) {
    const raw = decision.raw[positive.label];
    const score =
      raw === undefined
        ? ''
        : `Score ${raw.toFixed(3)}, threshold ${point.threshold.toFixed(3)} (${point.rule}). `;
    section.append(
      make(
        'p',
        'muted',
        `${score}On validation data: sensitivity ${percent(point.sensitivity)}, specificity ${percent(point.specificity)}.`,
      ),
    );
  }
  if (decision.conformal !== null) {
    const { alpha, labels } = decision.conformal;
    const left = labels.length === 0 ? 'none' : labels.join(', ');
    section.append(
      make(
        'p',
        'muted',
        `Not excluded at ${Number((100 - 100 * alpha).toPrecision(3))} % confidence: ${left}.`,
      ),
    );
  }
  return section;
}

function seriesOf({ series }: Classification, actions: AnswerActions): HTMLElement | undefined {
  if (series === null) return undefined;
  const { slices, scored, rule, deciding, refused } = series;
  const where = deciding.positionMm === null ? '' : `, at ${deciding.positionMm.toFixed(1)} mm`;
  const section = make(
    'div',
    'block',
    make('h3', '', 'Series'),
    make('p', '', `${slices} slices, ${scored} of them scored. Score: ${rule}.`),
    make('p', '', `Deciding slice: ${deciding.index + 1} of ${slices} from the feet${where}.`),
    make('p', 'muted file', actions.nameOf(deciding.name)),
    actions.deciding === undefined ? undefined : button('Show this slice', '', actions.showDeciding),
  );
  if (refused.length > 0) {
    const items = refused.map(({ name, message }) => make('li', '', `${actions.nameOf(name)}: ${message}`));
    const title = refused.length === 1 ? '1 file left out' : `${refused.length} files left out`;
    section.append(make('details', '', make('summary', '', title), make('ul', '', ...items)));
  }
  return section;
}

function warningsOf({ warnings }: Classification): HTMLElement | undefined {
  if (warnings.length === 0) return undefined;
  const items = warnings.map(({ message }) => make('li', '', message));
  return make('div', 'block warnings', make('h3', '', 'Take note'), make('ul', '', ...items));
}

function factsOf({ model, engine, contract, image, timings, requestId }: Classification): HTMLElement {
  const { decodeMs, preprocessMs, queueMs, inferMs, totalMs } = timings;
  const version = model.version === null ? '' : ` ${model.version}`;
  return make(
    'dl',
    'facts',
    pair('Model', `${model.name}${version}`),
    pair('Package', make('code', '', short(model.digest)), model.digest),
    pair('Preprocessing', make('code', '', short(contract)), contract),
    pair('Engine', `${engine.engine}, ${engine.precision}`),
    pair('Image', `${FORMATS[image.format]}, ${image.columns} × ${image.rows}`),
    pair(
      'Time',
      `${ms(totalMs)} (decode ${ms(decodeMs)}, prepare ${ms(preprocessMs)}, wait ${ms(queueMs)}, infer ${ms(inferMs)})`,
    ),
    pair('Request', make('code', '', requestId)),
  );
}

const FORMATS = { dicom: 'DICOM', png: 'PNG', jpeg: 'JPEG' };

function short(digest: string): string {
  return digest.replace('sha256:', '').slice(0, 12);
}

function ms(value: number): string {
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

function keyFormOf(useKey: (key: string) => void): HTMLFormElement {
  const input = make('input', '');
  input.type = 'password';
  input.id = 'api-key';
  input.autocomplete = 'off';
  input.required = true;
  const label = make('label', '', 'API key');
  label.htmlFor = input.id;
  const send = make('button', 'primary', 'Use this key');
  const form = make('form', 'key', label, input, send);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    useKey(input.value.trim());
  });
  return form;
}
