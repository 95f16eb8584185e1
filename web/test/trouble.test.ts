/** The page before a server that is closed, busy, away or unable; and that none of it is a dead end. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { closeDecoders } from '@hilum/imaging';
import type { RunningServer } from '@hilum/server';
import { problemSchema } from '@hilum/wire';
import type { Browser, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { choose, launch, openPage, text } from './browser.ts';
import { DATA_ABSENT, imagePath, scratch, serve, writeModel } from './served.ts';

let dir: Awaited<ReturnType<typeof scratch>>;
let server: RunningServer;
let browser: Browser;

beforeAll(async () => {
  dir = await scratch();
  await writeModel(`${dir.path}/sure`, { abstains: false });
  server = await serve(`${dir.path}/sure`);
  browser = await launch();
});

afterAll(async () => {
  await browser.close();
  await server.close();
  await closeDecoders();
  await dir[Symbol.asyncDispose]();
});

const REQUEST_ID = '00000000-0000-4000-8000-000000000000';
const problem = (status: number, code: string, title: string, headers: Record<string, string> = {}) => ({
  status,
  headers,
  contentType: 'application/problem+json',
  body: JSON.stringify(
    problemSchema.parse({
      type: `urn:hilum:error:${code}`,
      title,
      status,
      detail: title,
      code,
      requestId: REQUEST_ID,
    }),
  ),
});

/** What a server says only in trouble is said here in its place. */
async function opened(url: string, answer: (route: Route) => Promise<void>): Promise<Page> {
  const page = await openPage(browser, server.url, { before: async (page) => page.route(url, answer) });
  await choose(page, imagePath('chest'));
  return page;
}

describe.skipIf(DATA_ABSENT)(`the page before a server in trouble ${DATA_ABSENT || ''}`, () => {
  it('says when to come back to a full queue, and comes back', async () => {
    let full = true;
    const page = await opened('**/v1/classify', async (route) => {
      const busy = problem(503, 'QUEUE_FULL', 'The queue is full.', { 'retry-after': '7' });
      await (full ? route.fulfill(busy) : route.continue());
    });
    expect(await text(page, '#card')).toContain('The server is busy.');
    expect(await text(page, '#card')).toContain('Try again in 7 seconds.');
    full = false;
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('#card[data-state="classified"]').waitFor();
  });

  it('says that nobody answered', async () => {
    const page = await opened('**/v1/classify', async (route) => route.abort('connectionrefused'));
    const card = await text(page, '#card');
    expect(card).toContain('The server did not answer.');
    expect(card).toContain('Check the connection');
    expect(await page.getByRole('button', { name: 'Try again' }).count()).toBe(1);
  });

  it('asks for a key where the server does, forgets it with the page, and says what the key does not allow', async () => {
    const key = `hk_${'k'.repeat(43)}`;
    const hash = `sha256:${createHash('sha256').update(key).digest('hex')}`;
    await writeFile(`${dir.path}/keys`, JSON.stringify({ name: 'reader', hash, roles: ['predict'] }));
    const closed = await serve(`${dir.path}/sure`, { HILUM_API_KEYS_FILE: `${dir.path}/keys` });
    try {
      const page = await openPage(browser, closed.url);
      await choose(page, imagePath('chest'));
      expect(await text(page, '#card')).toContain('This server asks for a key.');
      expect(await page.evaluate('document.activeElement.id')).toBe('api-key');
      await page.keyboard.type(key);
      await page.keyboard.press('Enter');
      await page.locator('#card[data-state="classified"]').waitFor();
      await page.locator('#image').waitFor();
      await page.locator('#heat').click();
      await page.getByText('Your key does not allow heat maps.').waitFor();
      await page.reload();
      await choose(page, imagePath('chest'));
      expect(await text(page, '#card')).toContain('This server asks for a key.');
      await page.close();
    } finally {
      await closed.close();
    }
  });

  it('says that there are no heat maps where the server gives none', async () => {
    const page = await opened('**/v1/explain', async (route) =>
      route.fulfill(problem(404, 'NOT_FOUND', 'There is nothing at this address.')),
    );
    await page.getByRole('checkbox', { name: 'Heat map (Grad-CAM)' }).click();
    await page.getByText('This server gives no heat maps.').waitFor();
    expect(await page.locator('#heat').isChecked()).toBe(false);
  });
});
