// Transactions over a real socket: all at COMMIT or nothing, their receipts, their ids and their limits.
import { readFile } from 'node:fs/promises';
import { MaruError } from '@maru/contract';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { mapDestination } from '../../src/handlers/application-handler.ts';
import { type Chat, openChat } from './chat-fixture.ts';
import { bodyOf, frameText, headersOf, type RawClient, type ServerFrame, sendText } from './raw-client.ts';

type Headers = Readonly<Record<string, string>>;

const SEND = '/pub/send/message';
const ERRORS = '/user/queue/errors';

const begin = (transaction: string, headers: Headers = {}) => frameText('BEGIN', { transaction, ...headers });
const commit = (transaction: string, headers: Headers = {}) =>
  frameText('COMMIT', { transaction, ...headers });
const abort = (transaction: string, headers: Headers = {}) => frameText('ABORT', { transaction, ...headers });
/** A SEND in a transaction. */
const say = (transaction: string, roomId: string, content: string, headers: Headers = {}) =>
  frameText('SEND', { destination: SEND, transaction, ...headers }, JSON.stringify({ roomId, content }));

const refusing = mapDestination({
  destination: '/pub/test/refuse',
  handle: () => {
    throw new MaruError('refused', { message: 'Not today' });
  },
});

describe('transactions', () => {
  let chat: Chat;
  let roomId: string;
  beforeAll(async () => {
    chat = await openChat({
      mappings: [refusing],
      handlers: { topics: [{ destination: '/topic/test/relay', maySend: () => true }] },
    });
    roomId = await chat.newRoom('bob', 'ann');
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  const contents = (frames: readonly ServerFrame[]) => frames.map((frame) => bodyOf(frame).content);
  const subscribe = async (client: RawClient, room: string, id: string, headers: Headers) => {
    client.send('SUBSCRIBE', { destination: `/topic/chat/room/${room}`, id, receipt: id, ...headers });
    await client.receipt(id);
  };
  const hearErrors = async (client: RawClient) => {
    client.send('SUBSCRIBE', { destination: ERRORS, id: 'errors', receipt: 'errors' });
    await client.receipt('errors');
  };
  /** The session has acted on all that was sent and goes on. */
  const alive = async (client: RawClient) => {
    client.write(begin('alive') + abort('alive', { receipt: 'alive' }));
    await client.receipt('alive');
  };

  describe('take effect', () => {
    test('T03 SENDs are heard by nobody before COMMIT, and after it in their order, one right behind the other', async () => {
      const room = await chat.newRoom('bob', 'ann');
      const [ann, bob] = [await chat.connect('ann'), await chat.connect('bob')];
      const head = await bob.subscribe(room, '0');
      ann.write(begin('t') + say('t', room, '1') + say('t', room, '2', { receipt: 'r' }));
      await ann.receipt('r');
      bob.say(room, 'before', 'b');
      await bob.receipt('b');
      ann.say(room, 'not of it', 'n');
      await ann.receipt('n');
      expect(contents(await bob.messages(2))).toEqual(['before', 'not of it']);
      expect(await chat.history(room)).toEqual(['before', 'not of it']);
      ann.write(say('t', room, '3') + commit('t', { receipt: 'c' }));
      await ann.receipt('c');
      const heard = await bob.messages(3);
      expect(contents(heard)).toEqual(['1', '2', '3']);
      expect(heard.map((frame) => bodyOf(frame).seq)).toEqual([head + 3, head + 4, head + 5]);
      expect(await chat.history(room)).toEqual(['before', 'not of it', '1', '2', '3']);
    });

    test.each(['1.0', '1.1', '1.2'])('T03 T04 in %s too, and ABORT drops them', async (version) => {
      const room = await chat.newRoom('bob', 'ann');
      const ann = await chat.connect('ann', { 'accept-version': version });
      ann.write(begin('t') + say('t', room, 'kept') + commit('t', { receipt: 'c' }));
      await ann.receipt('c');
      ann.write(begin('t') + say('t', room, 'dropped') + abort('t', { receipt: 'a' }));
      await ann.receipt('a');
      ann.say(room, 'after', 'r');
      await ann.receipt('r');
      expect(await chat.history(room)).toEqual(['kept', 'after']);
    });

    test('T03 in several rooms at once, each in order', async () => {
      const rooms = [await chat.newRoom('bob', 'ann'), await chat.newRoom('bob', 'ann')] as const;
      const [ann, bob] = [await chat.connect('ann'), await chat.connect('bob')];
      for (const room of rooms) await bob.subscribe(room, room);
      const frames = Array.from({ length: 20 }, (_, n) => say('t', rooms[n % 2] ?? '', `${n}`));
      ann.write(begin('t') + frames.join('') + commit('t', { receipt: 'c' }));
      await ann.receipt('c');
      const heard = await bob.messages(20);
      for (const [index, room] of rooms.entries()) {
        const of = heard.filter((frame) => frame.headers.get('subscription') === room);
        expect(contents(of)).toEqual(Array.from({ length: 10 }, (_, n) => `${2 * n + index}`));
        expect(await chat.history(room)).toEqual(contents(of));
      }
    });

    test('T03 in the order of the COMMITs, whatever the order of the BEGINs and the SENDs', async () => {
      const room = await chat.newRoom('bob', 'ann');
      const ann = await chat.connect('ann');
      ann.write(
        [
          begin('1'),
          begin('2'),
          begin('3'),
          say('1', room, '1a'),
          say('2', room, '2a'),
          say('3', room, '3a'),
          say('1', room, '1b'),
          say('2', room, '2b'),
          commit('2'),
          sendText(room, 'between'),
          commit('1'),
          abort('3'),
          sendText(room, 'last', 'r'),
        ].join(''),
      );
      await ann.receipt('r');
      expect(await chat.history(room)).toEqual(['2a', '2b', 'between', '1a', '1b', 'last']);
    });

    test('T03 an empty one may be committed and aborted', async () => {
      const ann = await chat.connect('ann');
      ann.write(begin('t') + commit('t', { receipt: 'c' }) + begin('t') + abort('t', { receipt: 'a' }));
      await ann.receipt('c');
      await ann.receipt('a');
    });

    test('T03 a SEND straight to a topic is passed on at COMMIT, and at ABORT not at all', async () => {
      const [ann, bob] = [await chat.connect('ann'), await chat.connect('bob')];
      bob.send('SUBSCRIBE', { destination: '/topic/test/relay', id: '0', receipt: 's' });
      await bob.receipt('s');
      const relay = (transaction: string, body: string) =>
        frameText('SEND', { destination: '/topic/test/relay', transaction }, body);
      ann.write(begin('a') + begin('b') + relay('a', 'a1') + relay('b', 'b1') + relay('a', 'a2'));
      await alive(ann);
      bob.say(roomId, 'round trip', 'r');
      await bob.receipt('r');
      expect(bob.frames).toEqual([]);
      ann.write(abort('b') + commit('a', { receipt: 'c' }));
      await ann.receipt('c');
      const heard = await bob.messages(2);
      expect(heard.map(({ body }) => Buffer.from(body).toString())).toEqual(['a1', 'a2']);
      bob.say(roomId, 'round trip', 'r');
      await bob.receipt('r');
      expect(bob.frames).toEqual([]);
    });

    test('T03 T04 ACK and NACK free places at COMMIT, and at ABORT none', async () => {
      for (const command of ['ACK', 'NACK'] as const) {
        const room = await chat.newRoom('bob', 'ann');
        const [ann, bob] = [await chat.connect('ann'), await chat.connect('bob')];
        await subscribe(ann, room, 'w', { ack: 'client-individual', prefetch: '2' });
        for (let n = 1; n <= 6; n++) bob.say(room, `${n}`, `${n}`);
        for (let n = 1; n <= 6; n++) await bob.receipt(`${n}`);
        const heard = await ann.messages(2);
        const before = chat.nacked.messages;
        const settle = (transaction: string, index: number, receipt: string) =>
          frameText(command, { id: heard[index]?.headers.get('ack') ?? '', transaction, receipt });
        ann.write(begin('a') + settle('a', 0, '1') + settle('a', 1, '2') + abort('a'));
        for (const receipt of ['1', '2']) expect(headersOf(await ann.receipt(receipt)).seq).toBe(undefined);
        await alive(ann);
        expect(ann.frames).toEqual([]);
        ann.write(begin('c') + settle('c', 0, '1') + settle('c', 1, '2'));
        for (const receipt of ['1', '2']) await ann.receipt(receipt);
        await alive(ann);
        expect(ann.frames).toEqual([]);
        expect(chat.nacked.messages).toBe(before);
        ann.write(commit('c', { receipt: 'c' }));
        await ann.receipt('c');
        expect(contents(await ann.messages(2))).toEqual(['3', '4']);
        expect(chat.nacked.messages - before).toBe(command === 'NACK' ? 2 : 0);
      }
    });

    test.each(['1.0', '1.1'])('T03 an ACK in a transaction of %s', async (version) => {
      const room = await chat.newRoom('bob', 'ann');
      const [ann, bob] = [
        await chat.connect('ann', { 'accept-version': version }),
        await chat.connect('bob'),
      ];
      await subscribe(ann, room, 'w', { ack: 'client', prefetch: '1' });
      bob.say(room, '1');
      bob.say(room, '2', 'b');
      await bob.receipt('b');
      const [message] = await ann.messages(1);
      ann.send('BEGIN', { transaction: 't' });
      ann.send('ACK', {
        'message-id': message?.headers.get('message-id') ?? '',
        subscription: 'w',
        transaction: 't',
        receipt: 'a',
      });
      await ann.receipt('a');
      await alive(ann);
      expect(ann.frames).toEqual([]);
      ann.send('COMMIT', { transaction: 't' });
      expect(contents(await ann.messages(1))).toEqual(['2']);
    });

    test.each([
      ['twice in the transaction', ['in', 'in']],
      ['in the transaction and outside of it', ['in', 'out']],
      ['in two transactions', ['in', 'other']],
    ])('A01 T06 a message acknowledged %s is refused, at COMMIT at the latest', async (_what, where) => {
      const room = await chat.newRoom('bob', 'ann');
      const [ann, bob] = [await chat.connect('ann'), await chat.connect('bob')];
      await subscribe(ann, room, 'w', { ack: 'client', prefetch: '5' });
      bob.say(room, '1', 'b');
      await bob.receipt('b');
      const id = (await ann.messages(1))[0]?.headers.get('ack') ?? '';
      const places: Record<string, Headers> = {
        in: { transaction: 'in' },
        out: {},
        other: { transaction: 'other' },
      };
      ann.write(begin('in') + begin('other') + say('in', room, 'with a doubled ACK'));
      for (const place of where) ann.send('ACK', { id, ...places[place] });
      ann.write(commit('other') + commit('in'));
      expect(await ann.refusal()).toMatchObject({ code: 'unknown-ack', close: 1002 });
      expect(await chat.history(room)).toEqual(['1']);
    });

    test.each(['ACK', 'NACK'] as const)(
      'A01 T04 after ABORT a message may be acknowledged again, by %s, in a transaction and without',
      async (command) => {
        const room = await chat.newRoom('bob', 'ann');
        const [ann, bob] = [await chat.connect('ann'), await chat.connect('bob')];
        await subscribe(ann, room, 'w', { ack: 'client', prefetch: '2' });
        for (let n = 1; n <= 6; n++) bob.say(room, `${n}`, `${n}`);
        for (let n = 1; n <= 6; n++) await bob.receipt(`${n}`);
        const ids = (await ann.messages(2)).map(({ headers }) => headers.get('ack') ?? '');
        const [first = '', second = ''] = ids;
        ann.write(begin('t') + frameText(command, { id: second, transaction: 't' }) + abort('t'));
        ann.write(begin('t') + frameText(command, { id: first, transaction: 't' }) + commit('t'));
        expect(contents(await ann.messages(1))).toEqual(['3']);
        ann.send(command, { id: second });
        expect(contents(await ann.messages(1))).toEqual(['4']);
      },
    );

    test('A04 in mode client one acknowledgement of a transaction covers what came before its message, and no more', async () => {
      const room = await chat.newRoom('bob', 'ann');
      const [ann, bob] = [await chat.connect('ann'), await chat.connect('bob')];
      await subscribe(ann, room, 'w', { ack: 'client', prefetch: '4' });
      for (let n = 1; n <= 8; n++) bob.say(room, `${n}`);
      const ids = (await ann.messages(4)).map(({ headers }) => headers.get('ack') ?? '');
      const settle = (n: number, headers: Headers) => frameText('ACK', { id: ids[n - 1] ?? '', ...headers });
      ann.write(begin('t') + settle(2, { transaction: 't' }) + settle(3, {}));
      expect(contents(await ann.messages(3))).toEqual(['5', '6', '7']);
      ann.write(commit('t', { receipt: 'c' }));
      await ann.receipt('c');
      expect(ann.frames).toEqual([]);
      ann.write(begin('u') + settle(4, { transaction: 'u' }) + settle(3, { transaction: 'u' }));
      expect(await ann.refusal()).toMatchObject({ code: 'unknown-ack', close: 1002 });
    });
  });

  describe('leave nothing behind', () => {
    test('T04 ABORT drops what was sent, and its id is free', async () => {
      const room = await chat.newRoom('bob', 'ann');
      const ann = await chat.connect('ann');
      for (let n = 0; n < 50; n++) {
        ann.write(begin('t') + say('t', room, `${n}`) + abort('t', { receipt: 'a' }));
        await ann.receipt('a');
      }
      ann.write(begin('t') + say('t', room, 'kept') + commit('t', { receipt: 'c' }));
      await ann.receipt('c');
      expect(await chat.history(room)).toEqual(['kept']);
    });

    test.each([
      ['DISCONNECT', (ann: RawClient) => ann.send('DISCONNECT', { receipt: 'bye' })],
      ['the Close of the WebSocket', (ann: RawClient) => ann.webSocket.close(1000)],
      ['the loss of the connection', (ann: RawClient) => ann.terminate()],
      ['an ERROR', (ann: RawClient) => ann.send('UNSUBSCRIBE', { id: 'none' })],
      ['a COMMIT after DISCONNECT', (ann: RawClient) => ann.write(frameText('DISCONNECT', {}) + commit('t'))],
      ['a COMMIT behind an ERROR', (ann: RawClient) => ann.write(commit('none') + commit('t'))],
      ['an ERROR of a SEND in it', (ann: RawClient) => ann.write(say('t', 'x', '') + commit('t'))],
    ])('T05 with %s open ones are aborted', async (_end, end) => {
      const room = await chat.newRoom('bob', 'ann');
      const ann = await chat.connect('ann');
      ann.write(begin('t') + say('t', room, 'lost', { receipt: 'r' }));
      await ann.receipt('r');
      end(ann);
      await ann.closed;
      await chat.empty();
      while (chat.store.pending > 0) await new Promise((resolve) => setImmediate(resolve));
      const again = await chat.connect('ann');
      again.send('COMMIT', { transaction: 't', receipt: 'c' });
      expect((await again.refusal()).code).toBe('unknown-transaction');
      expect(await chat.history(room)).toEqual([]);
    });

    test('T03 T05 wherever the connection breaks, either all of a transaction is in the log or nothing, in 300 rounds', async () => {
      const rooms = [await chat.newRoom('bob', 'ann'), await chat.newRoom('bob', 'ann')] as const;
      const complete: string[] = [];
      const receipted: string[] = [];
      for (let round = 0; round < 300; round++) {
        const ann = await chat.connect('ann');
        const names = Array.from({ length: 1 + (round % 7) }, (_, n) => `${round}-${n}`);
        complete.push(names.join(' '));
        const frames = names.map((name, n) => say('t', rooms[n % 2] ?? '', name));
        const octets = begin('t') + frames.join('') + commit('t', { receipt: 'c' });
        const cut = Math.floor(Math.random() * (octets.length + 1));
        ann.write(octets.slice(0, cut));
        const committed = ann.receipt('c').then(
          () => receipted.push(names.join(' ')),
          () => undefined,
        );
        if (round % 3 === 0) ann.write(octets.slice(cut));
        for (let turns = Math.random() * 40; turns > 0; turns--) {
          await new Promise((resolve) => setImmediate(resolve));
        }
        ann.terminate();
        await committed;
      }
      await chat.empty();
      // What was committed by a session that is gone may still be on its way to the disk.
      while (chat.store.pending > 0) await new Promise((resolve) => setImmediate(resolve));
      const [even, odd] = await Promise.all(rooms.map((room) => chat.history(room)));
      const stored: string[] = [];
      for (const names of complete) {
        const all = names.split(' ');
        const found = all.filter((name, n) => (n % 2 === 0 ? even : odd)?.includes(name) === true);
        if (found.length > 0) stored.push(found.join(' '));
      }
      for (const names of stored) expect(complete).toContain(names);
      expect(stored).toEqual(expect.arrayContaining(receipted));
      expect(even).toEqual(complete.flatMap((names) => (stored.includes(names) ? every(names, 0) : [])));
      expect(odd).toEqual(complete.flatMap((names) => (stored.includes(names) ? every(names, 1) : [])));
      expect(stored.length).toBeGreaterThan(0);
      expect(stored.length).toBeLessThan(complete.length);
    });

    test('T03 transactions of two sessions and plain SENDs raced: each is one piece of the log, in its own order', async () => {
      const room = await chat.newRoom('bob', 'ann');
      const clients = [await chat.connect('ann'), await chat.connect('ann'), await chat.connect('bob')];
      const reader = await chat.connect('bob');
      await reader.subscribe(room, '0');
      const ROUNDS = 60;
      for (let round = 0; round < ROUNDS; round++) {
        for (const [who, client] of clients.entries()) {
          const pieces = [
            begin('t'),
            ...Array.from({ length: 4 }, (_, n) => say('t', room, `${who} ${round} ${n}`)),
            sendText(room, `plain ${who} ${round}`),
            commit('t', { receipt: `${round}` }),
          ];
          if (round % 2 === 0) client.write(pieces.join(''));
          else for (const piece of pieces) client.write(piece);
        }
        if (round % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      for (let round = 0; round < ROUNDS; round++) {
        for (const client of clients) await client.receipt(`${round}`);
      }
      const log = await chat.history(room);
      expect(log.length).toBe(ROUNDS * clients.length * 5);
      expect(contents(await reader.messages(log.length))).toEqual(log);
      for (const [who] of clients.entries()) {
        const own = log.filter(
          (content) => content.split(' ')[content.startsWith('plain') ? 1 : 0] === `${who}`,
        );
        expect(own).toEqual(
          Array.from({ length: ROUNDS }, (_, round) => [
            `plain ${who} ${round}`,
            ...Array.from({ length: 4 }, (_, n) => `${who} ${round} ${n}`),
          ]).flat(),
        );
      }
      for (const [at, content] of log.entries()) {
        if (!content.endsWith(' 0') || content.startsWith('plain')) continue;
        const first = content.slice(0, -2);
        expect(log.slice(at, at + 4)).toEqual([0, 1, 2, 3].map((n) => `${first} ${n}`));
      }
    });

    test('AZ06 T03 one that is raced by a removal from one of its rooms is whole or nothing, 100 times', async () => {
      const mine = await chat.newRoom('bob', 'carl');
      const outcomes = new Set<string>();
      for (let round = 0; round < 100; round++) {
        const theirs = await chat.newRoom('bob', 'carl');
        const carl = await chat.connect('carl');
        await hearErrors(carl);
        const sends =
          say('t', mine, `${round} a`) + say('t', theirs, `${round} b`) + say('t', mine, `${round} c`);
        const remove = () => chat.call('bob', 'DELETE', `/api/rooms/${theirs}/members/carl`);
        // The first two are no race: both outcomes are seen for sure.
        if (round === 0) await remove();
        const removal = round > 1 ? remove() : null;
        for (let turns = Math.random() * 12; turns > 0; turns--) {
          await new Promise((resolve) => setImmediate(resolve));
        }
        carl.write(begin('t') + sends + commit('t', { receipt: 'c' }));
        const answer = await carl.next();
        await removal;
        const isDone = answer.command === 'RECEIPT';
        if (!isDone) expect(bodyOf(answer)).toMatchObject({ code: 'not-a-member', receiptId: 'c' });
        const stored = (await chat.history(mine)).filter((content) => content.startsWith(`${round} `));
        expect(stored).toEqual(isDone ? [`${round} a`, `${round} c`] : []);
        expect(await chat.history(theirs)).toEqual(isDone ? [`${round} b`] : []);
        outcomes.add(answer.command);
        carl.terminate();
      }
      expect(outcomes.size).toBe(2);
    });
  });

  describe('are refused', () => {
    test.each(['BEGIN', 'COMMIT', 'ABORT'] as const)('T01 %s needs a transaction header', async (command) => {
      for (const version of ['1.0', '1.1', '1.2']) {
        const client = await chat.connect('ann', { 'accept-version': version });
        client.send(command, { receipt: 'r' });
        const refusal = await client.refusal();
        expect(refusal).toMatchObject({ code: 'missing-header', close: 1002 });
        expect(refusal.error.headers.get('receipt-id')).toBe('r');
      }
    });

    test('T02 BEGIN of one that is open is refused; after its end the id may be used again', async () => {
      const client = await chat.connect('ann');
      client.write(begin('t') + commit('t') + begin('t') + abort('t') + begin('t', { receipt: '1' }));
      await client.receipt('1');
      client.write(begin('t', { receipt: '2' }));
      const refusal = await client.refusal();
      expect(refusal).toMatchObject({ code: 'duplicate-transaction', close: 1002 });
      expect(refusal.error.headers.get('receipt-id')).toBe('2');
    });

    test("T02 another session's id is no obstacle, nor can its transaction be committed", async () => {
      const room = await chat.newRoom('bob', 'ann');
      const [one, two] = [await chat.connect('ann'), await chat.connect('ann')];
      one.write(begin('t') + say('t', room, 'one', { receipt: 'r' }));
      await one.receipt('r');
      two.write(begin('t') + say('t', room, 'two') + commit('t', { receipt: 'c' }));
      await two.receipt('c');
      expect(await chat.history(room)).toEqual(['two']);
      two.write(commit('t'));
      expect((await two.refusal()).code).toBe('unknown-transaction');
      one.write(commit('t', { receipt: 'c' }));
      await one.receipt('c');
      expect(await chat.history(room)).toEqual(['two', 'one']);
    });

    test.each(['SEND', 'ACK', 'NACK', 'COMMIT', 'ABORT'] as const)(
      'T06 %s of a transaction that is not open is refused, also after COMMIT and ABORT',
      async (command) => {
        const room = await chat.newRoom('bob', 'ann');
        for (const before of ['', begin('t') + commit('t'), begin('t') + abort('t'), begin('T')]) {
          const client = await chat.connect('ann');
          await subscribe(client, room, 'w', { ack: 'client' });
          client.say(room, 'to acknowledge');
          const id = (await client.messages(1))[0]?.headers.get('ack') ?? '';
          const headers = command === 'SEND' ? { destination: SEND } : { id };
          const body = command === 'SEND' ? JSON.stringify({ roomId: room, content: 'nowhere' }) : '';
          client.write(before + frameText(command, { ...headers, transaction: 't', receipt: 'r' }, body));
          const refusal = await client.refusal();
          expect(refusal).toMatchObject({ code: 'unknown-transaction', close: 1002 });
          expect(refusal.error.headers.get('receipt-id')).toBe('r');
        }
        expect(await chat.history(room)).not.toContain('nowhere');
      },
    );

    test.each([
      ['to a broker destination', { destination: '/topic/x' }, { content: 'x' }, 'access-denied', 1008],
      ['to an unknown one', { destination: '/pub/unknown' }, { content: 'x' }, 'unknown-destination', 1008],
      ['without a destination', { destination: '' }, { content: 'x' }, 'access-denied', 1008],
      [
        'of another type',
        { 'content-type': 'text/plain' },
        { content: 'x' },
        'unsupported-content-type',
        1003,
      ],
      ['without content', {}, { content: '' }, 'invalid-body', 1008],
      ['with a sender', {}, { content: 'x', senderId: 'bob' }, 'invalid-body', 1008],
    ])('T07 a SEND %s is refused when it comes, not at COMMIT', async (_what, headers, body, code, close) => {
      const client = await chat.connect('ann');
      client.write(begin('t', { receipt: 'b' }));
      client.send(
        'SEND',
        { destination: SEND, ...headers, transaction: 't', receipt: 'r' },
        JSON.stringify({ roomId, ...body }),
      );
      await client.receipt('b');
      const refusal = await client.refusal();
      expect(refusal).toMatchObject({ code, close });
      expect(refusal.error.headers.get('receipt-id')).toBe('r');
    });

    test('R09 T07 one with a room of others is refused at COMMIT, whole', async () => {
      const [room, others] = [await chat.newRoom('bob', 'ann'), await chat.newRoom('bob')];
      const client = await chat.connect('ann');
      client.write(begin('t') + say('t', room, 'mine', { receipt: '1' }));
      client.write(say('t', others, 'theirs', { receipt: '2' }) + commit('t', { receipt: '3' }));
      await client.receipt('1');
      await client.receipt('2');
      const refusal = await client.refusal();
      expect(refusal).toMatchObject({ code: 'not-a-member', close: 1008 });
      expect(refusal.error.headers.get('receipt-id')).toBe('3');
      expect([...(await chat.history(room)), ...(await chat.history(others))]).toEqual([]);
    });

    test('T03 of one that is refused at COMMIT no ACK has taken effect, and its id is free', async () => {
      const room = await chat.newRoom('bob', 'ann');
      const [ann, bob] = [await chat.connect('ann'), await chat.connect('bob')];
      await hearErrors(ann);
      await subscribe(ann, room, 'w', { ack: 'client', prefetch: '1' });
      bob.say(room, '1');
      bob.say(room, '2', 'b');
      await bob.receipt('b');
      const id = (await ann.messages(1))[0]?.headers.get('ack') ?? '';
      for (const bad of [
        say('t', 'no-such-room', 'x'),
        frameText('SEND', { destination: '/pub/test/refuse', transaction: 't' }),
        say('t', room, ''),
      ]) {
        ann.write(begin('t') + frameText('ACK', { id, transaction: 't' }) + say('t', room, 'x') + bad);
        ann.write(commit('t', { receipt: 'c' }));
        for (;;) {
          const refusal = bodyOf(await ann.expect('MESSAGE'));
          if (refusal.receiptId === 'c') break;
          expect(refusal.code).toBe('invalid-body');
        }
        await alive(ann);
        expect(ann.frames).toEqual([]);
      }
      expect(await chat.history(room)).toEqual(['1', '2']);
      ann.send('ACK', { id });
      expect(contents(await ann.messages(1))).toEqual(['2']);
    });

    test.each([
      ['access-denied', { destination: '/topic/x' }, {}],
      ['unknown-destination', { destination: '/pub/unknown' }, {}],
      ['unsupported-content-type', { 'content-type': 'text/plain' }, {}],
      ['invalid-body', {}, { content: '' }],
    ])(
      'T07 a SEND refused softly with %s spoils its transaction, and no other',
      async (code, headers, body) => {
        const room = await chat.newRoom('bob', 'ann');
        const ann = await chat.connect('ann');
        await hearErrors(ann);
        ann.write(begin('good') + begin('bad') + say('good', room, 'good') + say('bad', room, '1'));
        ann.send(
          'SEND',
          { destination: SEND, ...headers, transaction: 'bad', receipt: 'r' },
          JSON.stringify({ roomId: room, content: 'x', ...body }),
        );
        ann.write(say('bad', room, '2', { receipt: '2' }));
        ann.write(commit('bad', { receipt: 'c' }) + commit('good', { receipt: 'g' }));
        expect(bodyOf(await ann.expect('MESSAGE'))).toMatchObject({ code, receiptId: 'r' });
        await ann.receipt('2');
        expect(bodyOf(await ann.expect('MESSAGE'))).toMatchObject({
          code: 'transaction-failed',
          receiptId: 'c',
        });
        await ann.receipt('g');
        expect(await chat.history(room)).toEqual(['good']);
        ann.write(begin('bad') + say('bad', room, 'again') + commit('bad', { receipt: 'c' }));
        await ann.receipt('c');
        expect(await chat.history(room)).toEqual(['good', 'again']);
      },
    );

    test('T04 a spoiled one may be aborted', async () => {
      const ann = await chat.connect('ann');
      await hearErrors(ann);
      ann.write(begin('t') + say('t', roomId, '') + abort('t', { receipt: 'a' }));
      expect(bodyOf(await ann.expect('MESSAGE'))).toMatchObject({ code: 'invalid-body' });
      await ann.receipt('a');
    });

    test('T06 a COMMIT refused softly has ended its transaction', async () => {
      const ann = await chat.connect('ann');
      await hearErrors(ann);
      ann.write(begin('t') + say('t', 'no-such-room', 'x') + commit('t', { receipt: 'c' }));
      expect(bodyOf(await ann.expect('MESSAGE'))).toMatchObject({ code: 'room-not-found', receiptId: 'c' });
      ann.write(commit('t'));
      expect(await ann.refusal()).toMatchObject({ code: 'unknown-transaction', close: 1002 });
    });
  });

  describe('are answered', () => {
    test('R01 R02 each frame of one may ask for a receipt: a SEND when it is accepted, without a seq; COMMIT when all is durable', async () => {
      const room = await chat.newRoom('bob', 'ann');
      const [ann, bob] = [await chat.connect('ann'), await chat.connect('bob')];
      await subscribe(ann, room, 'w', { ack: 'client-individual' });
      bob.say(room, '1');
      bob.say(room, '2');
      const acks = (await ann.messages(2)).map(({ headers }) => headers.get('ack') ?? '');
      ann.write(
        [
          begin('t', { receipt: 'begin' }),
          say('t', room, 'in', { receipt: 'send' }),
          frameText('ACK', { id: acks[0] ?? '', transaction: 't', receipt: 'ack' }),
          frameText('NACK', { id: acks[1] ?? '', transaction: 't', receipt: 'nack' }),
        ].join(''),
      );
      for (const id of ['begin', 'send', 'ack', 'nack']) {
        expect(headersOf(await ann.receipt(id))).toEqual({ 'receipt-id': id });
      }
      expect(await chat.history(room)).toEqual(['1', '2']);
      ann.write(commit('t', { receipt: 'commit' }));
      await ann.receipt('commit');
      const { messages } = await chat.store.listMessages(room, 'ann', {}, 10);
      expect(messages.map(({ content }) => content)).toEqual(['1', '2', 'in']);
      ann.write(begin('t') + abort('t', { receipt: 'abort' }));
      expect(headersOf(await ann.receipt('abort'))).toEqual({ 'receipt-id': 'abort' });
    });

    test('R02 at the moment of the RECEIPT of COMMIT all is in the history, 100 times', async () => {
      const room = await chat.newRoom('bob', 'ann');
      const ann = await chat.connect('ann');
      for (let n = 1; n <= 100; n++) {
        ann.write(
          begin('t') + say('t', room, `${n}a`) + say('t', room, `${n}b`) + commit('t', { receipt: 'c' }),
        );
        await ann.receipt('c');
        expect((await chat.history(room)).slice(-2)).toEqual([`${n}a`, `${n}b`]);
      }
    });

    test('R02 when the database is gone COMMIT has no RECEIPT but an ERROR', async () => {
      const broken = await openChat();
      const room = await broken.newRoom('ann');
      const client = await broken.connect('ann');
      client.write(begin('t') + say('t', room, 'lost', { receipt: 'r' }));
      await client.receipt('r');
      await broken.store.close();
      client.write(commit('t', { receipt: 'c' }));
      const refusal = await client.refusal();
      expect([1011, 1012, 1013]).toContain(refusal.close);
      expect(refusal.error.headers.get('receipt-id')).toBe('c');
      await broken.close();
    });

    test('R03 the receipts of transactions and of what is between them leave in the order of the frames', async () => {
      const room = await chat.newRoom('bob', 'ann');
      const ann = await chat.connect('ann');
      const frames: string[] = [];
      let asked = 0;
      const receipt = () => ({ receipt: `${asked++}` });
      for (let n = 0; n < 40; n++) {
        frames.push(begin('a', receipt()), say('a', room, 'a', receipt()), sendText(room, 'x', `${asked++}`));
        frames.push(begin('b', receipt()), say('b', room, 'b', receipt()), commit('a', receipt()));
        frames.push(
          say('b', room, 'b', receipt()),
          sendText(room, 'y', `${asked++}`),
          commit('b', receipt()),
        );
        frames.push(begin('c', receipt()), say('c', room, 'c', receipt()), abort('c', receipt()));
      }
      ann.write(frames.join(''));
      for (let n = 0; n < asked; n++) await ann.receipt(`${n}`);
      expect(await chat.history(room)).toEqual(
        Array.from({ length: 40 }, () => ['x', 'a', 'y', 'b', 'b']).flat(),
      );
    });

    test('TR05 the same clientMessageId, in the log already or twice in one transaction, is stored and heard once', async () => {
      const room = await chat.newRoom('bob', 'ann');
      const [ann, bob] = [await chat.connect('ann'), await chat.connect('bob')];
      await bob.subscribe(room, '0');
      const once = (content: string, clientMessageId: string, headers: Headers) =>
        frameText(
          'SEND',
          { destination: SEND, ...headers },
          JSON.stringify({ roomId: room, content, clientMessageId }),
        );
      ann.write(once('first', 'c1', {}));
      for (let n = 0; n < 2; n++) {
        ann.write(begin('t') + once('repeated', 'c1', { transaction: 't' }));
        ann.write(once('second', 'c2', { transaction: 't' }) + once('twice', 'c2', { transaction: 't' }));
        ann.write(once('third', 'c3', { transaction: 't' }) + commit('t', { receipt: 'c' }));
        await ann.receipt('c');
      }
      expect(await chat.history(room)).toEqual(['first', 'second', 'third']);
      ann.say(room, 'last');
      expect(contents(await bob.messages(4))).toEqual(['first', 'second', 'third', 'last']);
    });
  });

  describe('have limits', () => {
    let small: Chat;
    let room: string;
    beforeAll(async () => {
      small = await openChat({ limits: { transactions: 3, transactionFrames: 5, transactionOctets: 1_000 } });
      room = await small.newRoom('ann', 'bob');
    });
    afterEach(() => small.hangUp());
    afterAll(() => small.close());

    /** A SEND whose body has exactly so many octets. */
    const sized = (transaction: string, octets: number, headers: Headers = {}) => {
      const empty = JSON.stringify({ roomId: room, content: '' }).length;
      return say(transaction, room, 'x'.repeat(octets - empty), headers);
    };

    test('T07 L04 as many may be open as the limit says, and not one more, whatever is subscribed', async () => {
      for (const soft of [false, true]) {
        const client = await small.connect('ann');
        if (soft) await hearErrors(client);
        client.write(begin('1') + begin('2') + begin('3', { receipt: '3' }));
        await client.receipt('3');
        client.write(abort('1') + begin('4', { receipt: '4' }) + commit('2') + begin('5', { receipt: '5' }));
        await client.receipt('4');
        await client.receipt('5');
        client.write(begin('6', { receipt: '6' }));
        const refusal = await client.refusal();
        expect(refusal).toMatchObject({ code: 'too-many-transactions', close: 1008 });
        expect(refusal.error.headers.get('receipt-id')).toBe('6');
      }
    });

    test('T07 L04 one may have as many frames as the limit says, and not one more', async () => {
      const client = await small.connect('ann');
      const five = Array.from({ length: 5 }, (_, n) => say('t', room, `five ${n}`)).join('');
      client.write(begin('t') + five + commit('t', { receipt: 'c' }));
      await client.receipt('c');
      client.write(begin('t') + five + say('t', room, 'six', { receipt: 's' }) + commit('t'));
      const refusal = await client.refusal();
      expect(refusal).toMatchObject({ code: 'transaction-too-large', close: 1009 });
      expect(refusal.error.headers.get('receipt-id')).toBe('s');
      expect((await small.history(room)).filter((content) => /^(five|six)/.test(content)).length).toBe(5);
    });

    test('T07 L04 acknowledgements count as frames', async () => {
      const client = await small.connect('ann');
      await subscribe(client, room, 'w', { ack: 'client-individual' });
      for (let n = 0; n < 6; n++) client.say(room, `${n}`);
      const acks = (await client.messages(6)).map(({ headers }) => headers.get('ack') ?? '');
      client.write(begin('t', { receipt: 'b' }));
      for (const id of acks) client.send('ACK', { id, transaction: 't', receipt: id });
      await client.receipt('b');
      for (const id of acks.slice(0, 5)) await client.receipt(id);
      expect(await client.refusal()).toMatchObject({ code: 'transaction-too-large', close: 1009 });
    });

    test('T07 L04 the bodies of all open ones together may be as large as the limit, and no octet larger', async () => {
      const client = await small.connect('ann');
      client.write(begin('1') + begin('2') + sized('1', 600) + sized('2', 400, { receipt: 'r' }));
      await client.receipt('r');
      client.write(commit('1') + sized('2', 600, { receipt: 'r2' }) + abort('2', { receipt: 'a' }));
      await client.receipt('r2');
      await client.receipt('a');
      client.write(begin('3') + sized('3', 999, { receipt: 'r3' }));
      await client.receipt('r3');
      client.write(sized('3', 100, { receipt: 'past' }));
      const refusal = await client.refusal();
      expect(refusal).toMatchObject({ code: 'transaction-too-large', close: 1009 });
      expect(refusal.error.headers.get('receipt-id')).toBe('past');
    });

    test('T07 L04 with its errors subscribed to the session goes on, and COMMIT is refused', async () => {
      const client = await small.connect('ann');
      await hearErrors(client);
      client.write(begin('t') + sized('t', 500) + sized('t', 501, { receipt: 's' }));
      expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({
        code: 'transaction-too-large',
        receiptId: 's',
      });
      client.write(commit('t', { receipt: 'c' }));
      expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({
        code: 'transaction-failed',
        receiptId: 'c',
      });
      client.write(begin('t') + sized('t', 1_000) + commit('t', { receipt: 'c' }));
      await client.receipt('c');
    });
  });

  test.each([
    ['transactions', 16],
    ['frames', 100],
  ])('T07 L04 L06 of %s there may be %i by default', async (what, limit) => {
    const room = await chat.newRoom('bob', 'ann');
    const client = await chat.connect('ann');
    if (what === 'frames') client.write(begin('t'));
    for (let n = 1; n <= limit; n++) {
      client.write(
        what === 'frames' ? say('t', room, `${n}`, { receipt: `${n}` }) : begin(`${n}`, { receipt: `${n}` }),
      );
      await client.receipt(`${n}`);
    }
    client.write(what === 'frames' ? say('t', room, 'past') : begin('past'));
    expect((await client.refusal()).code).toBe(
      what === 'frames' ? 'transaction-too-large' : 'too-many-transactions',
    );
  });

  test('T08 docs/protocol.md says that transactions are offered, what is in them, and their limits', async () => {
    const file = new URL('../../../../docs/protocol.md', import.meta.url);
    const sections = (await readFile(file, 'utf8')).split(/^## /m);
    const section = sections.find((text) => /^.*transaction/i.test(text)) ?? '';
    for (const word of ['BEGIN', 'COMMIT', 'ABORT', 'SEND', 'ACK', 'NACK', 'transaction-failed']) {
      expect(section).toContain(word);
    }
    for (const limit of ['transactions', 'transactionFrames', 'transactionOctets']) {
      expect(section).toContain(`chat.${limit}`);
    }
    expect(sections.join('')).not.toMatch(/not offered.*(ACK|transactions)/i);
  });
});

/** Every other name, from the `first`th on. */
function every(names: string, first: number): string[] {
  return names.split(' ').filter((_, n) => n % 2 === first);
}
