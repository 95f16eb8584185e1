/** The page in a real browser, before a real server with a real network. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { closeDecoders, decodeImage } from '@hilum/imaging';
import type { RunningServer } from '@hilum/server';
import { NOTICE, classificationSchema, explanationSchema } from '@hilum/wire';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answered, choose, greys, launch, openPage, text } from './browser.ts';
import { DATA_ABSENT, imageBytes, imagePath, scratch, seriesPaths, serve, writeModel } from './served.ts';
import { zipOf } from './zip.ts';

const LUNG = { center: -600, width: 1500 };
const MEDIASTINUM = { center: 40, width: 400 };

let dir: Awaited<ReturnType<typeof scratch>>;
let server: RunningServer;
let browser: Browser;

beforeAll(async () => {
  dir = await scratch();
  await writeModel(`${dir.path}/sure`, { abstains: false });
  await writeModel(`${dir.path}/unsure`, { abstains: true });
  server = await serve(`${dir.path}/sure`);
  browser = await launch();
});

afterAll(async () => {
  await browser.close();
  await server.close();
  await closeDecoders();
  await dir[Symbol.asyncDispose]();
});

/** By the API, without the page. */
async function api(path: string, body: Uint8Array<ArrayBuffer> | FormData): Promise<unknown> {
  const headers = { accept: 'application/json' };
  return (await fetch(`${server.url}/${path}`, { method: 'POST', body, headers })).json();
}

/** As a person's hand: the file lands on the page. */
async function drop(page: Page, name: Parameters<typeof imageBytes>[0]): Promise<void> {
  const base64 = (await imageBytes(name)).toString('base64');
  const transfer = await page.evaluateHandle(`(() => {
    const bytes = Uint8Array.from(atob('${base64}'), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], 'dropped'));
    return transfer;
  })()`);
  await page.dispatchEvent('#stage', 'drop', { dataTransfer: transfer });
  await answered(page);
}

/** PS3.3 C.11.2.1.2.1, as the standard writes it. */
function windowed(hu: number, { center, width }: typeof LUNG): number {
  if (hu <= center - 0.5 - (width - 1) / 2) return 0;
  if (hu > center - 0.5 + (width - 1) / 2) return 255;
  return ((hu - (center - 0.5)) / (width - 1) + 0.5) * 255;
}

