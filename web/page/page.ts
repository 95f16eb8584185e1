/** The page: what is dropped is shown and classified. */
import { Refusal, createApi } from './api.ts';
import { createCard } from './card.ts';
import { byId } from './dom.ts';
import { type Study, droppedFiles, studyOf } from './files.ts';
import { createViewer } from './viewer.ts';

const POLL_MS = 2_000;

const api = createApi();
const card = createCard(byId('card', HTMLElement), byId('live', HTMLElement));
const viewer = createViewer(api);
const chooser = byId('files', HTMLInputElement);
let asking = new AbortController();

chooser.addEventListener('change', () => {
  void open([...(chooser.files ?? [])]);
  // The same file can be chosen again.
  chooser.value = '';
});
document.addEventListener('paste', (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (files.length > 0) void open(files);
});
document.addEventListener('dragover', (event) => {
  event.preventDefault();
  document.body.classList.add('dragging');
});
document.addEventListener('dragleave', (event) => {
  if (event.relatedTarget === null) document.body.classList.remove('dragging');
});
document.addEventListener('drop', (event) => {
  event.preventDefault();
  document.body.classList.remove('dragging');
  if (event.dataTransfer !== null) void droppedFiles(event.dataTransfer).then(open);
});
void watchModel();

async function open(files: readonly File[]): Promise<void> {
  const study = await studyOf(files);
  if (study !== undefined) await ask(study);
}

async function ask(study: Study): Promise<void> {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  card.waiting(study);
  viewer.explainable(false);
  viewer.open(study, signal);
  try {
    const answer = await api.classify(study, signal);
    const sliceOf = (name: string) => study.slices.find(({ sentAs }) => sentAs === name);
    const deciding = answer.series === null ? undefined : sliceOf(answer.series.deciding.name);
    const showDeciding = (): void => {
      if (deciding !== undefined) viewer.goTo(deciding);
    };
    card.answered(answer, { deciding, showDeciding, nameOf: (name) => sliceOf(name)?.name ?? name });
    viewer.explainable(true);
    showDeciding();
  } catch (error) {
    if (signal.aborted) return;
    const refusal =
      error instanceof Refusal
        ? error
        : new Refusal({ title: 'The answer cannot be read.', code: 'ANSWER_INVALID' });
    const retry = (): void => void ask(study);
    card.refused(refusal, {
      retry,
      useKey: (key) => {
        api.useKey(key);
        retry();
      },
    });
    if (refusal.status === 503) void watchModel();
  }
}

/** Says which model answers, and until there is one, why none does. */
async function watchModel(): Promise<void> {
  const line = byId('model', HTMLElement);
  for (;;) {
    const readiness = await api.readiness();
    line.dataset['ready'] = String(readiness.ready);
    if (readiness.ready) {
      const { name, version } = readiness.model;
      line.textContent = `Model ${name}${version === null ? '' : `, version ${version}`}`;
      return;
    }
    const percent = readiness.percent === undefined ? '' : ` (${readiness.percent} %)`;
    line.textContent = `Not ready: ${readiness.why}${percent}`;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
