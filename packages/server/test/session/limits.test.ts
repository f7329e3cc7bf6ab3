// The bounds of a session, each at the limit and one past it: frames, headers, subscriptions, frames in flight, octets out.
import { setTimeout as silence } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { mapHandler } from '../../src/handlers/application-handler.ts';
import { type Chat, LIMITS, openChat } from './chat-fixture.ts';
import { bodyOf, frameText, type RawClient, sendText } from './raw-client.ts';

describe('limits of a frame', () => {
  let chat: Chat;
  let roomId: string;
  beforeAll(async () => {
    chat = await openChat();
    roomId = await chat.newRoom('ann');
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  const body = () => JSON.stringify({ roomId, content: 'x' });
  const sendWith = (headers: string) =>
    `SEND\ndestination:/pub/send/message\nreceipt:r\n${headers}\n${body()}\0`;
  /** A SEND of exactly so many octets, NUL included; spaces in the JSON fill it up. */
  const sendOf = (octets: number) => {
    const head = 'SEND\ndestination:/pub/send/message\nreceipt:r\n\n';
    return `${head}${body().padEnd(octets - head.length - 1)}\0`;
  };
  const accepted = (client: RawClient) => client.receipt('r').then(() => 'accepted');

  test('L01 32 headers are accepted, 33 are refused', async () => {
    const lines = (count: number) => Array.from({ length: count }, (_, n) => `h${n}:x\n`).join('');
    const client = await chat.connect('ann');
    client.write(sendWith(lines(30)));
    expect(await accepted(client)).toBe('accepted');
    client.write(sendWith(lines(31)));
    expect(await client.refusal()).toMatchObject({ code: 'too-many-headers', close: 1009 });
  });

  test('L01 a CONNECT has the same limit', async () => {
    const client = await chat.open();
    client.write(`CONNECT\n${'h:x\n'.repeat(33)}\n\0`);
    expect(await client.refusal()).toMatchObject({ code: 'too-many-headers', close: 1009 });
  });

  test('L02 a header line of 1,024 octets is accepted, one more is refused, also drip by drip', async () => {
    const line = (octets: number) => `h:${'가'.repeat(300)}`.padEnd(octets - 600, 'x');
    expect(Buffer.byteLength(line(1_024))).toBe(1_024);
    const client = await chat.connect('ann');
    client.write(sendWith(`${line(1_024)}\n`));
    expect(await accepted(client)).toBe('accepted');
    client.write(sendWith(`${line(1_025)}\n`));
    expect(await client.refusal()).toMatchObject({ code: 'header-too-long', close: 1009 });
    const dripping = await chat.connect('ann');
    for (const octet of Buffer.from(`SEND\n${line(1_026)}`)) dripping.write(Buffer.from([octet]));
    expect(await dripping.refusal()).toMatchObject({ code: 'header-too-long', close: 1009 });
  });

  test('L02 an Authorization line may have 4,096 octets, and no more', async () => {
    const line = (octets: number) => 'Authorization:Bearer '.padEnd(octets, 'x');
    for (const [octets, code] of [
      [4_096, 'token-invalid'],
      [4_097, 'header-too-long'],
    ] as const) {
      const client = await chat.open();
      client.write(`CONNECT\naccept-version:1.2\n${line(octets)}\n\n\0`);
      expect((await client.refusal()).code).toBe(code);
    }
  });

  test('L02 a command line that does not end is refused early', async () => {
    const client = await chat.open();
    client.write('A'.repeat(20));
    expect(await client.refusal()).toMatchObject({ code: 'unknown-command' });
  });

  test('L03 L07 a frame of 65,536 octets is accepted, one more is refused, also in pieces', async () => {
    const client = await chat.connect('ann');
    client.write(sendOf(65_536));
    expect(await accepted(client)).toBe('accepted');
    const text = sendOf(65_536);
    for (let at = 0; at < text.length; at += 8_192) client.write(text.slice(at, at + 8_192));
    expect(await accepted(client)).toBe('accepted');
    client.write(sendOf(65_537));
    expect(await client.refusal()).toMatchObject({ code: 'frame-too-large', close: 1009 });
    const pieces = await chat.connect('ann');
    const more = sendOf(65_537);
    for (let at = 0; at < more.length; at += 8_192) pieces.write(more.slice(at, at + 8_192));
    expect(await pieces.refusal()).toMatchObject({ code: 'frame-too-large', close: 1009 });
  });

  test('L03 what is declared too large is refused before it comes, what is not declared when it has come', async () => {
    const declared = await chat.connect('ann');
    declared.write('SEND\ndestination:/pub/send/message\ncontent-length:65536\n\n');
    expect(await declared.refusal()).toMatchObject({ code: 'frame-too-large', close: 1009 });
    const endless = await chat.connect('ann');
    endless.write('SEND\ndestination:/pub/send/message\n\n');
    for (let n = 0; n < 8; n++) endless.write('x'.repeat(8_192));
    expect(await endless.refusal()).toMatchObject({ code: 'frame-too-large', close: 1009 });
  });

  test('L04 256 subscriptions are accepted, one more is refused; those that were given back count no more', async () => {
    const destination = `/topic/chat/room/${roomId}`;
    const client = await chat.connect('ann');
    for (let n = 0; n < 256; n++) client.send('SUBSCRIBE', { destination, id: `${n}` });
    client.send('UNSUBSCRIBE', { id: '0' });
    client.send('SUBSCRIBE', { destination, id: '256', receipt: 'last' });
    await client.receipt('last');
    expect(chat.broker.subscriptions).toBe(256);
    client.send('SUBSCRIBE', { destination, id: '257', receipt: 'r' });
    const refusal = await client.refusal();
    expect(refusal).toMatchObject({ code: 'too-many-subscriptions', close: 1008 });
    expect(refusal.error.headers.get('receipt-id')).toBe('r');
    await chat.empty();
    expect(chat.broker.subscriptions).toBe(0);
  });
});

describe('limits of what is under way', () => {
  const chats: Chat[] = [];
  afterEach(async () => {
    await Promise.all(chats.splice(0).map((chat) => chat.close()));
  });
  const open = async (...args: Parameters<typeof openChat>) => {
    const chat = await openChat(...args);
    chats.push(chat);
    return chat;
  };

  test('5,000 SENDs sent without reading a receipt are stored once, in order, and receipted in order', async () => {
    const chat = await open({ limits: { inFlight: 64 } });
    const roomId = await chat.newRoom('ann', 'bob');
    const [client, reader] = [await chat.connect('ann'), await chat.connect('bob')];
    await reader.subscribe(roomId, '0');
    client.webSocket.pause();
    for (let n = 0; n < 5_000; n += 50) {
      client.write(
        Array.from({ length: 50 }, (_, index) => sendText(roomId, `${n + index}`, `${n + index}`)).join(''),
      );
    }
    await reader.messages(5_000);
    client.webSocket.resume();
    for (let n = 0; n < 5_000; n++) await client.receipt(`${n}`);
    expect(await chat.history(roomId)).toEqual(Array.from({ length: 5_000 }, (_, n) => `${n}`));
  });

  test('past the limit of frames in flight nothing more is begun and the socket is not read', async () => {
    const gate = Promise.withResolvers<void>();
    const full = Promise.withResolvers<void>();
    let begun = 0;
    const slow = mapHandler({
      destination: '/pub/test/slow',
      schema: z.object({ pad: z.string() }),
      handle: async () => {
        begun += 1;
        if (begun === 10) full.resolve();
        await gate.promise;
        return [];
      },
    });
    const chat = await open({
      limits: { inFlight: 10 },
      mappings: [slow],
      timing: { unfinishedFrameMs: 200, tickMs: 10 },
    });
    const client = await chat.connect('ann');
    const frame = (n: number) =>
      frameText(
        'SEND',
        { destination: '/pub/test/slow', receipt: `${n}` },
        JSON.stringify({ pad: 'x'.repeat(30_000) }),
      );
    const count = 1_000;
    for (let n = 0; n < count; n++) client.write(frame(n));
    await full.promise;
    // Silence is what is measured: nothing more may be begun, nor the frame that is not read count as unfinished.
    await silence(500);
    expect(begun).toBe(10);
    expect(client.webSocket.bufferedAmount).toBeGreaterThan(10_000_000);
    expect(client.frames).toEqual([]);
    gate.resolve();
    for (let n = 0; n < count; n++) await client.receipt(`${n}`);
    expect(begun).toBe(count);
  });

  test('when the database has too much to do the SEND is refused as overloaded, and what was receipted is stored', async () => {
    const chat = await open({ queueLimit: 8, limits: { inFlight: 1_000 } });
    const roomId = await chat.newRoom('ann');
    const client = await chat.connect('ann');
    client.write(Array.from({ length: 500 }, (_, n) => sendText(roomId, `${n}`, `${n}`)).join(''));
    const refusal = await client.refusal().catch((error: Error) => error);
    expect(refusal).toMatchObject({ code: 'overloaded', close: 1013, reason: 'retry-after=1500' });
    const receipt = 'error' in refusal ? Number(refusal.error.headers.get('receipt-id')) : 0;
    const stored = await chat.history(roomId);
    expect(stored.slice(0, receipt)).toEqual(Array.from({ length: receipt }, (_, n) => `${n}`));
  });
});

describe('a reader that is too slow', () => {
  test('FR11 is told so and closed with 1013; the others miss nothing', async () => {
    const chat = await openChat({ timing: { closeMs: 5_000 } });
    const roomId = await chat.newRoom('ann', 'bob', 'carl');
    const [stalled, reader, writer] = [
      await chat.connect('bob'),
      await chat.connect('carl'),
      await chat.connect('ann'),
    ];
    await stalled.subscribe(roomId, '0');
    const head = await reader.subscribe(roomId, '0');
    stalled.webSocket.pause();
    const content = 'x'.repeat(16_000);
    let sent = 0;
    while (chat.broker.subscriptions === 2) {
      for (let n = 0; n < 32; n++) writer.say(roomId, content, n === 31 ? `${sent}` : undefined);
      await writer.receipt(`${sent}`);
      sent += 32;
      expect(sent).toBeLessThan(5_000);
    }
    stalled.webSocket.resume();
    const refusal = await stalled.refusal();
    expect(refusal).toMatchObject({ code: 'too-slow', close: 1013, reason: 'retry-after=1500' });
    const seqs = (await reader.messages(sent)).map((message) => bodyOf(message).seq);
    expect(seqs).toEqual(Array.from({ length: sent }, (_, n) => head + 1 + n));
    await chat.close();
  });

  test('a reader that keeps up hears a burst larger than what may wait for it', async () => {
    const chat = await openChat();
    const roomId = await chat.newRoom('ann', 'bob');
    const [reader, writer] = [await chat.connect('bob'), await chat.connect('ann')];
    await reader.subscribe(roomId, '0');
    // Together more than outboundOctets, and committed in few batches.
    const count = Math.ceil(LIMITS.outboundOctets / 16_000) + 10;
    for (let n = 0; n < count; n++) writer.say(roomId, 'x'.repeat(16_000));
    expect((await reader.messages(count)).length).toBe(count);
    await chat.close();
  });

  test('with octets waiting and none leaving it is closed, also when nothing new comes', async () => {
    const chat = await openChat({
      limits: { outboundOctets: 64 * 1_048_576 },
      timing: { noProgressMs: 300, tickMs: 10, closeMs: 100 },
    });
    const roomId = await chat.newRoom('ann', 'bob');
    const [stalled, writer] = [await chat.connect('bob'), await chat.connect('ann')];
    await stalled.subscribe(roomId, '0');
    stalled.webSocket.pause();
    for (let n = 0; n < 1_000; n++) writer.say(roomId, 'x'.repeat(16_000), n === 999 ? 'r' : undefined);
    await writer.receipt('r');
    await chat.empty(1);
    expect(chat.broker.subscriptions).toBe(0);
    expect(writer.webSocket.readyState).toBe(writer.webSocket.OPEN);
    await chat.close();
  });
});