describe.skipIf(DATA_ABSENT)(`the page ${DATA_ABSENT || ''}`, () => {
  it('shows the answer of the API for a DICOM slice that is dropped on it', async () => {
    const want = classificationSchema.parse(
      await api('v1/classify', new Uint8Array(await imageBytes('chest'))),
    );
    const page = await openPage(browser, server.url);
    await drop(page, 'chest');
    const card = await text(page, '#card');
    expect(card).toContain(
      `Classified\n\n${want.label}\n\n${(want.probability * 100).toFixed(1)} % calibrated`,
    );
    for (const [label, p] of Object.entries(want.probabilities)) {
      expect(card.replaceAll(/\s+/g, ' ')).toContain(`${label} ${(p * 100).toFixed(1)} %`);
    }
    expect(card).toContain('Called malignant: at or above the operating point.');
    expect(card).toContain(`Score ${want.decision.raw['malignant']?.toFixed(3)}, threshold 0.250`);
    expect(card).toContain('sensitivity 95.1 %, specificity 71.2 %');
    expect(card).toContain(want.model.digest.slice('sha256:'.length, 'sha256:'.length + 12));
    expect(card).toContain(want.contract.slice('sha256:'.length, 'sha256:'.length + 12));
    expect(card).toContain('DICOM, 512 × 512');
    expect(card).toMatch(/Request\s+[0-9a-f]{8}-/);
    for (const { message } of want.warnings) expect(card).toContain(message);
    expect(card).toContain(NOTICE);
    expect(await text(page, '#live')).toContain(`${want.label}, `);
  });

  it('renders Hounsfield units by the lung and the mediastinal window as DICOM defines them', async () => {
    const { pixels } = await decodeImage(await imageBytes('chest'));
    const page = await openPage(browser, server.url);
    await choose(page, imagePath('chest'));
    for (const [name, window] of [
      ['Lung', LUNG],
      ['Mediastinum', MEDIASTINUM],
    ] as const) {
      await page.getByRole('radio', { name }).check();
      const shown = await greys(page);
      expect(shown.length).toBe(512 * 512);
      const off = shown.map((grey, at) => Math.abs(grey - windowed(pixels[at] ?? 0, window)));
      const furthest = off.reduce((most, one) => Math.max(most, one), 0);
      expect(furthest).toBeLessThanOrEqual(0.5);
    }
  });

  it('shows the levels of a picture as they are', async () => {
    const { pixels } = await decodeImage(await imageBytes('picture'));
    const page = await openPage(browser, server.url);
    await choose(page, imagePath('picture'));
    expect(await greys(page)).toEqual([...pixels]);
    expect(await page.getByRole('radio').all()).toHaveLength(1);
  });

  it('says why it refuses a slice of a head, and still shows it', async () => {
    const page = await openPage(browser, server.url);
    await choose(page, imagePath('head'));
    expect(await page.locator('#card').getAttribute('data-state')).toBe('refused');
    const card = await text(page, '#card');
    expect(card).toContain('Refused\n\nNo lung is seen');
    expect(card).toContain('NOT_CHEST');
    await page.locator('#image').waitFor();
    expect(await page.locator('#heat').isDisabled()).toBe(true);
  });

  it('gives no call where the model abstains, and says why', async () => {
    const unsure = await serve(`${dir.path}/unsure`);
    try {
      const page = await openPage(browser, unsure.url);
      await choose(page, imagePath('chest'));
      const card = await text(page, '#card');
      expect(card).toContain('Abstained\n\nNo call\n\nThe model cannot tell benign from malignant');
      expect(card).toContain('Nothing is called');
      expect(card).toContain('Not excluded at 90 % confidence: benign, malignant.');
      await page.close();
    } finally {
      await unsure.close();
    }
  });

  it('can be used from the keyboard alone', async () => {
    const page = await openPage(browser, server.url);
    const focused = (): Promise<string> => page.evaluate('document.activeElement.id');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the result');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('files');
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('Space')]);
    await chooser.setFiles(imagePath('chest'));
    await answered(page);
    await page.locator('#image').waitFor();
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('stage');
    const before = await greys(page);
    await page.keyboard.press('2');
    expect(await page.getByRole('radio', { name: 'Mediastinum' }).isChecked()).toBe(true);
    expect(await greys(page)).not.toEqual(before);
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowLeft');
    expect([await text(page, '#level-value'), await text(page, '#width-value')]).toEqual(['60 HU', '380 HU']);
    expect(await page.getByRole('radio', { checked: true }).count()).toBe(0);
    await page.keyboard.press('1');
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowRight');
    expect(await page.getByRole('radio', { name: 'Mediastinum' }).isChecked()).toBe(true);
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('level');
  });

  it('widens and moves the window under the mouse', async () => {
    const page = await openPage(browser, server.url);
    await choose(page, imagePath('chest'));
    await page.locator('#image').hover();
    await page.mouse.down();
    await page.mouse.move(400, 300);
    const [level, width] = [await text(page, '#level-value'), await text(page, '#width-value')];
    await page.mouse.move(450, 350, { steps: 5 });
    await page.mouse.up();
    expect(Number.parseInt(await text(page, '#level-value'))).toBeGreaterThan(Number.parseInt(level));
    expect(Number.parseInt(await text(page, '#width-value'))).toBeGreaterThan(Number.parseInt(width));
  });

  it.each([
    ['light, wide', { colorScheme: 'light', viewport: { width: 1440, height: 900 } }],
    ['dark, narrow', { colorScheme: 'dark', viewport: { width: 360, height: 740 } }],
  ] as const)('breaks no rule of accessibility that axe knows: %s', async (_, look) => {
    const page = await openPage(browser, server.url, look);
    const violations = async (): Promise<readonly string[]> => {
      await page.evaluate(axe.source);
      const found = await page.evaluate<axe.AxeResults>('axe.run()');
      return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
    };
    expect(await violations()).toEqual([]);
    await choose(page, imagePath('chest'));
    expect(await violations()).toEqual([]);
    await choose(page, imagePath('head'));
    expect(await violations()).toEqual([]);
    const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
    expect(await page.evaluate(overflow)).toBe(0);
  });

  it('names everything that a screen reader meets', async () => {
    const page = await openPage(browser, server.url);
    await choose(page, imagePath('chest'));
    const tree = await page.locator('body').ariaSnapshot();
    for (const line of [
      'img "CT slice, 512 by 512 pixels, lung window, level -600, width 1500"',
      'slider "Level"',
      'slider "Width"',
      'radio "Lung" [checked]',
      'checkbox "Heat map (Grad-CAM)"',
      'list "Probability of each label"',
      'heading "Result" [level=2]',
    ]) {
      expect(tree).toContain(line);
    }
  });

  it('tells the server no file name, not even of a series', async () => {
    const bodies: string[] = [];
    const page = await openPage(browser, server.url);
    page.on('request', (request) => {
      bodies.push(
        `${JSON.stringify(request.headers())}${request.postDataBuffer()?.toString('latin1') ?? ''}`,
      );
    });
    await page.setInputFiles('#files', [...seriesPaths()]);
    await answered(page);
    await page.locator('#image').waitFor();
    expect(bodies.length).toBeGreaterThan(1);
    expect(bodies.filter((body) => body.includes('1-030') || body.includes('.dcm'))).toEqual([]);
    expect(await text(page, '#title')).toMatch(/^1-0\d\d\.dcm$/);
    expect(await page.evaluate('localStorage.length + sessionStorage.length + document.cookie.length')).toBe(
      0,
    );
  });

  it('lays the heat map of the server over the image', async () => {
    const page = await openPage(browser, server.url);
    await choose(page, imagePath('chest'));
    await page.getByRole('checkbox', { name: 'Heat map (Grad-CAM)' }).check();
    const { heatmap, region, label, empty } = explanationSchema.parse(
      await api('v1/explain', new Uint8Array(await imageBytes('chest'))),
    );
    await page.getByText(empty ? 'No place in this image' : `What spoke for “${label}”`).waitFor();
    const alphaAt = async (index: number): Promise<number> => {
      const row = Math.floor(index / heatmap.columns) + 0.5;
      const column = (index % heatmap.columns) + 0.5;
      const x = Math.round(region.left + (column * region.columns) / heatmap.columns);
      const y = Math.round(region.top + (row * region.rows) / heatmap.rows);
      return page.evaluate<number>(
        `document.querySelector('#overlay').getContext('2d').getImageData(${x}, ${y}, 1, 1).data[3]`,
      );
    };
    const [coldest, warmest] = [Math.min(...heatmap.values), Math.max(...heatmap.values)];
    expect(await alphaAt(heatmap.values.indexOf(warmest))).toBeGreaterThan(200);
    expect(await alphaAt(heatmap.values.indexOf(coldest))).toBeLessThan(200);
    const opacity = page.getByRole('slider', { name: 'Opacity' });
    await opacity.fill('25');
    expect(await page.evaluate("getComputedStyle(document.querySelector('#overlay')).opacity")).toBe('0.25');
    await page.locator('#stage').press('h');
    expect(await alphaAt(heatmap.values.indexOf(warmest))).toBe(0);
  });

  it.each(['files', 'zip'])(
    'shows the slice that decided on a series of %s, and every other',
    async (kind) => {
      const paths = seriesPaths();
      const files = await Promise.all(
        paths.map(async (path) => [`ct/${basename(path)}`, await readFile(path)] as const),
      );
      const zip = {
        name: 'series.zip',
        mimeType: 'application/zip',
        buffer: zipOf(Object.fromEntries(files)),
      };
      const page = await openPage(browser, server.url);
      await page.setInputFiles('#files', kind === 'zip' ? [zip] : [...paths]);
      const form = new FormData();
      for (const [at, [, bytes]] of files.entries()) form.append('file', new Blob([bytes]), `${at + 1}`);
      const asked = await api('v1/classify', kind === 'zip' ? new Uint8Array(zip.buffer) : form);
      const { series } = classificationSchema.parse(asked);
      const sent = series?.deciding.name ?? '';
      const name = kind === 'zip' ? sent : basename(paths[Number(sent) - 1] ?? '');
      expect(name).toMatch(/1-0\d\d\.dcm$/);
      await page.locator('#card[data-state="classified"]').waitFor();
      expect(await text(page, '#card')).toContain(
        `Deciding slice: ${(series?.deciding.index ?? 0) + 1} of 6 from the feet`,
      );
      expect(await text(page, '#card')).toContain(name);
      await page.locator('#image').waitFor();
      expect(await text(page, '#title')).toBe(name);

      await page.locator('#slice').fill('1');
      await page.getByRole('img', { name: 'CT slice, slice 1 of 6' }).waitFor();
      const first = await greys(page);
      await page.locator('#stage').press('PageUp');
      await page.getByRole('img', { name: 'CT slice, slice 2 of 6' }).waitFor();
      expect(await text(page, '#title')).toMatch(/1-029\.dcm$/);
      expect(await greys(page)).not.toEqual(first);
      await page.getByRole('button', { name: 'Show this slice' }).click();
      await page.locator('#title', { hasText: name }).waitFor();
    },
  );
});
