// Heart-beats over a real socket, and the deadlines of a session.
import { setTimeout as silence } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import { bodyOf, headersOf, type RawClient } from './raw-client.ts';

const PERIOD = 200;

describe('heart-beats', () => {
  let chat: Chat;
  let roomId: string;
  beforeAll(async () => {
    chat = await openChat({ timing: { heartBeatMs: PERIOD, tickMs: 10 } });
    roomId = await chat.newRoom('ann');
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  const connect = (headers: Record<string, string>) => chat.connect('ann', headers);
  /** Milliseconds from one beat to the next, on the average. */
  const periodOf = ({ heartBeats }: RawClient) =>
    ((heartBeats.at(-1) ?? 0) - (heartBeats[0] ?? 0)) / (heartBeats.length - 1);

  test.each(['10000', 'a,b', '-1,0', '1,2,3', '1,', ',1', ' 1,1', '1.5,1', '1e3,1', ''])(
    'H01 the heart-beat "%s" is refused',
    async (heartBeat) => {
      const client = await chat.open();
      client.write(
        `CONNECT\naccept-version:1.2\nheart-beat:${heartBeat}\nAuthorization:Bearer ${await chat.token('ann')}\n\n\0`,
      );
      expect(await client.refusal()).toMatchObject({ code: 'invalid-header', close: 1002 });
    },
  );

  test('H02 H04 H07 they come where they were agreed on and nowhere else, an EOL where there is no frame', async () => {
    const [agreed, without, refused, old, longer] = await Promise.all([
      connect({ 'heart-beat': '0,1' }),
      connect({}),
      connect({ 'heart-beat': '0,0' }),
      connect({ 'accept-version': '1.0', 'heart-beat': '1,1' }),
      connect({ 'heart-beat': '0,600' }),
    ]);
    // The time that the others have for beats that they must not get: that of eight beats where they were agreed on.
    await agreed.beats(8);
    // The exact bounds are tested with given times; here a busy machine is allowed some lateness.
    expect(periodOf(agreed)).toBeGreaterThan(PERIOD / 2);
    expect(periodOf(agreed)).toBeLessThan(PERIOD * 1.75);
    expect([without.heartBeats, refused.heartBeats, old.heartBeats]).toEqual([[], [], []]);
    await longer.beats(2);
    expect(longer.heartBeats.length * 2).toBeLessThan(agreed.heartBeats.length);
  });

  test('H07 H08 the numbers that the server announces are its own; to a 1.0 client 0,0', async () => {
    const announced = [];
    for (const headers of [
      { 'heart-beat': '1,1' },
      { 'heart-beat': '0,0' },
      { 'accept-version': '1.0', 'heart-beat': 'x' },
    ]) {
      const client = await chat.open();
      announced.push(headersOf(await client.connect(await chat.token('ann'), headers))['heart-beat']);
    }
    expect(announced).toEqual(['200,200', '200,200', '0,0']);
  });

  test('H05 H06 a busy client lives, a silent one is told and closed, and its subscriptions are gone', async () => {
    const headers = { 'heart-beat': '1,0' };
    const [busy, beating, silent, other] = await Promise.all([
      connect(headers),
      connect(headers),
      connect(headers),
      connect({}),
    ]);
    await silent.subscribe(roomId, '0');
    await busy.subscribe(roomId, '0');
    const began = performance.now();
    let n = 0;
    const life = setInterval(() => {
      busy.say(roomId, `${n++}`);
      beating.write('\n');
    }, PERIOD / 4);
    await silent.closed;
    clearInterval(life);
    expect(performance.now() - began).toBeGreaterThan(PERIOD * 1.2);
    expect(await silent.refusal()).toMatchObject({ code: 'heart-beat-timeout', close: 1002 });
    for (const client of [busy, beating, other]) {
      expect(client.webSocket.readyState).toBe(client.webSocket.OPEN);
      client.say(roomId, 'alive', 'r');
      await client.receipt('r');
    }
    expect(chat.broker.subscriptions).toBe(1);
  });

  test('H09 a heart-beat never comes inside a frame', async () => {
    const client = await connect({ 'heart-beat': '0,1' });
    await client.subscribe(roomId, '0');
    for (let round = 0; round < 6; round++) {
      for (let n = 0; n < 5; n++) client.say(roomId, 'x'.repeat(16_000), n === 4 ? `r${round}` : undefined);
      await client.receipt(`r${round}`);
      // The silence is what brings a beat: each a little longer, so that the next frames meet it at another moment.
      await silence(PERIOD - 40 + round * 10);
    }
    const contents = (await client.messages(30)).map((message) => bodyOf(message).content);
    expect(contents).toEqual(Array(30).fill('x'.repeat(16_000)));
    await client.beats(1);
  });
});

describe('deadlines', () => {
  let chat: Chat;
  let roomId: string;
  beforeAll(async () => {
    chat = await openChat({ timing: { connectMs: 300, unfinishedFrameMs: 300, tickMs: 10 } });
    roomId = await chat.newRoom('ann');
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  test('C11 FR14 a socket that never sends CONNECT is told and closed, also one that only beats', async () => {
    const [silent, beating, half] = [await chat.open(), await chat.open(), await chat.open()];
    half.write('CONN');
    const beat = setInterval(() => beating.write('\n'), 50);
    expect(await silent.refusal()).toMatchObject({
      code: 'connect-timeout',
      close: 1008,
      reason: 'connect-timeout',
    });
    expect(await beating.refusal()).toMatchObject({ code: 'connect-timeout' });
    expect((await half.refusal()).code).toMatch(/^(connect|frame)-timeout$/);
    clearInterval(beat);
    await chat.empty();
  });

  test('L05 L07 half a frame and then silence is told and closed, and so is one that drips', async () => {
    const [silent, dripping, idle] = [
      await chat.connect('ann'),
      await chat.connect('ann'),
      await chat.connect('ann'),
    ];
    silent.write('SEND\ndestination:/pub/send');
    dripping.write('SEND\n');
    let n = 0;
    const drip = setInterval(() => dripping.write(`h${n++}:x\n`), 40);
    expect(await silent.refusal()).toMatchObject({ code: 'frame-timeout', close: 1002 });
    expect(await dripping.refusal()).toMatchObject({ code: 'frame-timeout' });
    clearInterval(drip);
    // Both deadlines have run since it last said something.
    idle.say(roomId, 'idle is no crime', 'r');
    await idle.receipt('r');
  });
});
