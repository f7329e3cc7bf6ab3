// Many stalled readers beside good ones: a short form of bench/slow-readers.ts, which measures what is only asserted here.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import { bodyOf, type RawClient } from './raw-client.ts';

const OUTBOUND_OCTETS = 65_536;
const CONTENT = 'x'.repeat(16_000);
const BURST = 16;

let chat: Chat;
let roomIds: readonly string[];
/** Of each room, before the first message. */
let heads: readonly number[];
let writer: RawClient;
let sent: number;

beforeEach(async () => {
  chat = await openChat({ limits: { outboundOctets: OUTBOUND_OCTETS } });
  roomIds = [await chat.newRoom('ann', 'bob'), await chat.newRoom('ann', 'bob')];
  heads = await Promise.all(roomIds.map(async (id) => (await chat.store.findRoom(id, 'bob'))?.head ?? 0));
  writer = await chat.connect('ann');
  sent = 0;
});
afterEach(() => chat.close());

/** People of both rooms. */
async function readers(count: number): Promise<RawClient[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => chat.connect('bob')));
  for (const client of clients) {
    for (const [index, roomId] of roomIds.entries()) await client.subscribe(roomId, String(index));
  }
  return clients;
}

async function stalledReaders(count: number): Promise<RawClient[]> {
  const clients = await readers(count);
  for (const { webSocket } of clients) webSocket.pause();
  return clients;
}

/** A burst into each room; resolves with their RECEIPTs. */
async function write(): Promise<void> {
  for (const roomId of roomIds) {
    for (let n = 1; n <= BURST; n++) writer.say(roomId, CONTENT, n === BURST ? roomId : undefined);
  }
  for (const roomId of roomIds) await writer.receipt(roomId);
  sent += BURST;
}

const behind = (): Promise<number> => chat.metric('maru_subscriptions_behind');

/** What the sockets' own buffers hold is full, and every subscription of the stalled waits in its log. */
async function writeUntilBehind(subscriptions: number, afterEachBurst = async () => {}): Promise<void> {
  while ((await behind()) < subscriptions) {
    await write();
    await afterEachBurst();
    expect(sent).toBeLessThan(2_000);
  }
}

/** The seqs that a reader's next MESSAGEs have, a list each room. */
async function hear(reader: RawClient, messages: number): Promise<number[][]> {
  const seqs: number[][] = roomIds.map(() => []);
  for (const message of await reader.messages(messages * roomIds.length)) {
    seqs[Number(message.headers.get('subscription'))]?.push(Number(bodyOf(message).seq));
  }
  return seqs;
}

/** The seqs of the messages from the nth on, a list each room. */
const seqsFrom = (nth: number, count: number): number[][] =>
  heads.map((head) => Array.from({ length: count }, (_, n) => head + 1 + nth + n));

test('beside stalled readers the good ones hear each burst, little waits for the stalled, and these get everything when they read again', async () => {
  const good = await readers(12);
  const stalled = await stalledReaders(6);
  const goodHearTheBurst = async (): Promise<void> => {
    const heard = await Promise.all(good.map((reader) => hear(reader, BURST)));
    for (const seqs of heard) expect(seqs).toEqual(seqsFrom(sent - BURST, BURST));
  };
  await writeUntilBehind(stalled.length * roomIds.length, goodHearTheBurst);
  for (let more = 0; more < 5; more++) {
    await write();
    await goodHearTheBurst();
    // A commit may come on top of what is just not too much.
    const waiting = await chat.metric('maru_outbound_octets_max');
    expect(waiting).toBeLessThan(OUTBOUND_OCTETS + 2 * BURST * (CONTENT.length + 1_000));
  }
  const missed = sent;
  for (const { webSocket } of stalled) webSocket.resume();
  // Live traffic goes on meanwhile.
  for (let more = 0; more < 3; more++) {
    await write();
    await goodHearTheBurst();
  }
  const caughtUp = await Promise.all(stalled.map((reader) => hear(reader, sent)));
  expect(sent).toBeGreaterThan(missed);
  for (const seqs of caughtUp) expect(seqs).toEqual(seqsFrom(0, sent));
  await write();
  await goodHearTheBurst();
  for (const reader of stalled) expect(await hear(reader, BURST)).toEqual(seqsFrom(sent - BURST, BURST));
  expect(await behind()).toBe(0);
  expect(chat.refused).toEqual([]);
});

test('a SEND is receipted while nobody in its room reads', async () => {
  const stalled = await stalledReaders(3);
  await writeUntilBehind(stalled.length * roomIds.length);
  await write();
  expect(await behind()).toBe(stalled.length * roomIds.length);
  expect(chat.refused).toEqual([]);
});

test('of a stalled reader that goes nothing is left', async () => {
  const stalled = await stalledReaders(3);
  await writeUntilBehind(stalled.length * roomIds.length);
  for (const reader of stalled) reader.terminate();
  await chat.empty(1);
  expect(await behind()).toBe(0);
  expect(await chat.metric('maru_outbound_octets')).toBe(0);
  expect(chat.broker.subscriptions).toBe(0);
});
