// Ack modes over a real socket: the window, ACK and NACK in every version, and what is refused.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import { bodyOf, frameText, headersOf, type RawClient, type ServerFrame } from './raw-client.ts';

type Headers = Readonly<Record<string, string>>;

const MODES = [
  ['1.0', 'client'],
  ['1.1', 'client'],
  ['1.1', 'client-individual'],
  ['1.2', 'client'],
  ['1.2', 'client-individual'],
] as const;

const header = (frame: ServerFrame | undefined, name: string) => frame?.headers.get(name) ?? '';
const seqs = (frames: readonly ServerFrame[]) => frames.map((frame) => Number(header(frame, 'seq')));
const upTo = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** The headers by which ACK and NACK name a message in a session of that version. */
function naming(version: string, message: ServerFrame | undefined): Headers {
  if (version === '1.2') return { id: header(message, 'ack') };
  const messageId = { 'message-id': header(message, 'message-id') };
  return version === '1.0' ? messageId : { ...messageId, subscription: header(message, 'subscription') };
}

describe('acknowledgements', () => {
  let chat: Chat;
  /** A room without readers; each test's round trips go there. */
  let elsewhere: string;
  beforeAll(async () => {
    chat = await openChat();
    elsewhere = await chat.newRoom('bob', 'ann', 'carl');
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  const destinationOf = (roomId: string) => `/topic/chat/room/${roomId}`;

  /** @returns the head at that moment */
  const subscribe = async (client: RawClient, roomId: string, id: string, headers: Headers = {}) => {
    client.send('SUBSCRIBE', { destination: destinationOf(roomId), id, receipt: `s-${id}`, ...headers });
    return Number(header(await client.receipt(`s-${id}`), 'seq'));
  };

  /** That many messages are in the room's log. */
  const post = async (roomId: string, count: number) => {
    const bob = await chat.connect('bob');
    for (let n = 1; n < count; n++) bob.say(roomId, `${n}`);
    bob.say(roomId, `${count}`, 'posted');
    await bob.receipt('posted');
    bob.terminate();
  };

  /** Whatever was on its way to the client has come: it has had the time of several commits and answers. */
  const quiet = async (client: RawClient) => {
    for (const receipt of ['q1', 'q2', 'q3']) {
      client.say(elsewhere, 'round trip', receipt);
      await client.receipt(receipt);
    }
    return client.frames;
  };

  describe('the window', () => {
    test.each(MODES)(
      'A08 in %s with %s no more than prefetch are on their way, the others wait in the log and come in order as places become free',
      async (version, ack) => {
        const roomId = await chat.newRoom('bob', 'ann');
        const client = await chat.connect('ann', { 'accept-version': version });
        const head = await subscribe(client, roomId, 'w', { ack, prefetch: '3' });
        await post(roomId, 10);
        const heard = await client.messages(3);
        expect(await quiet(client)).toEqual([]);
        for (let n = 0; n < 7; n++) {
          client.send('ACK', naming(version, heard[n]));
          heard.push(...(await client.messages(1)));
        }
        expect(seqs(heard)).toEqual(upTo(head + 1, head + 10));
        expect(heard.map((message) => bodyOf(message).content)).toEqual(upTo(1, 10).map(String));
        expect(await quiet(client)).toEqual([]);
      },
    );

    test('A08 the window is 64 if nobody says otherwise', async () => {
      const roomId = await chat.newRoom('bob', 'ann');
      const client = await chat.connect('ann');
      await subscribe(client, roomId, 'w', { ack: 'client' });
      await post(roomId, 70);
      const heard = await client.messages(64);
      expect(await quiet(client)).toEqual([]);
      client.send('ACK', naming('1.2', heard.at(-1)));
      expect((await client.messages(6)).map((message) => bodyOf(message).content)).toEqual(
        upTo(65, 70).map(String),
      );
    });

    test('A08 a full window holds back its own subscription only', async () => {
      const roomId = await chat.newRoom('bob', 'ann', 'carl');
      const [client, carl] = [await chat.connect('ann'), await chat.connect('carl')];
      await subscribe(client, roomId, 'narrow', { ack: 'client', prefetch: '1' });
      await subscribe(client, roomId, 'wide', { ack: 'client-individual', prefetch: '5' });
      await subscribe(client, roomId, 'auto');
      await subscribe(carl, roomId, 'auto');
      await post(roomId, 20);
      expect((await carl.messages(20)).length).toBe(20);
      const heard = await client.messages(26);
      const of = (id: string) => heard.filter((message) => header(message, 'subscription') === id).length;
      expect({ narrow: of('narrow'), wide: of('wide'), auto: of('auto') }).toEqual({
        narrow: 1,
        wide: 5,
        auto: 20,
      });
      expect(await quiet(client)).toEqual([]);
    });

    test('A08 of thousands of messages a client that never acknowledges is sent its window; then it may have the others', async () => {
      const roomId = await chat.newRoom('bob', 'ann');
      const client = await chat.connect('ann');
      const head = await subscribe(client, roomId, 'w', { ack: 'client', prefetch: '50' });
      await post(roomId, 5_000);
      const heard = await client.messages(50);
      expect(await quiet(client)).toEqual([]);
      while (heard.length < 5_000) {
        client.send('ACK', naming('1.2', heard.at(-1)));
        heard.push(...(await client.messages(Math.min(50, 5_000 - heard.length))));
      }
      expect(seqs(heard)).toEqual(upTo(head + 1, head + 5_000));
      expect(await quiet(client)).toEqual([]);
    });

    test('A08 the window stays what it was while messages come and are acknowledged at the same time', async () => {
      const roomId = await chat.newRoom('bob', 'ann');
      const client = await chat.connect('ann');
      const head = await subscribe(client, roomId, 'w', { ack: 'client-individual', prefetch: '7' });
      const writers = Promise.all([post(roomId, 300), post(roomId, 300), post(roomId, 300)]);
      const heard: ServerFrame[] = [];
      while (heard.length < 900) {
        heard.push(...(await client.messages(1)));
        client.send('ACK', naming('1.2', heard.at(-1)));
      }
      await writers;
      expect(seqs(heard)).toEqual(upTo(head + 1, head + 900));
      expect(await quiet(client)).toEqual([]);
    });

    test('A08 when the log cannot be read the session ends with an ERROR, not with a hole', async () => {
      const broken = await openChat();
      const roomId = await broken.newRoom('ann');
      const client = await broken.connect('ann');
      await subscribe(client, roomId, 'w', { ack: 'client', prefetch: '1' });
      for (const receipt of ['1', '2', '3']) client.say(roomId, receipt, receipt);
      for (const receipt of ['1', '2', '3']) await client.receipt(receipt);
      const [message] = await client.messages(1);
      await broken.store.close();
      client.send('ACK', naming('1.2', message));
      const refusal = await client.refusal();
      expect(['going-away', 'internal', 'overloaded']).toContain(refusal.code);
      expect([1011, 1012, 1013]).toContain(refusal.close);
      await broken.close();
    });

    test('A08 on a topic, which has no log, messages wait for a place and come in order', async () => {
      const own = await openChat({
        handlers: { topics: [{ destination: '/topic/own', maySend: () => true }] },
      });
      const [client, writer] = [await own.connect('ann'), await own.connect('bob')];
      client.send('SUBSCRIBE', {
        destination: '/topic/own',
        id: 'w',
        ack: 'client',
        prefetch: '2',
        receipt: 's',
      });
      await client.receipt('s');
      for (let n = 1; n <= 20; n++)
        writer.send('SEND', { destination: '/topic/own', receipt: `${n}` }, `${n}`);
      for (let n = 1; n <= 20; n++) await writer.receipt(`${n}`);
      const heard = await client.messages(2);
      for (let round = 0; round < 9; round++) {
        client.send('BEGIN', { transaction: 't' });
        client.send('ABORT', { transaction: 't', receipt: 'r' });
        await client.receipt('r');
        expect(client.frames).toEqual([]);
        client.send('ACK', naming('1.2', heard.at(-1)));
        heard.push(...(await client.messages(2)));
      }
      expect(heard.map(({ body }) => Buffer.from(body).toString())).toEqual(upTo(1, 20).map(String));
      await own.close();
    });

    test('U07 after UNSUBSCRIBE with a full window nothing of the log comes, and the id is free', async () => {
      const roomId = await chat.newRoom('bob', 'ann');
      const client = await chat.connect('ann');
      await subscribe(client, roomId, 'w', { ack: 'client', prefetch: '2' });
      await post(roomId, 10);
      await client.messages(2);
      client.send('UNSUBSCRIBE', { id: 'w', receipt: 'u' });
      await client.receipt('u');
      expect(await quiet(client)).toEqual([]);
      const head = await subscribe(client, roomId, 'w', { ack: 'client', prefetch: '2' });
      await post(roomId, 3);
      expect(seqs(await client.messages(2))).toEqual([head + 1, head + 2]);
    });

    test('AZ06 whoever is removed while their subscription waits in the log still gets everything up to their own member.left, and nothing after', async () => {
      const roomId = await chat.newRoom('bob', 'carl');
      const client = await chat.connect('carl');
      const head = await subscribe(client, roomId, 'w', { ack: 'client-individual', prefetch: '2' });
      await post(roomId, 5);
      await chat.call('bob', 'DELETE', `/api/rooms/${roomId}/members/carl`);
      await post(roomId, 5);
      const heard = await client.messages(2);
      while (heard.length < 6) {
        client.send('ACK', naming('1.2', heard[heard.length - 2]));
        heard.push(...(await client.messages(1)));
      }
      expect(seqs(heard)).toEqual(upTo(head + 1, head + 6));
      expect(bodyOf(heard[5] as ServerFrame)).toMatchObject({ type: 'member.left', userId: 'carl' });
      for (const message of heard.slice(-2)) client.send('ACK', naming('1.2', message));
      client.frames.splice(0);
      client.send('BEGIN', { transaction: 't', receipt: 'alive' });
      await client.receipt('alive');
      client.send('UNSUBSCRIBE', { id: 'w', receipt: 'u' });
      await client.receipt('u');
      expect(await quiet(client)).toEqual([]);
    });

    test('AZ06 who is removed and joins again while their subscription waits hears nothing past the removal', async () => {
      const roomId = await chat.newRoom('bob', 'carl');
      const client = await chat.connect('carl');
      const head = await subscribe(client, roomId, 'w', { ack: 'client', prefetch: '1' });
      await post(roomId, 2);
      await chat.call('bob', 'DELETE', `/api/rooms/${roomId}/members/carl`);
      await post(roomId, 1);
      await chat.call('carl', 'POST', `/api/rooms/${roomId}/members`);
      await post(roomId, 1);
      const heard = await client.messages(1);
      for (let n = 0; n < 2; n++) {
        client.send('ACK', naming('1.2', heard.at(-1)));
        heard.push(...(await client.messages(1)));
      }
      client.send('ACK', naming('1.2', heard.at(-1)));
      expect(seqs(heard)).toEqual(upTo(head + 1, head + 3));
      expect(bodyOf(heard[2] as ServerFrame)).toMatchObject({ type: 'member.left', userId: 'carl' });
      expect(await quiet(client)).toEqual([]);
    });
  });

  describe('MESSAGE', () => {
    test.each([
      ['1.0', 'auto', false],
      ['1.0', 'client', false],
      ['1.1', 'client', false],
      ['1.1', 'client-individual', false],
      ['1.2', 'auto', false],
      ['1.2', 'client', true],
      ['1.2', 'client-individual', true],
    ])('U12 in %s with ack mode %s its having an ack header is %s', async (version, ack, has) => {
      const roomId = await chat.newRoom('bob', 'ann');
      const client = await chat.connect('ann', { 'accept-version': version });
      await subscribe(client, roomId, 'w', { ack });
      await post(roomId, 1);
      const [message] = await client.messages(1);
      expect(message?.headers.has('ack')).toBe(has);
      expect(header(message, 'message-id')).not.toBe('');
      expect(header(message, 'subscription')).toBe('w');
    });

    test('U12 each delivery has an ack of its own, also the same message to two subscriptions', async () => {
      const roomId = await chat.newRoom('bob', 'ann');
      const client = await chat.connect('ann');
      await subscribe(client, roomId, 'a', { ack: 'client' });
      await subscribe(client, roomId, 'b', { ack: 'client-individual' });
      await subscribe(client, roomId, 'auto');
      await post(roomId, 50);
      const heard = await client.messages(150);
      const acks = heard.flatMap((message) => message.headers.get('ack') ?? []);
      expect(acks.length).toBe(100);
      expect(new Set(acks).size).toBe(100);
      for (const message of heard) {
        expect(message.headers.has('ack')).toBe(header(message, 'subscription') !== 'auto');
      }
    });

    test('U12 in 1.2 with ack mode client the ack header comes also on what was read from the log', async () => {
      const roomId = await chat.newRoom('bob', 'ann');
      const client = await chat.connect('ann');
      await subscribe(client, roomId, 'w:\\\n', { ack: 'client', prefetch: '1' });
      await post(roomId, 3);
      const [live] = await client.messages(1);
      client.send('ACK', naming('1.2', live));
      const [read] = await client.messages(1);
      expect(Object.keys(headersOf(read as ServerFrame))).toEqual(
        Object.keys(headersOf(live as ServerFrame)),
      );
      expect(header(read, 'subscription')).toBe('w:\\\n');
      client.send('ACK', naming('1.2', read));
      await client.messages(1);
    });
  });

  describe('ACK', () => {
    test.each(MODES)('R01 A01 A02 A03 in %s with %s it is answered with a RECEIPT', async (version, ack) => {
      const roomId = await chat.newRoom('bob', 'ann');
      const client = await chat.connect('ann', { 'accept-version': version });
      await subscribe(client, roomId, 'w', { ack });
      await post(roomId, 1);
      const [message] = await client.messages(1);
      client.send('ACK', { ...naming(version, message), receipt: 'a' });
      expect(headersOf(await client.receipt('a'))).toEqual({ 'receipt-id': 'a' });
    });

    test.each(['1.0', '1.1', '1.2'])(
      'A04 in %s with ack mode client it frees its message and all before it',
      async (version) => {
        const roomId = await chat.newRoom('bob', 'ann');
        const client = await chat.connect('ann', { 'accept-version': version });
        await subscribe(client, roomId, 'w', { ack: 'client', prefetch: '5' });
        await post(roomId, 20);
        const heard = await client.messages(5);
        client.send('ACK', naming(version, heard[2]));
        await client.messages(3);
        expect(await quiet(client)).toEqual([]);
        client.send('ACK', { ...naming(version, heard[1]), receipt: 'again' });
        const refusal = await client.refusal();
        expect(refusal).toMatchObject({ code: 'unknown-ack', close: 1002 });
        expect(header(refusal.error, 'receipt-id')).toBe('again');
      },
    );

    test('A04 it is cumulative for its own subscription only', async () => {
      const roomId = await chat.newRoom('bob', 'ann');
      const client = await chat.connect('ann');
      for (const id of ['a', 'b']) await subscribe(client, roomId, id, { ack: 'client', prefetch: '2' });
      await post(roomId, 4);
      const heard = await client.messages(4);
      const of = (id: string) => heard.filter((message) => header(message, 'subscription') === id);
      client.send('ACK', naming('1.2', of('a')[1]));
      const more = await client.messages(2);
      expect(more.map((message) => header(message, 'subscription'))).toEqual(['a', 'a']);
      expect(await quiet(client)).toEqual([]);
      client.send('ACK', { ...naming('1.2', of('b')[0]), receipt: 'r' });
      await client.receipt('r');
    });

    test.each(['1.1', '1.2'])(
      'A05 in %s with client-individual it frees its own message only; those before it still wait',
      async (version) => {
        const roomId = await chat.newRoom('bob', 'ann');
        const client = await chat.connect('ann', { 'accept-version': version });
        const head = await subscribe(client, roomId, 'w', { ack: 'client-individual', prefetch: '3' });
        await post(roomId, 20);
        const heard = await client.messages(3);
        client.send('ACK', naming(version, heard[2]));
        expect(seqs(await client.messages(1))).toEqual([head + 4]);
        expect(await quiet(client)).toEqual([]);
        client.send('ACK', naming(version, heard[0]));
        client.send('ACK', naming(version, heard[1]));
        expect(seqs(await client.messages(2))).toEqual([head + 5, head + 6]);
        client.send('ACK', naming(version, heard[0]));
        expect(await client.refusal()).toMatchObject({ code: 'unknown-ack', close: 1002 });
      },
    );

    test.each(['1.0', '1.1', '1.2'])('A01 in %s one that is repeated is refused', async (version) => {
      const roomId = await chat.newRoom('bob', 'ann');
      for (const [first, second] of [
        ['ACK', 'ACK'],
        ...(version === '1.0' ? [] : ([['NACK', 'ACK'] as const, ['ACK', 'NACK'] as const] as const)),
      ] as const) {
        const client = await chat.connect('ann', { 'accept-version': version });
        await subscribe(client, roomId, 'w', { ack: 'client' });
        await post(roomId, 1);
        const [message] = await client.messages(1);
        client.send(first, naming(version, message));
        client.send(second, { ...naming(version, message), receipt: 'r' });
        const refusal = await client.refusal();
        expect(refusal).toMatchObject({ code: 'unknown-ack', close: 1002 });
        expect(header(refusal.error, 'receipt-id')).toBe('r');
      }
    });

    test("A01 one of nothing, of another session's message and of an auto subscription's is refused", async () => {
      const roomId = await chat.newRoom('bob', 'ann');
      const other = await chat.connect('ann');
      await subscribe(other, roomId, 'w', { ack: 'client' });
      const auto = await chat.connect('ann', { 'accept-version': '1.1' });
      await subscribe(auto, roomId, 'w', { ack: 'auto' });
      await post(roomId, 1);
      const theirs = naming('1.2', (await other.messages(1))[0]);
      for (const id of ['0', '', 'no-such-ack', '한글', ...Object.values(theirs)]) {
        const client = await chat.connect('ann');
        await subscribe(client, roomId, 'w', { ack: 'client' });
        client.send('ACK', { id });
        expect([id, (await client.refusal()).code]).toEqual([id, 'unknown-ack']);
      }
      auto.send('ACK', naming('1.1', (await auto.messages(1))[0]));
      expect(await auto.refusal()).toMatchObject({ code: 'unknown-ack', close: 1002 });
      other.send('ACK', { ...theirs, receipt: 'still mine' });
      await other.receipt('still mine');
    });

    test('A02 in 1.1 it goes by subscription and message-id together', async () => {
      const roomId = await chat.newRoom('bob', 'ann');
      const client = await chat.connect('ann', { 'accept-version': '1.1' });
      for (const id of ['a', 'b'])
        await subscribe(client, roomId, id, { ack: 'client-individual', prefetch: '1' });
      await post(roomId, 2);
      const heard = await client.messages(2);
      const of = (id: string) => heard.find((message) => header(message, 'subscription') === id);
      client.send('ACK', naming('1.1', of('b')));
      const [next] = await client.messages(1);
      expect(header(next, 'subscription')).toBe('b');
      expect(await quiet(client)).toEqual([]);
      client.send('ACK', { ...naming('1.1', of('a')), subscription: 'c' });
      expect(await client.refusal()).toMatchObject({ code: 'unknown-ack', close: 1002 });
    });

    test.each([
      ['1.0', 'ACK', {}],
      ['1.0', 'ACK', { subscription: 'w' }],
      ['1.0', 'ACK', { id: 'ACK' }],
      ['1.1', 'ACK', { subscription: 'w' }],
      ['1.1', 'ACK', { 'message-id': 'MESSAGE' }],
      ['1.1', 'ACK', { id: 'ACK' }],
      ['1.1', 'NACK', { subscription: 'w' }],
      ['1.1', 'NACK', { 'message-id': 'MESSAGE' }],
      ['1.2', 'ACK', {}],
      ['1.2', 'ACK', { subscription: 'w', 'message-id': 'MESSAGE' }],
      ['1.2', 'NACK', {}],
      ['1.2', 'NACK', { subscription: 'w', 'message-id': 'MESSAGE' }],
    ] as const)('A01 A02 A03 in %s %s with %j lacks a header', async (version, command, headers: Headers) => {
      const roomId = await chat.newRoom('bob', 'ann');
      const client = await chat.connect('ann', { 'accept-version': version });
      await subscribe(client, roomId, 'w', { ack: 'client' });
      await post(roomId, 1);
      const [message] = await client.messages(1);
      const real: Headers = { MESSAGE: header(message, 'message-id'), ACK: header(message, 'ack') };
      const filled = Object.entries(headers).map(([name, value]) => [name, real[value] ?? value]);
      client.send(command, { ...Object.fromEntries(filled), receipt: 'r' });
      const refusal = await client.refusal();
      expect(refusal).toMatchObject({ code: 'missing-header', close: 1002 });
      expect(header(refusal.error, 'receipt-id')).toBe('r');
    });

    test('A03 in 1.0 it goes by message-id, with or without the subscription', async () => {
      const roomId = await chat.newRoom('bob', 'ann');
      const client = await chat.connect('ann', { 'accept-version': '1.0' });
      client.send('SUBSCRIBE', {
        destination: destinationOf(roomId),
        ack: 'client',
        prefetch: '1',
        receipt: 's',
      });
      await client.receipt('s');
      await subscribe(client, roomId, 'w', { ack: 'client', prefetch: '1' });
      await post(roomId, 3);
      const heard = await client.messages(2);
      const named = heard.find((message) => message.headers.has('subscription'));
      client.send('ACK', { 'message-id': header(named, 'message-id'), subscription: 'w' });
      const [next] = await client.messages(1);
      expect(header(next, 'subscription')).toBe('w');
      client.send('ACK', { 'message-id': header(named, 'message-id') });
      const [without] = await client.messages(1);
      expect(without?.headers.has('subscription')).toBe(false);
      expect(await quiet(client)).toEqual([]);
    });

    test('A03 in 1.0 there is no NACK', async () => {
      const roomId = await chat.newRoom('bob', 'ann');
      const client = await chat.connect('ann', { 'accept-version': '1.0' });
      await subscribe(client, roomId, 'w', { ack: 'client' });
      await post(roomId, 1);
      const [message] = await client.messages(1);
      client.send('NACK', { ...naming('1.1', message), receipt: 'r' });
      const refusal = await client.refusal();
      expect(refusal).toMatchObject({ code: 'unknown-command', close: 1002 });
    });

    test('A06 what was unacknowledged when the connection was lost is not sent again: the next one starts at the head', async () => {
      const roomId = await chat.newRoom('bob', 'ann');
      const lost = await chat.connect('ann');
      await subscribe(lost, roomId, 'w', { ack: 'client', prefetch: '2' });
      await post(roomId, 5);
      const heard = await lost.messages(2);
      lost.terminate();
      await chat.empty();
      const client = await chat.connect('ann');
      const head = await subscribe(client, roomId, 'w', { ack: 'client', prefetch: '2' });
      expect(head).toBe(Number(header(heard[0], 'seq')) + 4);
      expect(await quiet(client)).toEqual([]);
      await post(roomId, 1);
      expect(seqs(await client.messages(1))).toEqual([head + 1]);
      client.send('ACK', naming('1.2', heard[0]));
      expect((await client.refusal()).code).toBe('unknown-ack');
    });
  });

  describe('NACK', () => {
    test.each(['1.1', '1.2'])(
      'A07 R01 in %s it frees its place, is counted, and its message is not sent again',
      async (version) => {
        const roomId = await chat.newRoom('bob', 'ann', 'carl');
        const [client, carl] = [
          await chat.connect('ann', { 'accept-version': version }),
          await chat.connect('carl'),
        ];
        const head = await subscribe(client, roomId, 'w', { ack: 'client-individual', prefetch: '2' });
        await subscribe(carl, roomId, 'w', { ack: 'client-individual', prefetch: '2' });
        await post(roomId, 6);
        const before = chat.nacked.messages;
        const heard = await client.messages(2);
        client.send('NACK', { ...naming(version, heard[1]), receipt: 'n' });
        expect(headersOf(await client.receipt('n'))).toEqual({ 'receipt-id': 'n' });
        heard.push(...(await client.messages(1)));
        client.send('NACK', naming(version, heard[0]));
        heard.push(...(await client.messages(1)));
        client.send('ACK', naming(version, heard[3]));
        heard.push(...(await client.messages(1)));
        client.send('ACK', naming(version, heard[2]));
        heard.push(...(await client.messages(1)));
        expect(seqs(heard)).toEqual(upTo(head + 1, head + 6));
        expect(await quiet(client)).toEqual([]);
        expect(chat.nacked.messages - before).toBe(2);
        expect(seqs(await carl.messages(2))).toEqual([head + 1, head + 2]);
        expect(await quiet(carl)).toEqual([]);
      },
    );

    test.each(['1.1', '1.2'])(
      'A07 A04 in %s with ack mode client it gives up its message and all before it',
      async (version) => {
        const roomId = await chat.newRoom('bob', 'ann');
        const client = await chat.connect('ann', { 'accept-version': version });
        const head = await subscribe(client, roomId, 'w', { ack: 'client', prefetch: '4' });
        await post(roomId, 20);
        const before = chat.nacked.messages;
        const heard = await client.messages(4);
        client.send('NACK', { ...naming(version, heard[2]), receipt: 'n' });
        await client.receipt('n');
        expect(seqs(await client.messages(3))).toEqual(upTo(head + 5, head + 7));
        expect(await quiet(client)).toEqual([]);
        expect(chat.nacked.messages - before).toBe(3);
        client.send('NACK', naming(version, heard[0]));
        expect(await client.refusal()).toMatchObject({ code: 'unknown-ack', close: 1002 });
      },
    );
  });

  describe('prefetch', () => {
    test.each(['0', '-1', '', 'x', '1.5', '1e3', '+1', ' 1', '0x10', '１', 'NaN', 'Infinity'])(
      'U05 "%s" is no number of messages',
      async (prefetch) => {
        const roomId = await chat.newRoom('bob', 'ann');
        const client = await chat.connect('ann');
        client.send('SUBSCRIBE', {
          destination: destinationOf(roomId),
          id: 'w',
          ack: 'client',
          prefetch,
          receipt: 'r',
        });
        const refusal = await client.refusal();
        expect(refusal).toMatchObject({ code: 'invalid-header', close: 1002 });
        expect(header(refusal.error, 'receipt-id')).toBe('r');
      },
    );

    describe('and the limit of a session', () => {
      let small: Chat;
      let roomId: string;
      beforeAll(async () => {
        small = await openChat({ limits: { unacknowledged: 100 } });
        roomId = await small.newRoom('ann', 'bob');
      });
      afterEach(() => small.hangUp());
      afterAll(() => small.close());

      const window = (id: string, prefetch: string, ack = 'client') =>
        frameText('SUBSCRIBE', {
          destination: destinationOf(roomId),
          id,
          ack,
          receipt: id,
          ...(prefetch === '' ? {} : { prefetch }),
        });

      test('A08 L04 the windows of a session together may be as large as the limit, and no larger', async () => {
        const client = await small.connect('ann');
        client.write(window('a', '30') + window('b', '', 'client-individual') + window('c', '6'));
        for (const id of ['a', 'b', 'c']) await client.receipt(id);
        client.write(window('auto', '', 'auto'));
        await client.receipt('auto');
        client.write(window('d', '1'));
        const refusal = await client.refusal();
        expect(refusal).toMatchObject({ code: 'too-many-unacknowledged', close: 1008 });
        expect(header(refusal.error, 'receipt-id')).toBe('d');
      });

      test.each(['101', '16384', '99999999999', '1'.repeat(400)])(
        'A08 L04 one window of %s is more than the limit',
        async (prefetch) => {
          const client = await small.connect('ann');
          client.write(window('a', prefetch));
          expect((await client.refusal()).code).toBe('too-many-unacknowledged');
        },
      );

      test('A08 L04 each session has a limit of its own', async () => {
        for (let n = 0; n < 3; n++) {
          const client = await small.connect('ann');
          client.write(window('a', '100'));
          await client.receipt('a');
        }
      });

      test('A08 UNSUBSCRIBE gives the places of its window back, with what was unacknowledged', async () => {
        const client = await small.connect('ann');
        for (let n = 0; n < 5; n++) {
          client.write(window('a', '100'));
          await client.receipt('a');
          client.say(roomId, `${n}`);
          await client.messages(1);
          client.send('UNSUBSCRIBE', { id: 'a' });
        }
        client.write(window('a', '60') + window('b', '40'));
        await client.receipt('a');
        await client.receipt('b');
      });

      test('A08 a refused window takes no places, and its id is free', async () => {
        const client = await small.connect('ann');
        client.send('SUBSCRIBE', { destination: '/user/queue/errors', id: 'errors', receipt: 'e' });
        await client.receipt('e');
        client.write(window('a', '101'));
        expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({
          code: 'too-many-unacknowledged',
          destination: destinationOf(roomId),
          receiptId: 'a',
        });
        client.write(window('a', '100'));
        await client.receipt('a');
        client.write(window('b', '1'));
        expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({ code: 'too-many-unacknowledged' });
        client.say(roomId, 'the session goes on');
        expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({ content: 'the session goes on' });
      });
    });
  });
});
