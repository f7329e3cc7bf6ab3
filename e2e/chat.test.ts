// Two people chat through the gateway, with real STOMP clients, in every topology.
import { type RoomEntry, roomDestination } from '@maru/contract';
import { beforeAll, describe, expect, it } from 'vitest';
import { call, createRoom, history, type Person, postMessage, signUp, wholeHistory } from './people.ts';
import { RawStomp, refusalOf } from './raw-stomp.ts';
import { type Delivery, StompClient } from './stomp-client.ts';
import { describeTopologies } from './topology.ts';

/** Short enough to be waited for, long enough for a busy machine. */
const HEART_BEAT_MS = 500;
const SETTINGS = { 'chat.heartBeatMs': HEART_BEAT_MS, 'chat.tickMs': 20, 'chat.connectMs': 2_000 };

describeTopologies((maru) => {
  let ann: Person;
  let bo: Person;
  /** Has an account and is in no room of the others. */
  let eve: Person;

  beforeAll(async () => {
    [ann, bo, eve] = await Promise.all([signUp(maru, 'Ann'), signUp(maru, '보 Bo'), signUp(maru, 'Eve')]);
  });

  const connect = (person: Person, options = {}) => StompClient.connect(maru.chatUrl, person.token, options);

  describe('connecting', () => {
    it('takes the token from the subprotocol, as a page gives it, and never sends it back', async () => {
      const client = await connect(ann);
      expect(client.connected).toMatchObject({ version: '1.2', 'user-name': ann.userId });
      expect(client.subprotocol).toBe('v12.stomp');
      expect(await client.disconnect()).toMatchObject({ error: null });
    });

    it('takes the token from the Authorization headers of the upgrade and of CONNECT', async () => {
      const client = await connect(ann, { tokenIn: 'headers' });
      expect(client.connected['user-name']).toBe(ann.userId);
      await client.disconnect();
    });

    it('prefers the token of CONNECT to that of the upgrade', async () => {
      const raw = await RawStomp.open(maru.chatUrl, { protocols: ['v12.stomp', `bearer.${ann.token}`] });
      raw.write('CONNECT', { 'accept-version': '1.2', host: 'maru', Authorization: `Bearer ${bo.token}` });
      expect(await raw.came.next()).toMatchObject({ headers: { 'user-name': bo.userId } });
      raw.drop();
    });

    it('refuses an upgrade without a token', async () => {
      const refusal = await refusalOf(maru.chatUrl, {});
      expect(refusal.status).toBe(401);
      expect(refusal.headers['www-authenticate']).toMatch(/^Bearer/);
      expect(JSON.parse(refusal.body)).toMatchObject({ code: 'token-missing', message: 'Token is missing' });
    });

    it('lets a bad token through to CONNECT, which refuses it by ERROR and close 1008', async () => {
      const raw = await RawStomp.open(maru.chatUrl, { protocols: ['v12.stomp', 'bearer.not-a-token'] });
      raw.write('CONNECT', { 'accept-version': '1.2', host: 'maru' });
      expect(await raw.came.take(2)).toMatchObject([
        { command: 'ERROR', headers: { code: 'token-invalid' } },
        { command: 'close', code: 1008 },
      ]);
    });

    it('takes STOMP in place of CONNECT', async () => {
      const raw = await RawStomp.open(maru.chatUrl, { protocols: ['v12.stomp', `bearer.${ann.token}`] });
      raw.write('STOMP', { 'accept-version': '1.2', host: 'maru' });
      expect(await raw.came.next()).toMatchObject({ command: 'CONNECTED' });
      raw.drop();
    });

    it('cuts a connection on which no CONNECT comes', async () => {
      const raw = await RawStomp.open(maru.chatUrl, { protocols: ['v12.stomp', `bearer.${ann.token}`] });
      expect(await raw.came.take(2)).toMatchObject([
        { command: 'ERROR', headers: { code: 'connect-timeout' } },
        { command: 'close', code: 1008 },
      ]);
    });

    it('answers the RECEIPT of DISCONNECT and then closes with 1000', async () => {
      const raw = await RawStomp.connect(maru.chatUrl, ann.token);
      raw.write('DISCONNECT', { receipt: 'bye' });
      expect(await raw.came.take(2)).toMatchObject([
        { command: 'RECEIPT', headers: { 'receipt-id': 'bye' } },
        { command: 'close', code: 1000 },
      ]);
    });
  });

  describe('two people in a room', () => {
    it('both see every message once, in one order, with its sender and seq', async () => {
      const roomId = await createRoom(maru, ann, [bo]);
      const [annClient, boClient] = await Promise.all([connect(ann), connect(bo)]);
      const [annSees, boSees] = await Promise.all([annClient.subscribe(roomId), boClient.subscribe(roomId)]);
      const head = Number(annSees.receipt.seq);

      const EACH = 20;
      for (let n = 0; n < EACH; n += 1) {
        void annClient.send(roomId, `ann ${n}`);
        void boClient.send(roomId, `보 ${n} 🏡`);
      }
      const seen = await annSees.take(2 * EACH);
      expect(await boSees.take(2 * EACH)).toEqual(
        seen.map((delivery) => ({ ...delivery, headers: expect.anything() })),
      );
      expect(seqs(seen)).toEqual(Array.from({ length: 2 * EACH }, (_, n) => head + 1 + n));
      for (const person of [ann, bo]) {
        const own = seen
          .map(({ entry }) => entry)
          .filter((entry) => 'senderId' in entry && entry.senderId === person.userId);
        expect(own).toMatchObject(
          Array.from({ length: EACH }, (_, n) => ({
            type: 'message.created',
            roomId,
            senderName: person.name,
            content: person === ann ? `ann ${n}` : `보 ${n} 🏡`,
            createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
          })),
        );
      }
      await Promise.all([annClient.disconnect(), boClient.disconnect()]);
      expect([annSees.size, boSees.size]).toEqual([0, 0]);
    });

    it('the RECEIPT of a SEND names the message and its seq', async () => {
      const roomId = await createRoom(maru, ann);
      const client = await connect(ann);
      const sees = await client.subscribe(roomId);
      const receipt = await client.send(roomId, 'hello');
      const { headers, entry } = await sees.next();
      expect(entry).toMatchObject({ messageId: receipt['message-id'], seq: Number(receipt.seq) });
      expect(headers).toMatchObject({ seq: receipt.seq, 'log-epoch': sees.receipt['log-epoch'] });
      await client.disconnect();
    });

    it('a repeated clientMessageId is stored and broadcast once, and receipted each time alike', async () => {
      const roomId = await createRoom(maru, ann);
      const client = await connect(ann);
      const sees = await client.subscribe(roomId);
      const again = { clientMessageId: 'note-1' };
      const [first, second] = await Promise.all([
        client.send(roomId, 'once', again),
        client.send(roomId, 'once', again),
      ]);
      const third = await client.send(roomId, 'once', again);
      const facts = ({ seq, 'message-id': id }: Record<string, string>) => ({ seq, id });
      expect([facts(second), facts(third)]).toEqual([facts(first), facts(first)]);
      await client.send(roomId, 'after');
      expect((await sees.take(2)).map(contentOf)).toEqual(['once', 'after']);
      const { messages } = await history(maru, ann, roomId);
      expect(messages.map(({ content }) => content)).toEqual(['once', 'after']);
      await client.disconnect();
    });

    it('who sent it comes from the token: a body that names a sender is refused', async () => {
      const roomId = await createRoom(maru, ann, [bo]);
      const client = await connect(ann);
      const sees = await client.subscribe(roomId);
      await client.send(roomId, 'by Ann');
      expect((await sees.next()).entry).toMatchObject({ senderId: ann.userId, senderName: ann.name });
      void client.send(roomId, 'by Bo?', { senderId: bo.userId, senderName: bo.name });
      expect(await client.ended).toMatchObject({ code: 1008, error: { code: 'invalid-body' } });
      expect((await history(maru, ann, roomId)).messages).toHaveLength(1);
    });

    it('a message posted over REST arrives live', async () => {
      const roomId = await createRoom(maru, ann, [bo]);
      const client = await connect(ann);
      const sees = await client.subscribe(roomId);
      const posted = await postMessage(maru, bo, roomId, 'from a bot');
      expect((await sees.next()).entry).toEqual(posted);
      await client.disconnect();
    });

    it('nothing of a room comes after UNSUBSCRIBE', async () => {
      const roomId = await createRoom(maru, ann, [bo]);
      // By hand: stompjs itself drops what comes for a subscription that it has ended.
      const raw = await RawStomp.connect(maru.chatUrl, ann.token);
      subscribe(raw, roomId);
      expect(await raw.came.next()).toMatchObject({ command: 'RECEIPT' });
      await postMessage(maru, bo, roomId, 'heard');
      expect(await raw.came.next()).toMatchObject({ command: 'MESSAGE', headers: { subscription: '1' } });
      raw.write('UNSUBSCRIBE', { id: '1', receipt: 'gone' });
      expect(await raw.came.next()).toMatchObject({ headers: { 'receipt-id': 'gone' } });
      await postMessage(maru, bo, roomId, 'not heard');
      raw.write('DISCONNECT', { receipt: 'bye' });
      expect(await raw.came.take(2)).toMatchObject([
        { headers: { 'receipt-id': 'bye' } },
        { command: 'close' },
      ]);
    });

    it('whoever is removed sees the own member.left as the last entry', async () => {
      const roomId = await createRoom(maru, ann, [bo]);
      const [annClient, boClient] = await Promise.all([connect(ann), connect(bo)]);
      const [annSees, boSees] = await Promise.all([annClient.subscribe(roomId), boClient.subscribe(roomId)]);
      await call(maru, ann, `DELETE /api/rooms/${roomId}/members/${bo.userId}`);
      await annClient.send(roomId, 'without Bo');
      expect((await annSees.take(2)).map(({ entry }) => entry.type)).toEqual([
        'member.left',
        'message.created',
      ]);
      await boClient.disconnect();
      expect(boSees.size).toBe(1);
      expect((await boSees.next()).entry).toMatchObject({ type: 'member.left', userId: bo.userId });
      await annClient.disconnect();
    });

    it.each(['1.0', '1.1', '1.2'] as const)(
      'STOMP %s chats, in text and in binary messages',
      async (version) => {
        const roomId = await createRoom(maru, ann);
        for (const binary of [false, true]) {
          const client = await connect(ann, { version, binary });
          expect(client.connected.version).toBe(version);
          const sees = await client.subscribe(roomId);
          await client.send(roomId, `a: \\ and\na line, ${version}`);
          expect(contentOf(await sees.next())).toBe(`a: \\ and\na line, ${version}`);
          await client.disconnect();
        }
      },
    );
  });

  describe('history', () => {
    it('is read by cursors before and after a seq, and agrees with what was live', async () => {
      const roomId = await createRoom(maru, ann, [bo]);
      const client = await connect(ann);
      const sees = await client.subscribe(roomId);
      for (let n = 1; n <= 7; n += 1) void client.send(roomId, `m${n}`);
      const live = (await sees.take(7)).map(({ entry }) => entry);
      await client.disconnect();

      expect(await wholeHistory(maru, bo, roomId)).toEqual(live);
      const contents = async (query: string) => {
        const { messages, hasMore } = await history(maru, bo, roomId, query);
        return [messages.map(({ content }) => content).join(' '), hasMore];
      };
      const seqOf = (n: number) => live[n - 1]?.seq;
      expect(await contents('?limit=3')).toEqual(['m5 m6 m7', true]);
      expect(await contents('?limit=7')).toEqual(['m1 m2 m3 m4 m5 m6 m7', false]);
      expect(await contents(`?before=${seqOf(3)}&limit=2`)).toEqual(['m1 m2', false]);
      expect(await contents(`?before=${seqOf(4)}&limit=2`)).toEqual(['m2 m3', true]);
      expect(await contents(`?after=${seqOf(4)}&limit=2`)).toEqual(['m5 m6', true]);
      expect(await contents(`?after=${seqOf(5)}&limit=2`)).toEqual(['m6 m7', false]);
      expect(await contents(`?after=${seqOf(7)}`)).toEqual(['', false]);
    });
  });

  describe('what one may not do', () => {
    it('ends a non-member with ERROR not-a-member and then close 1008, each of 100 times', async () => {
      const roomId = await createRoom(maru, ann);
      for (let run = 0; run < 100; run += 1) {
        const raw = await RawStomp.connect(maru.chatUrl, eve.token);
        if (run % 2 === 0) subscribe(raw, roomId);
        else send(raw, roomId, 'let me in');
        expect(await raw.came.take(2), `run ${run}`).toMatchObject([
          {
            command: 'ERROR',
            headers: { code: 'not-a-member', 'receipt-id': 'r', message: expect.any(String) },
            body: expect.stringContaining('"code":"not-a-member"'),
          },
          { command: 'close', code: 1008 },
        ]);
      }
      expect((await history(maru, ann, roomId)).messages).toEqual([]);
    });

    it('a private room is not there for whoever is not in it', async () => {
      const roomId = await createRoom(maru, ann, [bo], 'private');
      for (const attempt of [subscribe, send]) {
        const raw = await RawStomp.connect(maru.chatUrl, eve.token);
        attempt(raw, roomId);
        expect(await raw.came.take(2)).toMatchObject([
          { command: 'ERROR', headers: { code: 'room-not-found' } },
          { command: 'close', code: 1008 },
        ]);
      }
    });

    it.each(['*', '**', '?', '{room}', '>', '#'])('a pattern is refused: %s', async (pattern) => {
      const raw = await RawStomp.connect(maru.chatUrl, ann.token);
      raw.write('SUBSCRIBE', { id: '1', destination: `/topic/chat/room/${pattern}` });
      expect(await raw.came.take(2)).toMatchObject([
        { command: 'ERROR', headers: { code: 'pattern-not-allowed' } },
        { command: 'close', code: 1008 },
      ]);
    });

    it.each([
      ['SUBSCRIBE', '/topic/elsewhere', 'unknown-destination'],
      ['SUBSCRIBE', '/queue/orders', 'access-denied'],
      ['SEND', '/pub/elsewhere', 'unknown-destination'],
      ['SEND', '/topic/chat/room/abc', 'access-denied'],
    ])('%s to %s is refused with %s', async (command, destination, code) => {
      const raw = await RawStomp.connect(maru.chatUrl, ann.token);
      raw.write(command, { id: '1', destination });
      expect(await raw.came.take(2)).toMatchObject([
        { command: 'ERROR', headers: { code } },
        { command: 'close', code: 1008 },
      ]);
    });

    it('an ERROR waits for the RECEIPT of the SEND before it', async () => {
      const roomId = await createRoom(maru, ann);
      const raw = await RawStomp.connect(maru.chatUrl, ann.token);
      send(raw, roomId, 'kept');
      raw.write('SUBSCRIBE', { id: '1', destination: '/topic/elsewhere' });
      expect(await raw.came.take(3)).toMatchObject([
        { command: 'RECEIPT', headers: { 'receipt-id': 'r' } },
        { command: 'ERROR' },
        { command: 'close' },
      ]);
      expect((await history(maru, ann, roomId)).messages).toMatchObject([{ content: 'kept' }]);
    });
  });

  describe('heart-beats', () => {
    it('flow both ways with a real client, which stays', async () => {
      const client = await connect(ann, { heartBeatMs: HEART_BEAT_MS });
      expect(client.connected['heart-beat']).toBe(`${HEART_BEAT_MS},${HEART_BEAT_MS}`);
      // Twice the tolerance for silence: it would be cut by now if its own beats didn't arrive.
      await client.heartBeats.take(5);
      expect(await client.disconnect()).toMatchObject({ error: null });
    });

    it('a client that promised beats and is silent is cut, while the server goes on beating', async () => {
      const raw = await RawStomp.connect(maru.chatUrl, ann.token, {
        'heart-beat': `${HEART_BEAT_MS},${HEART_BEAT_MS}`,
      });
      const begun = performance.now();
      await raw.heartBeats.next();
      expect(await raw.came.take(2)).toMatchObject([
        { command: 'ERROR', headers: { code: 'heart-beat-timeout' } },
        { command: 'close', code: 1002 },
      ]);
      expect(performance.now() - begun).toBeGreaterThan(HEART_BEAT_MS);
    });
  });

  describe('ending', () => {
    it('SIGTERM sends everyone away with 1012 and the time to come back, and ends with code 0', async () => {
      const roomId = await createRoom(maru, ann, [bo]);
      const [annClient, boClient] = await Promise.all([connect(ann), connect(bo)]);
      await annClient.send(roomId, 'before the restart');
      const exit = maru.end('chat', 'SIGTERM');
      for (const client of [annClient, boClient]) {
        expect(await client.ended).toMatchObject({
          code: 1012,
          reason: expect.stringMatching(/^retry-after=\d+$/),
          error: null,
        });
      }
      expect(await exit).toEqual({ code: 0, signal: null });

      await maru.restart();
      const back = await connect(ann);
      expect((await history(maru, ann, roomId)).messages).toMatchObject([{ content: 'before the restart' }]);
      await back.disconnect();
    });
  });
}, SETTINGS);

function subscribe(raw: RawStomp, roomId: string): void {
  raw.write('SUBSCRIBE', { id: '1', receipt: 'r', destination: roomDestination(roomId) });
}

function send(raw: RawStomp, roomId: string, content = 'hello'): void {
  raw.write('SEND', { receipt: 'r', destination: '/pub/send/message' }, JSON.stringify({ roomId, content }));
}

function contentOf({ entry }: Delivery): string {
  return entry.type === 'message.created' ? String(entry.content) : entry.type;
}

function seqs(deliveries: readonly Delivery[]): number[] {
  return deliveries.map(({ entry }: { entry: RoomEntry }) => entry.seq);
}
