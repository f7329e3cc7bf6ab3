// `/user/queue/errors` over a real socket: which refusals come there, in which order, and that a refusal always comes.
import { ERRORS, type ErrorCode, isErrorCode, MaruError } from '@maru/contract';
import type { ClientCommand } from '@maru/stomp';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { mapDestination } from '../../src/handlers/application-handler.ts';
import { type Chat, openChat } from './chat-fixture.ts';
import { bodyOf, frameText, headersOf, type RawClient, type ServerFrame, sendText } from './raw-client.ts';

type Headers = Readonly<Record<string, string>>;

const SEND = '/pub/send/message';
const QUEUE = '/user/queue/errors';
const CODES = Object.keys(ERRORS) as ErrorCode[];
const isSoft = (code: ErrorCode) => new MaruError(code).soft;

/** Refuses with the code that the body names, at once or a little later. */
const refusing = mapDestination({
  destination: '/pub/test/refuse/{when}',
  handle: ({ body, parameters }) => {
    const code = Buffer.from(body).toString();
    const error = isErrorCode(code) ? new MaruError(code) : new TypeError(code);
    if (parameters.when === 'now') throw error;
    return new Promise((_resolve, reject) => setImmediate(reject, error));
  },
});

/** Refuses when the test says so; frames behind it don't wait. */
let later = Promise.withResolvers<void>();
const held = mapDestination({
  destination: '/pub/test/held',
  isConcurrent: true,
  handle: async () => {
    await later.promise;
    throw new MaruError('refused');
  },
});

