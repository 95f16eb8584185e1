/** A real browser with the page open, and an eye on what it must not do. */
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContextOptions, type Page, chromium } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';

const NAMES = ['chromium', 'google-chrome'];

export async function launch(): Promise<Browser> {
  // Chromium does not run as root inside its own sandbox; a container has no other user.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: await browserPath(), args });
}

async function browserPath(): Promise<string> {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  for (const path of NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw new Error(`no ${NAMES.join(' and no ')} on PATH: npm run setup web`);
}

/**
 * The page at `url`, closed at the end of the test, which fails where the page broke its own policy, threw, or asked
 * another server for anything.
 */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions & { readonly before?: (page: Page) => Promise<unknown> } = {},
): Promise<Page> {
  const { before, ...context } = options;
  const page = await browser.newPage(context);
  const wrong: string[] = [];
  page.on('pageerror', (error) => wrong.push(`threw: ${error.message}`));
  page.on('console', (message) => {
    // A refusal of the server is logged by the browser itself.
    const isRefusal = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !isRefusal) wrong.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(`${url}/`)) wrong.push(`asked ${request.url()}`);
  });
  onTestFinished(async () => {
    await page.close();
    expect(wrong).toEqual([]);
  });
  await before?.(page);
  await page.goto(`${url}/`);
  return page;
}

/** Waits for the answer, whatever it is. */
export async function answered(page: Page): Promise<void> {
  await page.locator('#card:not([data-state="empty"]):not([data-state="waiting"])').waitFor();
}

/** Opens files by the chooser, and waits for the answer. */
export async function choose(page: Page, path: string): Promise<void> {
  await page.setInputFiles('#files', path);
  await answered(page);
}

/** What a person reads there. */
export async function text(page: Page, selector: string): Promise<string> {
  return page.locator(selector).innerText();
}

/** The greys of the image as they are shown, row by row. */
export async function greys(page: Page): Promise<readonly number[]> {
  return page.evaluate<number[]>(`(() => {
    const canvas = document.querySelector('#image');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return Array.from({ length: data.length / 4 }, (_, at) => data[at * 4]);
  })()`);
}
