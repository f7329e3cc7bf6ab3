// A browser for the tests of a file, and the pages that people open in it.
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { ChatPage } from './chat-page.ts';
import type { Maru } from './topology.ts';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

export type Pages = {
  readonly browser: () => Browser;
  /** A page of Maru in a browser context of its own; closed after the test. */
  openPage(language?: 'en' | 'ko', path?: string): Promise<ChatPage>;
  /** Ann has made a room and Bo has joined it. */
  openRoom(name: string): Promise<{ ann: ChatPage; bo: ChatPage }>;
};

/** For the tests of the surrounding `describe`; what was on the pages of one that fails is kept as a picture. */
export function usePages(maru: Maru): Pages {
  let browser: Browser;
  let open: ChatPage[] = [];

  beforeAll(async () => {
    if (!existsSync(CHROMIUM)) {
      throw new Error(`No browser at ${CHROMIUM}: apt install chromium, or set CHROMIUM`);
    }
    browser = await launch();
  });
  afterAll(() => browser?.close());
  // Whatever a failed test has left down.
  beforeEach(() => maru.restart());
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await photograph(open);
    for (const { context } of open) await context.close();
    open = [];
  });

  async function openPage(language: 'en' | 'ko' = 'en', path = ''): Promise<ChatPage> {
    const page = await ChatPage.open(browser, maru.pageUrl + path, language);
    open.push(page);
    return page;
  }

  return {
    browser: () => browser,
    openPage,
    async openRoom(name) {
      const ann = await openPage();
      await ann.signUp('Ann');
      await ann.createRoom(name);
      const bo = await openPage();
      await bo.signUp('Bo');
      await bo.joinRoom(name);
      await ann.see('Bo joined');
      return { ann, bo };
    },
  };
}

function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    // Without a sandbox, as containers have none; without anything that calls home.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

async function photograph(pages: readonly ChatPage[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'maru-screens-'));
  for (const [index, { page, complaints }] of pages.entries()) {
    await page.screenshot({ path: join(folder, `${index}.png`) }).catch(() => undefined);
    console.error(`${join(folder, `${index}.png`)} ${complaints.join('\n')}`);
  }
}