describe('/user/queue/errors', () => {
  let chat: Chat;
  let roomId: string;
  let destination: string;
  beforeAll(async () => {
    chat = await openChat({ mappings: [refusing, held], limits: { subscriptions: 4, unacknowledged: 200 } });
    roomId = await chat.newRoom('ann', 'bob');
    destination = `/topic/chat/room/${roomId}`;
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  const subscribeText = (id: string, headers: Headers = {}) =>
    frameText('SUBSCRIBE', { destination: QUEUE, id, ...headers });
  /** A session of `user` that hears its errors. */
  const listening = async (user: string, headers: Headers = {}) => {
    const client = await chat.connect(user, headers);
    client.write(subscribeText('errors', { receipt: 'errors' }));
    await client.receipt('errors');
    return client;
  };
  const refuse = (code: string, when: 'now' | 'later', headers: Headers = {}) =>
    frameText('SEND', { destination: `/pub/test/refuse/${when}`, ...headers }, code);
  /** The session still does what it is asked. */
  const goesOn = async (client: RawClient) => {
    client.say(roomId, 'the session goes on', 'on');
    await client.receipt('on');
  };

  describe('a subscription to it', () => {
    test('is answered with a plain RECEIPT, is there for everyone with the role, and takes no ack mode but auto', async () => {
      const client = await chat.connect('ann');
      client.write(subscribeText('0', { receipt: 'r' }) + subscribeText('1', { ack: 'auto', receipt: 's' }));
      expect(headersOf(await client.receipt('r'))).toEqual({ 'receipt-id': 'r' });
      await client.receipt('s');
      for (const ack of ['client', 'client-individual']) {
        const other = await chat.connect('ann');
        other.write(subscribeText('0', { ack, receipt: 'r' }));
        const refusal = await other.refusal();
        expect(refusal).toMatchObject({ code: 'invalid-header', close: 1002 });
        expect(refusal.error.headers.get('receipt-id')).toBe('r');
      }
    });

    test('is refused to whoever lacks the role, with an ERROR', async () => {
      const client = await chat.open();
      await client.connect(await chat.sign({ sub: 'guest', roles: [] }));
      client.write(subscribeText('0', { receipt: 'r' }));
      expect(await client.refusal()).toMatchObject({ code: 'access-denied', close: 1008 });
    });

    test('counts as one of the subscriptions of a session, and its id as taken', async () => {
      const client = await listening('ann');
      for (const id of ['1', '2', '3']) await client.subscribe(roomId, id);
      client.write(subscribeText('4', { receipt: 'r' }));
      expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({
        code: 'too-many-subscriptions',
        destination: QUEUE,
        receiptId: 'r',
      });
      client.write(frameText('UNSUBSCRIBE', { id: '3' }) + subscribeText('errors'));
      expect(await client.refusal()).toMatchObject({ code: 'duplicate-subscription', close: 1002 });
    });
  });

  describe('a refusal there', () => {
    test('R09 is one MESSAGE in the place of the RECEIPT, and says what was refused', async () => {
      const client = await listening('ann');
      client.send(
        'SEND',
        { destination: SEND, receipt: 'r:1\n' },
        JSON.stringify({ roomId: 'none', content: 'x', clientMessageId: 'c-1' }),
      );
      const message = await client.expect('MESSAGE');
      expect(bodyOf(message)).toEqual({
        code: 'room-not-found',
        message: ERRORS['room-not-found'].message,
        destination: SEND,
        clientMessageId: 'c-1',
        receiptId: 'r:1\n',
      });
      const headers = headersOf(message);
      expect(headers).toEqual({
        subscription: 'errors',
        destination: QUEUE,
        'message-id': expect.stringMatching(/^[A-Za-z0-9_-]+$/),
        'content-type': 'application/json',
        'content-length': String(message.body.length),
      });
      await goesOn(client);
      expect(client.frames).toEqual([]);
    });

    test('has neither receiptId nor clientMessageId where the frame had none', async () => {
      const client = await listening('ann');
      client.say('none', 'x');
      expect(Object.keys(bodyOf(await client.expect('MESSAGE'))).sort()).toEqual([
        'code',
        'destination',
        'message',
      ]);
      client.send('SUBSCRIBE', { destination: '/topic/none', id: '0' });
      expect(bodyOf(await client.expect('MESSAGE'))).toEqual({
        code: 'unknown-destination',
        message: ERRORS['unknown-destination'].message,
        destination: '/topic/none',
      });
    });

    test.each(['1.0', '1.1', '1.2'])('comes in %s too', async (version) => {
      const client = await listening('ann', { 'accept-version': version });
      client.write(
        sendText('none', 'x', 'r') + frameText('SUBSCRIBE', { destination: '/topic/none', id: '0' }),
      );
      for (const receiptId of ['r', undefined]) {
        const message = await client.expect('MESSAGE');
        expect(message.headers.has('ack')).toBe(false);
        expect(bodyOf(message).receiptId).toBe(receiptId);
      }
      await goesOn(client);
    });

    test('in 1.0 comes without a subscription header to a subscription without an id', async () => {
      const client = await chat.connect('ann', { 'accept-version': '1.0' });
      client.send('SUBSCRIBE', { destination: QUEUE });
      client.say('none', 'x');
      const message = await client.expect('MESSAGE');
      expect(message.headers.has('subscription')).toBe(false);
      expect(message.headers.get('destination')).toBe(QUEUE);
      client.send('UNSUBSCRIBE', { destination: QUEUE });
      client.say('none', 'x');
      expect((await client.refusal()).code).toBe('room-not-found');
    });

    test('R03 comes in the order of the frames, among their receipts', async () => {
      const client = await listening('ann');
      const kinds = [
        (receipt: string) => sendText(roomId, receipt, receipt),
        (receipt: string) => sendText('none', receipt, receipt),
        (receipt: string) => refuse('refused', 'now', { receipt }),
        (receipt: string) => refuse('refused', 'later', { receipt }),
        (receipt: string) => frameText('SUBSCRIBE', { destination: '/topic/x', id: 'x', receipt }),
        (receipt: string) => frameText('BEGIN', { transaction: receipt, receipt }),
        (receipt: string) => frameText('ABORT', { transaction: `${Number(receipt) - 1}`, receipt }),
      ];
      const frames = Array.from({ length: 280 }, (_, n) => kinds[n % kinds.length]?.(`${n}`) ?? '');
      client.write(frames.join(''));
      for (const [n] of frames.entries()) {
        const frame = await client.next();
        const kind = n % kinds.length;
        const answered = kind === 0 || kind >= 5;
        expect(frame.command).toBe(answered ? 'RECEIPT' : 'MESSAGE');
        expect(answered ? frame.headers.get('receipt-id') : bodyOf(frame).receiptId).toBe(`${n}`);
      }
    });

    test('comes once to each subscription, with message-ids that no two refusals share', async () => {
      const client = await listening('ann');
      client.write(subscribeText('b') + subscribeText('c'));
      const heard: ServerFrame[] = [];
      for (let n = 0; n < 20; n++) {
        client.say('none', 'x', `${n}`);
        const copies = await client.messages(3);
        expect(copies.map(({ headers }) => headers.get('subscription')).sort()).toEqual(['b', 'c', 'errors']);
        expect(new Set(copies.map((copy) => JSON.stringify(bodyOf(copy)))).size).toBe(1);
        heard.push(...copies);
      }
      const ids = heard.map(({ headers }) => headers.get('message-id'));
      expect(new Set(ids).size).toBeGreaterThanOrEqual(20);
      client.write(frameText('UNSUBSCRIBE', { id: 'errors' }) + frameText('UNSUBSCRIBE', { id: 'c' }));
      client.say('none', 'x', 'last');
      expect(headersOf(await client.expect('MESSAGE'))).toMatchObject({ subscription: 'b' });
      await goesOn(client);
      expect(client.frames).toEqual([]);
    });

    test('AZ05 is heard by the session whose frame it was and by no other, not even of the same person', async () => {
      const [client, same, bob] = [await listening('ann'), await listening('ann'), await listening('bob')];
      client.say('none', 'x');
      await client.expect('MESSAGE');
      for (const other of [same, bob]) {
        await goesOn(other);
        expect(other.frames).toEqual([]);
      }
      const strict = await chat.connect('ann');
      strict.say('none', 'x');
      expect((await strict.refusal()).code).toBe('room-not-found');
    });

    test('leaves a refused SUBSCRIBE without its id: that may be used again', async () => {
      const client = await listening('ann');
      for (const target of ['/topic/x', '/topic/*', '/queue/x', '/topic/chat/room/none']) {
        client.send('SUBSCRIBE', { destination: target, id: '0' });
        await client.expect('MESSAGE');
      }
      await client.subscribe(roomId, '0');
      client.say(roomId, 'heard', 'r');
      await client.receipt('r');
      expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({ content: 'heard' });
      client.send('UNSUBSCRIBE', { id: 'refused' });
      expect((await client.refusal()).code).toBe('unknown-subscription');
    });

    test('tells no stack, no cause and no token of a handler that failed', async () => {
      const client = await listening('ann');
      for (const when of ['now', 'later'] as const) {
        client.write(refuse('SQLITE_ERROR: no such table: secret', when));
        const text = Buffer.from((await client.expect('MESSAGE')).body).toString();
        expect(JSON.parse(text)).toMatchObject({ code: 'internal', message: ERRORS.internal.message });
        expect(text).not.toMatch(/SQLITE|secret|\.ts|Bearer/);
      }
    });
  });

  describe('which codes are soft', () => {
    test.each(CODES.filter(isSoft))('%s: a SEND refused with it leaves the session alive', async (code) => {
      const client = await listening('ann');
      for (const when of ['now', 'later'] as const) {
        client.write(refuse(code, when, { receipt: when }));
        expect(bodyOf(await client.expect('MESSAGE'))).toEqual({
          code,
          message: ERRORS[code].message,
          destination: `/pub/test/refuse/${when}`,
          receiptId: when,
        });
      }
      await goesOn(client);
    });

    test.each(CODES.filter((code) => !isSoft(code)))(
      '%s: a SEND refused with it ends the session',
      async (code) => {
        for (const when of ['now', 'later'] as const) {
          const client = await listening('ann');
          client.write(refuse(code, when, { receipt: 'r' }));
          const refusal = await client.refusal();
          expect(refusal).toMatchObject({ code, close: ERRORS[code].close });
          expect(refusal.error.headers.get('receipt-id')).toBe('r');
        }
      },
    );

    test.each(CODES)('%s: who is not subscribed gets an ERROR and the close', async (code) => {
      for (const when of ['now', 'later'] as const) {
        const client = await chat.connect('ann');
        client.write(refuse(code, when, { receipt: 'r' }));
        const refusal = await client.refusal();
        expect(refusal).toMatchObject({ code, close: ERRORS[code].close });
        expect(refusal.error.headers.get('receipt-id')).toBe('r');
      }
    });

    test('what breaks the protocol or is too large is never soft', () => {
      const hard = CODES.filter((code) => [1002, 1007, 1009].includes(ERRORS[code].close));
      // Their frames were read whole and understood.
      const understood = ['unsupported-frame', 'transaction-too-large'];
      expect(hard.filter(isSoft).sort()).toEqual(understood.sort());
    });

    test.each([
      ['access-denied', 'SEND', { destination: '/topic/x' }, ''],
      ['access-denied', 'SEND', { destination: '/user/queue/errors' }, ''],
      ['unknown-destination', 'SEND', { destination: '/pub/none' }, ''],
      ['unsupported-content-type', 'SEND', { destination: SEND, 'content-type': 'text/plain' }, '{}'],
      ['invalid-body', 'SEND', { destination: SEND }, '{'],
      ['room-not-found', 'SEND', { destination: SEND }, '{"roomId":"none","content":"x"}'],
      ['access-denied', 'SUBSCRIBE', { destination: '/queue/x', id: 'x' }, ''],
      ['pattern-not-allowed', 'SUBSCRIBE', { destination: '/topic/*', id: 'x' }, ''],
      ['unknown-destination', 'SUBSCRIBE', { destination: '/topic/x', id: 'x' }, ''],
      ['room-not-found', 'SUBSCRIBE', { destination: '/topic/chat/room/none', id: 'x' }, ''],
      [
        'too-many-unacknowledged',
        'SUBSCRIBE',
        { destination: '/topic/chat/room/none', id: 'x', ack: 'client', prefetch: '201' },
        '',
      ],
    ] as const)('AZ09 U06 S02 %s of a %s with %j is told softly', async (code, command, headers, body) => {
      const client = await listening('ann');
      client.send(command, { ...headers, receipt: 'r' }, body);
      expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({
        code,
        destination: headers.destination,
        receiptId: 'r',
      });
      await goesOn(client);
    });

    test.each([
      ['SEND', {}, 'missing-header'],
      ['SEND', { destination: SEND, transaction: 'none' }, 'unknown-transaction'],
      ['SUBSCRIBE', { id: '1' }, 'missing-header'],
      ['SUBSCRIBE', { destination: '/topic/x' }, 'missing-header'],
      ['SUBSCRIBE', { destination: '/topic/x', id: 'errors' }, 'duplicate-subscription'],
      ['SUBSCRIBE', { destination: QUEUE, id: '1', ack: 'foo' }, 'invalid-header'],
      ['SUBSCRIBE', { destination: QUEUE, id: '1', ack: 'client', prefetch: '0' }, 'invalid-header'],
      ['UNSUBSCRIBE', {}, 'missing-header'],
      ['UNSUBSCRIBE', { id: 'none' }, 'unknown-subscription'],
      ['ACK', {}, 'missing-header'],
      ['ACK', { id: 'none' }, 'unknown-ack'],
      ['NACK', { id: 'none' }, 'unknown-ack'],
      ['BEGIN', {}, 'missing-header'],
      ['BEGIN', { transaction: 'open' }, 'duplicate-transaction'],
      ['COMMIT', {}, 'missing-header'],
      ['COMMIT', { transaction: 'none' }, 'unknown-transaction'],
      ['ABORT', { transaction: 'none' }, 'unknown-transaction'],
      ['CONNECT', { 'accept-version': '1.2', host: 'maru' }, 'already-connected'],
    ] as const satisfies readonly (readonly [ClientCommand, Headers, ErrorCode])[])(
      'R07 R09 %s with %j breaks the protocol: ERROR %s and the close, with the receipt id',
      async (command, headers, code) => {
        const client = await listening('ann');
        client.send('BEGIN', { transaction: 'open' });
        client.send(command, { ...headers, receipt: 'r' });
        const refusal = await client.refusal();
        expect(refusal).toMatchObject({ code, close: 1002 });
        expect(bodyOf(refusal.error)).toMatchObject({ code, message: refusal.error.headers.get('message') });
        if (command !== 'CONNECT') expect(refusal.error.headers.get('receipt-id')).toBe('r');
      },
    );

    test.each([
      ['an unknown command', 'HELLO\n\n\0', 'unknown-command', 1002],
      ['a command in small letters', `send\ndestination:${SEND}\n\n\0`, 'unknown-command', 1002],
      ['a header without a colon', 'SEND\nnothing\n\n\0', 'malformed-header', 1002],
      ['an escape that is none', 'SEND\na:\\t\n\n\0', 'invalid-escape', 1002],
      ['a body that is not allowed', 'UNSUBSCRIBE\nid:errors\n\nbody\0', 'body-not-allowed', 1002],
      ['a length that is none', 'SEND\ncontent-length:x\n\n\0', 'invalid-content-length', 1002],
      ['too many headers', `SEND\n${'a:b\n'.repeat(33)}\n\0`, 'too-many-headers', 1009],
      ['a header that is too long', `SEND\na:${'x'.repeat(2_000)}\n\n\0`, 'header-too-long', 1009],
      ['a frame that is too large', `SEND\ncontent-length:70000\n\n`, 'frame-too-large', 1009],
    ])('R07 %s ends the session all the same', async (_what, octets, code, close) => {
      const client = await listening('ann');
      client.write(octets);
      expect(await client.refusal()).toMatchObject({ code, close });
    });

    test('overloaded: a SEND is refused softly, nothing of it is stored, and the next may go through', async () => {
      const busy = await openChat({ queueLimit: 2 });
      const room = await busy.newRoom('ann');
      const client = await busy.connect('ann');
      client.write(subscribeText('errors', { receipt: 'e' }));
      await client.receipt('e');
      const frames = Array.from({ length: 200 }, (_, n) => sendText(room, `${n}`, `${n}`));
      client.write(frames.join(''));
      const stored: string[] = [];
      let refused = 0;
      for (const [n] of frames.entries()) {
        const frame = await client.next();
        if (frame.command === 'RECEIPT') {
          expect(frame.headers.get('receipt-id')).toBe(`${n}`);
          stored.push(`${n}`);
        } else {
          expect(bodyOf(frame)).toMatchObject({ code: 'overloaded', receiptId: `${n}` });
          refused += 1;
        }
      }
      expect(refused).toBeGreaterThan(0);
      expect(await busy.history(room)).toEqual(stored);
      client.say(room, 'afterwards', 'r');
      await client.receipt('r');
      await busy.close();
    });
  });

  describe('from when until when', () => {
    test('frames behind the SUBSCRIBE are refused softly, those behind the UNSUBSCRIBE with an ERROR, also in one write', async () => {
      const client = await chat.connect('ann');
      client.write(
        [
          subscribeText('errors'),
          sendText('none', 'x', '1'),
          frameText('UNSUBSCRIBE', { id: 'errors', receipt: '2' }),
          sendText('none', 'x', '3'),
        ].join(''),
      );
      expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({
        code: 'room-not-found',
        receiptId: '1',
      });
      await client.receipt('2');
      const refusal = await client.refusal();
      expect(refusal).toMatchObject({ code: 'room-not-found', close: 1008 });
      expect(refusal.error.headers.get('receipt-id')).toBe('3');
    });

    test('a SEND before the SUBSCRIBE is refused with an ERROR, however late its refusal is known', async () => {
      later = Promise.withResolvers();
      const client = await chat.connect('ann');
      client.write(
        frameText('SEND', { destination: '/pub/test/held', receipt: '1' }) +
          subscribeText('errors') +
          sendText(roomId, 'behind'),
      );
      while (!(await chat.history(roomId)).includes('behind'))
        await new Promise((done) => setImmediate(done));
      later.resolve();
      const refusal = await client.refusal();
      expect(refusal).toMatchObject({ code: 'refused', close: 1008 });
      expect(refusal.error.headers.get('receipt-id')).toBe('1');
    });

    test('a SEND before the UNSUBSCRIBE is refused softly, however late its refusal is known, and before the RECEIPT of that', async () => {
      later = Promise.withResolvers();
      const client = await listening('ann');
      client.write(
        frameText('SEND', { destination: '/pub/test/held', receipt: '1' }) +
          frameText('UNSUBSCRIBE', { id: 'errors', receipt: '2' }) +
          sendText(roomId, 'behind it', '3'),
      );
      while (!(await chat.history(roomId)).includes('behind it')) {
        await new Promise((done) => setImmediate(done));
      }
      later.resolve();
      expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({ code: 'refused', receiptId: '1' });
      await client.receipt('2');
      await client.receipt('3');
      client.say('none', 'x');
      expect((await client.refusal()).code).toBe('room-not-found');
    });

    test('R06 what is refused behind DISCONNECT is not answered, what is refused before it is', async () => {
      const client = await listening('ann');
      client.write(
        sendText('none', 'x', '1') + frameText('DISCONNECT', { receipt: 'bye' }) + sendText('none', 'x', '2'),
      );
      expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({ receiptId: '1' });
      await client.receipt('bye');
      expect(await client.closed).toEqual({ code: 1000, reason: '' });
      expect(client.frames).toEqual([]);
    });
  });

  describe('a refusal always arrives', () => {
    /** Somebody writes to the room all the while. */
    const noise = async () => {
      const bob = await chat.connect('bob');
      let isOver = false;
      const written = (async () => {
        for (let n = 0; !isOver; n++) {
          for (let burst = 0; burst < 5; burst++) bob.say(roomId, `noise ${n}`);
          bob.say(roomId, `noise ${n}`, `${n}`);
          await bob.receipt(`${n}`);
        }
      })();
      return async () => {
        isOver = true;
        await written;
      };
    };
    const denied: Readonly<Record<'SEND' | 'SUBSCRIBE', (receipt: string) => string>> = {
      SEND: (receipt) => sendText('none', 'x', receipt),
      SUBSCRIBE: (receipt) =>
        frameText('SUBSCRIBE', { destination: '/topic/chat/room/none', id: 'none', receipt }),
    };

    test.each(['SEND', 'SUBSCRIBE'] as const)(
      'AZ09 U06 S02 R10 of 1,000 %ss with an ERROR, its receipt id and then the close, among other frames and under load',
      { timeout: 60_000 },
      async (command) => {
        const quiet = await noise();
        let next = 0;
        const worker = async () => {
          for (let run = next++; run < 1_000; run = next++) {
            const client = await chat.connect('ann');
            client.write(
              [
                frameText('SUBSCRIBE', { destination, id: '0' }),
                sendText(roomId, 'before it', 'before'),
                denied[command](`${run}`),
                sendText(roomId, `behind the ${command}`, 'behind'),
              ].join(''),
            );
            await client.receipt('before');
            const refusal = await client.refusal();
            expect(refusal).toMatchObject({ code: 'room-not-found', close: 1008, reason: 'room-not-found' });
            expect(refusal.error.headers.get('receipt-id')).toBe(`${run}`);
          }
        };
        await Promise.all(Array.from({ length: 8 }, worker));
        await quiet();
        // A SEND doesn't wait for the one before it, only its RECEIPT does; whatever waits for a SUBSCRIBE is not acted on.
        expect(await chat.history(roomId)).not.toContain('behind the SUBSCRIBE');
      },
    );

    test.each(['SEND', 'SUBSCRIBE'] as const)(
      'AZ09 U06 S02 of 1,000 %ss in one session as a MESSAGE with its receipt id, between the receipts of its neighbours and under load',
      { timeout: 60_000 },
      async (command) => {
        const quiet = await noise();
        const client = await listening('ann');
        await client.subscribe(roomId, '0');
        for (let block = 0; block < 100; block++) {
          const frames: string[] = [];
          for (let n = 10 * block; n < 10 * block + 10; n++) {
            frames.push(sendText(roomId, 'a neighbour', `good ${n}`), denied[command](`bad ${n}`));
          }
          client.write(frames.join(''));
        }
        for (let answers = 0; answers < 2_000; ) {
          const frame = await client.next();
          if (frame.command === 'MESSAGE' && frame.headers.get('subscription') === '0') continue;
          const n = Math.floor(answers / 2);
          if (answers % 2 === 0) expect(headersOf(frame)['receipt-id']).toBe(`good ${n}`);
          else expect(bodyOf(frame)).toMatchObject({ code: 'room-not-found', receiptId: `bad ${n}` });
          answers += 1;
        }
        await quiet();
      },
    );
  });

  describe('a subscription that the server ends', () => {
    test.each(['auto', 'client', 'client-individual'])(
      'AZ06 in ack mode %s is told there, after the own member.left, once for each',
      async (ack) => {
        const room = await chat.newRoom('ann', 'carl');
        const target = `/topic/chat/room/${room}`;
        const carl = await listening('carl');
        for (const id of ['a', 'b:\n']) {
          carl.send('SUBSCRIBE', { destination: target, id, ack, receipt: id });
          await carl.receipt(id);
        }
        await carl.subscribe(await chat.newRoom('carl'), 'other');
        await chat.call('ann', 'DELETE', `/api/rooms/${room}/members/carl`);
        const heard = await carl.messages(4);
        for (const id of ['a', 'b:\n']) {
          const own = heard.findIndex(({ headers }) => headers.get('subscription') === id);
          expect(bodyOf(heard[own] as ServerFrame)).toMatchObject({ type: 'member.left', userId: 'carl' });
          const told = heard.findIndex(
            (frame) => frame.headers.get('subscription') === 'errors' && bodyOf(frame).subscription === id,
          );
          expect(told).toBeGreaterThan(own);
          expect(bodyOf(heard[told] as ServerFrame)).toEqual({
            code: 'subscription-ended',
            message: ERRORS['subscription-ended'].message,
            destination: target,
            subscription: id,
          });
        }
        await chat.call('ann', 'POST', `/api/rooms/${room}/messages`, { content: 'without carl' });
        carl.write(
          frameText('UNSUBSCRIBE', { id: 'a' }) + frameText('UNSUBSCRIBE', { id: 'b:\n', receipt: 'u' }),
        );
        await carl.receipt('u');
        expect(carl.frames).toEqual([]);
      },
    );

    test('is told there when the window has let the own member.left through, not before', async () => {
      const room = await chat.newRoom('ann', 'carl');
      const carl = await listening('carl');
      carl.send('SUBSCRIBE', {
        destination: `/topic/chat/room/${room}`,
        id: 'w',
        ack: 'client',
        prefetch: '1',
        receipt: 's',
      });
      await carl.receipt('s');
      await chat.call('ann', 'POST', `/api/rooms/${room}/messages`, { content: 'first' });
      await chat.call('ann', 'DELETE', `/api/rooms/${room}/members/carl`);
      const [first] = await carl.messages(1);
      carl.say('none', 'x');
      expect(bodyOf(await carl.expect('MESSAGE')).code).toBe('room-not-found');
      carl.send('ACK', { id: first?.headers.get('ack') ?? '' });
      const [left, told] = (await carl.messages(2)).map(bodyOf);
      expect(left).toMatchObject({ type: 'member.left', userId: 'carl' });
      expect(told).toMatchObject({ code: 'subscription-ended', subscription: 'w' });
    });

    test('is told nowhere to whoever is not subscribed, nor at an UNSUBSCRIBE of their own', async () => {
      const room = await chat.newRoom('ann', 'carl');
      const [strict, carl] = [await chat.connect('carl'), await listening('carl')];
      await strict.subscribe(room, '0');
      await carl.subscribe(room, '0');
      carl.send('UNSUBSCRIBE', { id: '0', receipt: 'u' });
      await carl.receipt('u');
      await chat.call('ann', 'DELETE', `/api/rooms/${room}/members/carl`);
      expect(bodyOf(await strict.expect('MESSAGE'))).toMatchObject({ type: 'member.left' });
      for (const client of [strict, carl]) {
        client.write(frameText('BEGIN', { transaction: 't', receipt: 'r' }));
        await client.receipt('r');
        expect(client.frames).toEqual([]);
      }
    });
  });
});
