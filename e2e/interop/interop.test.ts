// Other people's STOMP clients chat with Maru through its gateway, all by the same steps.
import { beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { createRoom, type Person, signUp } from '../people.ts';
import { RawStomp } from '../raw-stomp.ts';
import { StompClient } from '../stomp-client.ts';
import { useMaru } from '../topology.ts';
import { Caller } from './caller.ts';
import { CLIENTS, type Lack } from './clients.ts';
import { MESSAGES } from './messages.ts';
import { BUILD_WITHIN_MS, build, missingRuntimes } from './runtimes.ts';

/** The clients allow their server twice this silence, or three times. */
const HEART_BEAT_MS = 1_000;
/** How many messages each of two people sends without waiting for an answer. */
const AT_ONCE = 10;

const maru = useMaru('apart', { 'chat.heartBeatMs': HEART_BEAT_MS, 'chat.tickMs': 20 });
/** Who uses the client of another maker. */
let ann: Person;
/** Who uses the one that all other tests use. */
let bo: Person;
beforeAll(async () => {
  [ann, bo] = await Promise.all([signUp(maru, 'Ann'), signUp(maru, '보 Bo')]);
});

// What this machine has no runtime for is no test here; the report of the suite names it.
const missing = missingRuntimes();
for (const client of CLIENTS.filter(({ runtime }) => !missing.includes(runtime))) {
  const connect = (context: TestContext) => Caller.connect(context, maru, ann.token, client, HEART_BEAT_MS);
  const can = (what: Lack): boolean => !client.lacks.includes(what);

  describe.concurrent(client.name, () => {
    beforeAll(() => build(client.runtime), BUILD_WITHIN_MS);

    it('chats: every message comes once, in order and as it was written', async (context) => {
      const roomId = await createRoom(maru, ann, [bo]);
      const boClient = await StompClient.connect(maru.chatUrl, bo.token);
      const boHears = await boClient.subscribe(roomId);
      const head = Number(boHears.receipt.seq);
      const caller = await connect(context);
      await caller.subscribe(roomId);

      const contents = Object.values(MESSAGES);
      const receipts = [];
      for (const content of contents) receipts.push(await caller.send(roomId, content));
      for (const content of contents) await boClient.send(roomId, content);
      const boReceipts = [];
      for (let n = 0; n < AT_ONCE; n += 1) {
        caller.startSending(roomId, `앤 ${n}`);
        boReceipts.push(boClient.send(roomId, `보 ${n}`));
      }
      receipts.push(...(await caller.receipts(AT_ONCE)));
      await Promise.all(boReceipts);

      const count = 2 * (contents.length + AT_ONCE);
      const heard = await caller.entries(count);
      expect(heard.map(({ seq }) => seq)).toEqual(Array.from({ length: count }, (_, n) => head + 1 + n));
      expect(heard.slice(0, 2 * contents.length).map(({ content }) => content)).toEqual([
        ...contents,
        ...contents,
      ]);
      const of = (person: Person) => heard.filter(({ senderId }) => senderId === person.userId);
      const said = (name: string) => Array.from({ length: AT_ONCE }, (_, n) => `${name} ${n}`);
      expect(of(ann).map(({ content }) => content)).toEqual([...contents, ...said('앤')]);
      expect(of(bo).map(({ content }) => content)).toEqual([...contents, ...said('보')]);
      expect(heard).toEqual((await boHears.take(count)).map(({ entry }) => entry));
      if (can('receipt headers')) {
        expect(receipts.map(({ seq }) => Number(seq))).toEqual(of(ann).map(({ seq }) => seq));
      }

      await caller.unsubscribe();
      // The RECEIPT of the one proves that UNSUBSCRIBE took effect, that of the other comes after what it would hear.
      await caller.send(roomId, 'unheard');
      await boClient.send(roomId, 'unheard');
      await caller.send(roomId, 'unheard');
      expect(caller.unread).toBe(0);

      await boClient.disconnect();
      expect(await caller.disconnect()).toMatchObject({ code: 1000 });
    });

    it('is told why it may not follow a room that its person is not in', async (context) => {
      const roomId = await createRoom(maru, bo);
      const caller = await connect(context);
      caller.startSubscribing(roomId);
      const { headers, body } = await caller.error();
      expect(headers).toMatchObject({ code: 'not-a-member', message: expect.stringMatching(/member/) });
      if (can('receipt of SUBSCRIBE')) expect(headers['receipt-id']).toBe('room');
      expect(JSON.parse(body)).toMatchObject({ code: 'not-a-member' });
      expect(await caller.ended()).toMatchObject({ code: 1008, reason: 'not-a-member' });
    });

    it('is sent no more than it has acknowledged', async (context) => {
      const roomId = await createRoom(maru, ann, [bo]);
      const boClient = await StompClient.connect(maru.chatUrl, bo.token);
      const caller = await connect(context);
      const ack = client.way.version === '1.0' ? 'client' : 'client-individual';
      await caller.subscribe(roomId, ack, { prefetch: '2' });
      // Its RECEIPT proves that SUBSCRIBE took effect, also where none of its own can be asked for.
      await caller.send(roomId, '0');
      for (let n = 1; n < 5; n += 1) await boClient.send(roomId, `${n}`);
      // Its RECEIPT comes after whatever else of those would be heard.
      await caller.send(roomId, '5');
      const heard = await caller.messages(2);
      expect(caller.unread).toBe(0);

      caller.acknowledge(heard[0]?.messageId);
      heard.push(...(await caller.messages(1)));
      await caller.send(roomId, '6');
      expect(caller.unread).toBe(0);

      while (heard.length < 7) {
        caller.acknowledge(heard.at(-2)?.messageId);
        heard.push(...(await caller.messages(1)));
      }
      expect(heard.map(({ entry }) => entry.content)).toEqual(['0', '1', '2', '3', '4', '5', '6']);
      await boClient.disconnect();
      expect(await caller.disconnect()).toMatchObject({ code: 1000 });
    });

    if (can('transactions')) {
      it('sends two messages in a transaction: both at its end, together', async (context) => {
        const roomId = await createRoom(maru, ann);
        const caller = await connect(context);
        await caller.subscribe(roomId);
        caller.begin('t');
        caller.startSending(roomId, 'second', 't');
        caller.startSending(roomId, 'third', 't');
        await caller.send(roomId, 'first');
        await caller.commit('t');
        const heard = await caller.entries(3);
        expect(heard.map(({ content }) => content)).toEqual(['first', 'second', 'third']);
        expect(await caller.disconnect()).toMatchObject({ code: 1000 });
      });
    }

    if (can('heart-beats')) {
      it('stays while nobody speaks, by heart-beats', async (context) => {
        const roomId = await createRoom(maru, ann);
        const caller = await connect(context);
        // Longer than either side would wait for the other.
        const clock = await RawStomp.connect(maru.chatUrl, bo.token, { 'heart-beat': `0,${HEART_BEAT_MS}` });
        await clock.heartBeats.take(4);
        clock.drop();
        await caller.send(roomId, 'still here');
        expect(await caller.disconnect()).toMatchObject({ code: 1000 });
      });
    }
  });
}
