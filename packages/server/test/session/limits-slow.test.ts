// The bounds of how slow a client may be: to read, to beat, to renew its token, to answer a Close.
import { describe, expect, test } from 'vitest';
import { LIMITS, openChat } from './chat-fixture.ts';
import { growthOf, refusalsDuring } from './growth.ts';
import { bodyOf, type RawClient } from './raw-client.ts';
import { RawSocket } from './raw-socket.ts';

describe('a reader that is too slow', () => {
  test('FR11 chat.outboundOctets: past it a reader’s rooms wait in their logs, the others miss nothing, and when it reads it gets all', async () => {
    const chat = await openChat();
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
    const send = async (count: number): Promise<void> => {
      for (let n = 1; n <= count; n++) writer.say(roomId, content, n === count ? `${sent}` : undefined);
      await writer.receipt(`${sent}`);
      sent += count;
    };
    const waiting: number[] = [];
    while ((await chat.metric('maru_subscriptions_behind')) === 0) {
      await send(32);
      expect(sent).toBeLessThan(5_000);
      waiting.push(await chat.metric('maru_outbound_octets_max'));
    }
    // Ten times as much as may wait for it; none of it waits in memory.
    const most = Math.max(...waiting);
    for (let more = 0; more < 10 * LIMITS.outboundOctets; more += 32 * 16_000) {
      await send(32);
      expect(await chat.metric('maru_outbound_octets_max')).toBeLessThanOrEqual(most);
    }
    expect(most).toBeLessThan(LIMITS.outboundOctets + 40 * 17_000);
    const all = Array.from({ length: sent }, (_, n) => head + 1 + n);
    const seqsOf = async (client: RawClient) =>
      (await client.messages(sent)).map((message) => bodyOf(message).seq);
    expect(await seqsOf(reader)).toEqual(all);
    stalled.webSocket.resume();
    expect(await seqsOf(stalled)).toEqual(all);
    await chat.empty(3);
    expect(await chat.metric('maru_subscriptions_behind')).toBe(0);
    expect(await chat.refusals('too-slow')).toBe(0);
    expect(await chat.metric('maru_reads_paused_total{reason="outbound"}')).toBeGreaterThan(0);
    await chat.close();
  });

  test('chat.outboundOctets: whoever sends and does not read is not read either, until it has', async () => {
    const chat = await openChat({ limits: { outboundOctets: 1_000_000 } });
    const roomId = await chat.newRoom('ann');
    const client = await chat.connect('ann');
    client.webSocket.pause();
    // Each SEND asks for a RECEIPT that is half as large.
    let asked = 0;
    while ((await chat.metric('maru_reads_paused_total{reason="outbound"}')) === 0) {
      for (let n = 0; n < 100; n++) client.say(roomId, 'x', `${asked++} ${'r'.repeat(900)}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const most = await chat.metric('maru_outbound_octets_max');
    for (let n = 0; n < 5_000; n++) client.say(roomId, 'x', `${asked++} ${'r'.repeat(900)}`);
    await chat.metric('maru_sessions');
    expect(await chat.metric('maru_outbound_octets_max')).toBeLessThan(most + 256 * 1_100);
    client.webSocket.resume();
    for (let n = 0; n < asked; n++) {
      expect((await client.expect('RECEIPT')).headers.get('receipt-id')).toMatch(new RegExp(`^${n} `));
    }
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

  test('FR11 chat.noProgressMs: with octets waiting and none leaving it is closed, also when nothing new comes', async () => {
    const chat = await openChat({
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
    expect(await chat.refusals('too-slow')).toBe(1);
    await chat.close();
  });
});

describe('a client that is gone, or as good as gone', () => {
  test('H09 chat.heartBeatTolerance: who beats within so many periods stays, who is silent for longer is told so', async () => {
    const chat = await openChat({ timing: { heartBeatMs: 400, heartBeatTolerance: 2, tickMs: 10 } });
    const [beating, silent] = [
      await chat.connect('ann', { 'heart-beat': '400,0' }),
      await chat.connect('ann', { 'heart-beat': '400,0' }),
    ];
    const timer = setInterval(() => beating.write('\n'), 300);
    const refusals = await refusalsDuring(chat, 'heart-beat-timeout', async () => {
      expect(await silent.refusal()).toMatchObject({ code: 'heart-beat-timeout', close: 1002 });
    });
    expect(refusals).toBe(1);
    expect(beating.webSocket.readyState).toBe(beating.webSocket.OPEN);
    clearInterval(timer);
    await chat.close();
  });

  test('TK17 chat.tokenGraceMs: within it a session goes on, past it it is told that its token has ended', async () => {
    const chat = await openChat({ timing: { tokenGraceMs: 1_500, tickMs: 10 } });
    const roomId = await chat.newRoom('ann');
    const endsAt = Date.now() + 1_000;
    const client = await chat.open();
    await client.connect(await chat.sign({ sub: 'ann', name: 'Ann', exp: endsAt / 1000 }));
    while (Date.now() <= endsAt) {
      client.say(roomId, 'still here', 'r');
      await client.receipt('r');
    }
    // The token has ended.
    client.say(roomId, 'even now', 'last');
    await client.receipt('last');
    const refusals = await refusalsDuring(chat, 'token-expired', async () => {
      expect(await client.refusal()).toMatchObject({ code: 'token-expired', close: 1008 });
    });
    expect(refusals).toBe(1);
    expect(Date.now()).toBeGreaterThanOrEqual(endsAt + 1_500);
    await chat.close();
  });

  test('FR06 chat.closeMs: who answers the Close in time is parted from in peace, who doesn’t is cut', async () => {
    const chat = await openChat({ timing: { closeMs: 300 } });
    const growth = await growthOf(chat, 'maru_session_closes_total{code="1002"}', async () => {
      for (const answers of [true, false]) {
        const socket = RawSocket.upgrade(chat.port);
        await socket.head;
        const began = performance.now();
        socket.write('HELLO\n\n\0');
        if (answers) expect(await socket.closeCode()).toBe(1002);
        else await socket.closed;
        await chat.empty();
        if (!answers) expect(performance.now() - began).toBeGreaterThan(250);
      }
    });
    expect(growth).toBe(2);
    await chat.close();
  });

  test('chat.drainMs: at the end of the server who answers goes in peace, who doesn’t is cut', async () => {
    const chat = await openChat({ timing: { drainMs: 300, closeMs: 60_000 } });
    const [good, deaf] = [await chat.connect('ann'), RawSocket.upgrade(chat.port)];
    await deaf.head;
    const began = performance.now();
    const growth = await growthOf(chat, 'maru_session_closes_total{code="1012"}', async () => {
      await chat.endpoint.close();
    });
    expect(growth).toBe(2);
    expect(performance.now() - began).toBeGreaterThan(250);
    expect(await good.closed).toMatchObject({ code: 1012 });
    await deaf.closed;
    await chat.close();
  });
});
