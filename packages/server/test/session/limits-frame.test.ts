// The bounds of a frame, each at the limit and one past it: headers, lines, octets, the first frame, time.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import { growthOf, refusalsDuring } from './growth.ts';
import { type RawClient, sendText } from './raw-client.ts';

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

  test('L01 chat.headers: 32 are accepted, 33 are refused', async () => {
    const lines = (count: number) => Array.from({ length: count }, (_, n) => `h${n}:x\n`).join('');
    const client = await chat.connect('ann');
    client.write(sendWith(lines(30)));
    expect(await accepted(client)).toBe('accepted');
    const refusals = await refusalsDuring(chat, 'too-many-headers', async () => {
      client.write(sendWith(lines(31)));
      expect(await client.refusal()).toMatchObject({ code: 'too-many-headers', close: 1009 });
    });
    expect(refusals).toBe(1);
  });

  test('L01 a CONNECT has the same limit', async () => {
    const client = await chat.open();
    client.write(`CONNECT\n${'h:x\n'.repeat(33)}\n\0`);
    expect(await client.refusal()).toMatchObject({ code: 'too-many-headers', close: 1009 });
  });

  test('L02 chat.headerOctets: a line of 1,024 octets is accepted, one more is refused, also drip by drip', async () => {
    const line = (octets: number) => `h:${'가'.repeat(300)}`.padEnd(octets - 600, 'x');
    expect(Buffer.byteLength(line(1_024))).toBe(1_024);
    const client = await chat.connect('ann');
    client.write(sendWith(`${line(1_024)}\n`));
    expect(await accepted(client)).toBe('accepted');
    const refusals = await refusalsDuring(chat, 'header-too-long', async () => {
      client.write(sendWith(`${line(1_025)}\n`));
      expect(await client.refusal()).toMatchObject({ code: 'header-too-long', close: 1009 });
      const dripping = await chat.connect('ann');
      for (const octet of Buffer.from(`SEND\n${line(1_026)}`)) dripping.write(Buffer.from([octet]));
      expect(await dripping.refusal()).toMatchObject({ code: 'header-too-long', close: 1009 });
    });
    expect(refusals).toBe(2);
  });

  test('L02 chat.authorizationOctets: an Authorization line may have 4,096 octets, and no more', async () => {
    const line = (octets: number) => 'Authorization:Bearer '.padEnd(octets, 'x');
    for (const [octets, code] of [
      [4_096, 'token-invalid'],
      [4_097, 'header-too-long'],
    ] as const) {
      const refusals = await refusalsDuring(chat, code, async () => {
        const client = await chat.open();
        client.write(`CONNECT\naccept-version:1.2\n${line(octets)}\n\n\0`);
        expect((await client.refusal()).code).toBe(code);
      });
      expect(refusals).toBe(1);
    }
  });

  test('L02 a command line that does not end is refused early', async () => {
    const client = await chat.open();
    client.write('A'.repeat(20));
    expect(await client.refusal()).toMatchObject({ code: 'unknown-command' });
  });

  test('L03 L07 chat.frameOctets: a frame of 65,536 octets is accepted, one more is refused, also in pieces', async () => {
    const client = await chat.connect('ann');
    client.write(sendOf(65_536));
    expect(await accepted(client)).toBe('accepted');
    const text = sendOf(65_536);
    for (let at = 0; at < text.length; at += 8_192) client.write(text.slice(at, at + 8_192));
    expect(await accepted(client)).toBe('accepted');
    const refusals = await refusalsDuring(chat, 'frame-too-large', async () => {
      client.write(sendOf(65_537));
      expect(await client.refusal()).toMatchObject({ code: 'frame-too-large', close: 1009 });
      const pieces = await chat.connect('ann');
      const more = sendOf(65_537);
      for (let at = 0; at < more.length; at += 8_192) pieces.write(more.slice(at, at + 8_192));
      expect(await pieces.refusal()).toMatchObject({ code: 'frame-too-large', close: 1009 });
    });
    expect(refusals).toBe(2);
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

  test('FR05 chat.webSocketMessageOctets: a message of 262,144 octets is read, however many frames it holds, one more is closed on', async () => {
    const client = await chat.connect('ann');
    const send = sendOf(60_000);
    const frames = Array.from({ length: 4 }, (_, n) => send.replace('receipt:r', `receipt:${n}`)).join('');
    client.write(frames.padEnd(262_144, '\n'));
    for (let n = 0; n < 4; n++) await client.receipt(`${n}`);
    const refusals = await refusalsDuring(chat, 'frame-too-large', async () => {
      const closes = await growthOf(chat, 'maru_session_closes_total{code="1009"}', async () => {
        client.write(frames.padEnd(262_145, '\n'));
        expect((await client.closed).code).toBe(1009);
        await chat.empty();
      });
      expect(closes).toBe(1);
    });
    expect(refusals).toBe(1);
    expect(client.frames).toEqual([]);
  });
});

