// What transactions and acknowledgements cost and hold, however a client cuts and orders its frames.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Unacknowledged } from '../../src/session/unacknowledged.ts';
import { type Chat, openChat } from './chat-fixture.ts';
import { frameText } from './raw-client.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Octets of all buffers that are still held. */
function heldOctets(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

describe('acknowledgements in transactions', () => {
  let chat: Chat;
  let roomId: string;
  beforeAll(async () => {
    chat = await openChat();
    roomId = await chat.newRoom('ann');
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  test('A02 T05 after an ACK past one that an open transaction holds, later messages can still be acknowledged', async () => {
    const ann = await chat.connect('ann');
    ann.send('SUBSCRIBE', {
      destination: `/topic/chat/room/${roomId}`,
      id: '0',
      ack: 'client',
      receipt: 's',
    });
    await ann.receipt('s');
    for (const content of ['1', '2', '3']) ann.say(roomId, content);
    const acks = (await ann.messages(3)).map(({ headers }) => headers.get('ack') ?? '');
    const [first = '', second = '', third = ''] = acks;
    ann.send('BEGIN', { transaction: 't' });
    ann.send('ACK', { id: first, transaction: 't', receipt: 'a1' });
    ann.send('ACK', { id: second, receipt: 'a2' });
    ann.send('ACK', { id: third, receipt: 'a3' });
    await ann.receipt('a1');
    await ann.receipt('a2');
    await ann.receipt('a3');
    ann.send('COMMIT', { transaction: 't', receipt: 'c' });
    await ann.receipt('c');
  });

  test('L04 T07 a transaction keeps the bodies of its SENDs, not the WebSocket messages in which they came', async () => {
    const ann = await chat.connect('ann');
    ann.send('BEGIN', { transaction: 't', receipt: 'b' });
    await ann.receipt('b');
    const before = heldOctets();
    const filler = '\n'.repeat(250_000);
    for (let n = 1; n <= 100; n += 1) {
      const headers = { destination: '/pub/send/message', transaction: 't', receipt: `r${n}` };
      ann.write(frameText('SEND', headers, JSON.stringify({ roomId, content: `${n}` })) + filler);
      await ann.receipt(`r${n}`);
    }
    expect(heldOctets() - before).toBeLessThan(5_000_000);
    ann.send('COMMIT', { transaction: 't', receipt: 'c' });
    await ann.receipt('c');
  });
});

test('L04 whether an acknowledgement is one too many costs the same, however many messages wait before it', () => {
  const window = new Unacknowledged({ number: 1, mode: 'client', limit: 16_384, version: '1.2' });
  for (let n = 1; n <= 16_384; n += 1) window.take(`m${n}`);
  const began = performance.now();
  let covered = 0;
  // As often as 600 acknowledgements in open transactions are asked about each other.
  for (let n = 0; n < 180_000; n += 1) covered += window.covers('m16383', 'm16384') ? 1 : 0;
  expect(covered).toBe(0);
  // A look at each of those that wait takes twenty seconds and more.
  expect(performance.now() - began).toBeLessThan(3_000);
});
