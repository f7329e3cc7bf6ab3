// Browsers at the page, talking to each other through a real gateway; and a page from elsewhere that may not.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { usePages } from './pages.ts';
import { type Person, signUp } from './people.ts';
import { type Role, type Topology, useMaru } from './topology.ts';

/** The processes whose end a page notices. */
const KILLED = { together: ['gateway'], apart: ['gateway', 'chat'] } as const satisfies Partial<
  Record<Topology, readonly Role[]>
>;

describe.each(['together', 'apart'] as const)('the page, %s', (topology) => {
  const maru = useMaru(topology);
  const { browser, openPage, openRoom } = usePages(maru);

  it('two people sign up, meet in a room and write to each other', async () => {
    const { ann, bo } = await openRoom('The porch');
    await ann.write('Is anybody home?');
    await bo.see('Is anybody home?');
    await bo.write('네, 들어오세요 🏡 <b>&amp;');
    await ann.see('네, 들어오세요 🏡 <b>&amp;');
    for (const page of [ann, bo]) {
      await expect
        .poll(() => page.lines())
        .toEqual([
          { sender: 'Ann', content: 'Is anybody home?', time: expect.stringMatching(/^\d?\d:\d\d$/) },
          {
            sender: 'Bo',
            content: '네, 들어오세요 🏡 <b>&amp;',
            time: expect.stringMatching(/^\d?\d:\d\d$/),
          },
        ]);
      expect(page.complaints).toEqual([]);
    }
  });

  it('a reload shows the history, and nobody has to sign in again', async () => {
    const { ann, bo } = await openRoom('The kitchen');
    await ann.write('one');
    await bo.see('one');
    await bo.write('two');
    await ann.see('two');
    await ann.page.reload();
    await ann.seeRoom('The kitchen');
    await ann.see('two');
    expect(await ann.contents()).toEqual(['one', 'two']);
    await ann.write('three');
    await bo.see('three');
    expect(ann.complaints).toEqual([]);
  });

  it('offline is said in words; back online everything is there once, what was written meanwhile too', async () => {
    const { ann, bo } = await openRoom('The stairs');
    await ann.write('before');
    await bo.see('before');
    await ann.context.setOffline(true);
    await ann.seeStatus('You are offline.');
    await ann.write('written offline');
    await ann.page.getByText('Sending…').waitFor();
    await bo.write('missed 1');
    await bo.write('missed 2');
    await bo.see('missed 2');
    await ann.context.setOffline(false);
    await ann.seeStatus('Connected again.');
    await bo.see('written offline');
    await bo.write('after');
    const all = ['before', 'missed 1', 'missed 2', 'written offline', 'after'];
    for (const page of [ann, bo]) {
      await page.see('after');
      await expect.poll(() => page.contents()).toEqual(all);
    }
  });

  it.each(KILLED[topology])('a killed %s is a lost connection, which comes back by itself', async (role) => {
    const { ann, bo } = await openRoom(`The gate of ${role}`);
    await ann.write('before');
    await bo.see('before');
    await maru.end(role, 'SIGKILL');
    await Promise.all([ann.seeStatus('Connection lost.'), bo.seeStatus('Connection lost.')]);
    await ann.write('into the dark');
    await maru.restart();
    await Promise.all([ann.seeStatus('Connected again.'), bo.seeStatus('Connected again.')]);
    await bo.see('into the dark');
    await bo.write('after');
    for (const page of [ann, bo]) {
      await page.see('after');
      await expect.poll(() => page.contents()).toEqual(['before', 'into the dark', 'after']);
    }
  });

  it('speaks Korean to whoever reads Korean', async () => {
    const page = await openPage('ko');
    await page.signUp('김하늘');
    expect(await page.page.getAttribute('html', 'lang')).toBe('ko');
    await page.page.getByRole('button', { name: '새 방' }).click();
    await page.page.getByLabel('방 이름').fill('대청');
    await page.page.getByRole('button', { name: '방 만들기' }).click();
    await page.seeRoom('대청');
    await page.write('안녕하세요');
    await page.see('안녕하세요');
    await expect
      .poll(() => page.lines())
      .toEqual([
        { sender: '김하늘', content: '안녕하세요', time: expect.stringMatching(/^(오전|오후) \d?\d:\d\d$/) },
      ]);
    expect(page.complaints).toEqual([]);
  });

  it('whoever signs out is out, also after a reload', async () => {
    const page = await openPage();
    await page.signUp('Ann');
    await page.page.getByRole('button', { name: 'Sign out' }).click();
    await page.page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.page.reload();
    await page.page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(page.complaints).toEqual([]);
  });

  it("the API's documentation is shown, and asks nobody but the gateway", async () => {
    const context = await browser().newContext();
    try {
      const page = await context.newPage();
      const hosts = new Set<string>();
      page.on('request', (request) => {
        if (/^https?:/.test(request.url())) hosts.add(new URL(request.url()).origin);
      });
      await page.goto(`${maru.url}/api/docs`);
      await page.getByRole('heading', { name: 'Maru chat service' }).waitFor();
      expect([...hosts]).toEqual([maru.url]);
    } finally {
      await context.close();
    }
  });

  describe('a page from another origin', () => {
    let elsewhere: Server;
    let ann: Person;

    beforeAll(async () => {
      elsewhere = createServer((_request, response) => {
        response.setHeader('content-type', 'text/html').end('<!doctype html><title>Elsewhere</title>');
      });
      await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
      ann = await signUp(maru, 'Ann');
    });
    afterAll(() => new Promise((resolve) => elsewhere.close(resolve)));

    /** What a page of that origin gets with a good token: from the API, and from the WebSocket. */
    async function tryFrom(origin: string): Promise<{ api: string; chat: string }> {
      const context = await browser().newContext();
      try {
        const page = await context.newPage();
        await page.goto(origin);
        return await page.evaluate(
          async ({ url, chatUrl, token }) => {
            const request = fetch(`${url}/api/rooms`, { headers: { Authorization: `Bearer ${token}` } });
            const api = await request.then(
              (response) => `answered ${response.status}`,
              (error: Error) => error.name,
            );
            const socket = new WebSocket(chatUrl, ['v12.stomp', `bearer.${token}`]);
            const chat = await new Promise<string>((resolve) => {
              socket.onopen = () => resolve('open');
              socket.onclose = ({ code }) => resolve(`closed ${code}`);
            });
            socket.close();
            return { api, chat };
          },
          { url: maru.url, chatUrl: maru.chatUrl, token: ann.token },
        );
      } finally {
        await context.close();
      }
    }

    it('reads nothing of the API and opens no WebSocket, even with a good token', async () => {
      const { port } = elsewhere.address() as AddressInfo;
      expect(await tryFrom(`http://127.0.0.1:${port}`)).toEqual({ api: 'TypeError', chat: 'closed 1006' });
      await expect.poll(() => maru.output).toContain('origin not allowed');
    });

    it('whereas the same lines work on the page of Maru itself', async () => {
      expect(await tryFrom(maru.pageUrl)).toEqual({ api: 'answered 200', chat: 'open' });
    });
  });
});