describe('the first frame', () => {
  let chat: Chat;
  const LIMIT = 1_000;
  beforeAll(async () => {
    chat = await openChat({ limits: { connectOctets: LIMIT, authorizationOctets: LIMIT } });
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  /** A good CONNECT of exactly so many octets, ends of line before it included. */
  const connectOf = async (octets: number, endsOfLine = 0) => {
    const rest = `\n\0`;
    const head = `${'\n'.repeat(endsOfLine)}CONNECT\naccept-version:1.2\nAuthorization:Bearer ${await chat.token('ann')}\npad:`;
    return `${head.padEnd(octets - rest.length - 1, 'x')}\n${rest}`;
  };
  const whole = (client: RawClient, text: string) => client.write(text);
  const pieces = (client: RawClient, text: string) => {
    for (let at = 0; at < text.length; at += 7) client.write(text.slice(at, at + 7));
  };

  test.each([
    ['whole', whole, 0],
    ['in pieces', pieces, 0],
    ['behind ends of line', whole, 100],
    ['in pieces, behind ends of line', pieces, 100],
  ])(
    'FR14 chat.connectOctets: up to the limit it is accepted %s, one octet more is refused',
    async (_, write, endsOfLine) => {
      const client = await chat.open();
      write(client, await connectOf(LIMIT, endsOfLine));
      await client.expect('CONNECTED');
      const refusals = await refusalsDuring(chat, 'frame-too-large', async () => {
        const greedy = await chat.open();
        write(greedy, await connectOf(LIMIT + 1, endsOfLine));
        expect(await greedy.refusal()).toMatchObject({ code: 'frame-too-large', close: 1009 });
      });
      expect(refusals).toBe(1);
    },
  );

  test('FR14 ends of line alone use it up too', async () => {
    const client = await chat.open();
    for (let n = 0; n < LIMIT; n++) client.write('\n');
    client.write('\n');
    expect(await client.refusal()).toMatchObject({ code: 'frame-too-large', close: 1009 });
  });

  test('what comes behind it, even in the same message, has the limits of every frame', async () => {
    const client = await chat.open();
    const roomId = await chat.newRoom('ann');
    const sends = Array.from({ length: 10 }, (_, n) => sendText(roomId, 'x'.repeat(500), `${n}`)).join('');
    client.write((await connectOf(LIMIT)) + sends);
    await client.expect('CONNECTED');
    for (let n = 0; n < 10; n++) await client.receipt(`${n}`);
  });
});

describe('time for a frame', () => {
  test('L05 chat.unfinishedFrameMs: a frame that is finished in time is taken, one that is not is refused', async () => {
    const chat = await openChat({ timing: { unfinishedFrameMs: 500, tickMs: 10 } });
    const roomId = await chat.newRoom('ann');
    const [client, late] = [await chat.connect('ann'), await chat.connect('ann')];
    const text = sendText(roomId, 'in two halves', 'r');
    client.write(text.slice(0, 20));
    client.write(text.slice(20));
    await client.receipt('r');
    const refusals = await refusalsDuring(chat, 'frame-timeout', async () => {
      late.write(text.slice(0, 20));
      expect(await late.refusal()).toMatchObject({ code: 'frame-timeout', close: 1002 });
    });
    expect(refusals).toBe(1);
    await chat.close();
  });
});
