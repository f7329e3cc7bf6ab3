// WebSocket frames as no honest client sends them: each is closed with its code, what came before it counts, nothing behind it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import { CLOSE, closeOf, PING, PONG, TEXT, useHostileGround } from './hostile-ground.ts';
import { frameText, sendText } from './raw-client.ts';
import { type FrameParts, RawSocket, wireFrame } from './raw-socket.ts';

const ground = useHostileGround();

describe('FR01 FR02 FR03 a frame that RFC 6455 forbids is closed with 1002', () => {
  const long = (octets: number, parts: FrameParts = {}): [Buffer, FrameParts] => [
    Buffer.alloc(octets),
    parts,
  ];
  const forbidden: [string, Buffer, FrameParts][] = [
    ...[0, 1, 2, 8, 9, 10].map((opcode): [string, Buffer, FrameParts] => [
      `FR01 an unmasked frame of opcode ${opcode}`,
      opcode === 8 ? closeOf(1000) : Buffer.from('x'),
      { opcode, masked: false },
    ]),
    ['FR01 an unmasked frame without a payload', Buffer.alloc(0), { masked: false }],
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, Buffer, FrameParts] => [
      `FR02 the reserved opcode ${opcode}`,
      Buffer.from('x'),
      { opcode },
    ]),
    ...[1, 2, 3, 4, 5, 6, 7].flatMap((rsv) =>
      [TEXT, 2, PING, CLOSE].map((opcode): [string, Buffer, FrameParts] => [
        `${rsv === 4 ? 'CM02 ' : ''}FR02 reserved bits ${rsv} on opcode ${opcode}`,
        opcode === CLOSE ? closeOf(1000) : Buffer.from('x'),
        { opcode, rsv },
      ]),
    ),
    ['FR02 a continuation of nothing', Buffer.from('x'), { opcode: 0 }],
    ['FR03 a Ping of 126 octets', ...long(126, { opcode: PING })],
    ['FR03 a Pong of 126 octets', ...long(126, { opcode: PONG })],
    ['FR03 a Close of 126 octets', closeOf(1000, 'x'.repeat(124)), { opcode: CLOSE }],
    ['FR03 a Ping of 70,000 octets', ...long(70_000, { opcode: PING })],
    ['FR03 a Ping in pieces', Buffer.from('x'), { opcode: PING, fin: false }],
    ['FR03 a Pong in pieces', Buffer.from('x'), { opcode: PONG, fin: false }],
    ['FR03 a Close in pieces', closeOf(1000), { opcode: CLOSE, fin: false }],
    [
      'FR03 a short Ping with a long length',
      Buffer.from('x'),
      { opcode: PING, length: { form: 16, value: 1n } },
    ],
  ];
  test.each(forbidden)('%s', async (_what, payload, parts) => {
    const socket = await ground.session();
    socket.socket.write(
      Buffer.concat([wireFrame(payload, parts), wireFrame(sendText(ground.roomId, 'behind it'))]),
    );
    expect(await socket.closeCode()).toBe(1002);
    await ground.chat.empty();
    expect(await ground.chat.history(ground.roomId)).not.toContain('behind it');
  });

  test('FR02 a new message in the middle of one in fragments', async () => {
    const socket = await ground.session();
    socket.write('SE', { fin: false });
    socket.write('x');
    expect(await socket.closeCode()).toBe(1002);
  });

  test('CM02 RSV1 on a continuation', async () => {
    const socket = await ground.session();
    socket.write('SE', { fin: false });
    socket.write('ND', { opcode: 0, rsv: 4 });
    expect(await socket.closeCode()).toBe(1002);
  });
});

describe('FR02 a length that is not in its shortest form', () => {
  const SEVEN_BITS = frameText('BEGIN', { transaction: 't' });

  test.each([
    ['a message of 0 octets in 16 bits', '', { form: 16, value: 0n }],
    ['a message of 125 octets in 16 bits', 'x'.repeat(125), { form: 16, value: 125n }],
    ['a message of 0 octets in 64 bits', '', { form: 64, value: 0n }],
    ['a message of 126 octets in 64 bits', 'x'.repeat(126), { form: 64, value: 126n }],
    ['a message of 65,535 octets in 64 bits', 'x'.repeat(65_535), { form: 64, value: 65_535n }],
    ['a good frame but for its length', SEVEN_BITS, { form: 16, value: BigInt(SEVEN_BITS.length) }],
  ] as const)(
    '%s: what came before is acted on and receipted, then ERROR and 1002',
    async (_what, payload, length) => {
      const socket = await ground.session();
      socket.socket.write(
        Buffer.concat([
          wireFrame(sendText(ground.roomId, 'before it', 'r')),
          wireFrame(payload, { length }),
          wireFrame(sendText(ground.roomId, 'behind it')),
        ]),
      );
      expect(await socket.text()).toMatch(/^RECEIPT\n/);
      const error = await socket.text();
      expect(error).toMatch(/^ERROR\n/);
      expect(error).toContain('code:malformed-frame\n');
      expect(await socket.closeCode()).toBe(1002);
      await ground.chat.empty();
      expect((await ground.chat.history(ground.roomId)).at(-1)).toBe('before it');
      expect(await ground.chat.history(ground.roomId)).not.toContain('behind it');
    },
  );

  test('is refused in whatever pieces it comes, also before CONNECT', async () => {
    const octets = wireFrame('\n', { length: { form: 64, value: 1n } });
    for (let cut = 1; cut < 10; cut++) {
      const socket = await ground.upgrade();
      socket.socket.setNoDelay(true);
      socket.socket.write(octets.subarray(0, cut));
      // The answer to the Ping of a second connection shows that the first piece has long been read.
      const other = await ground.upgrade();
      other.write('', { opcode: PING });
      await other.next(PONG);
      socket.socket.write(octets.subarray(cut));
      expect(await socket.text()).toContain('code:malformed-frame\n');
      expect(await socket.closeCode()).toBe(1002);
    }
  });

  test('on a continuation is refused likewise, and the message it would have ended is not read', async () => {
    const socket = await ground.session();
    const frame = sendText(ground.roomId, 'half a message');
    socket.write(frame.slice(0, 30), { fin: false });
    const rest = frame.slice(30);
    socket.write(rest, { opcode: 0, length: { form: 64, value: BigInt(Buffer.byteLength(rest)) } });
    expect(await socket.text()).toContain('code:malformed-frame\n');
    expect(await socket.closeCode()).toBe(1002);
    expect(await ground.chat.history(ground.roomId)).not.toContain('half a message');
  });

  test.each([
    ['2^53', 2n ** 53n],
    ['2^63 - 1', 2n ** 63n - 1n],
    ['2^63, which RFC 6455 forbids', 2n ** 63n],
    ['2^64 - 1', 2n ** 64n - 1n],
  ])('FR05 a length of %s is too big: 1009, before any octet of it comes', async (_what, value) => {
    const socket = await ground.session();
    socket.write('', { length: { form: 64, value } });
    expect(await socket.closeCode()).toBe(1009);
  });
});

describe('FR04 text', () => {
  const SYLLABLES = Buffer.from(sendText('room', '한글과 😀 기호'));

  test('is read whole however its characters lie over fragments', async () => {
    const socket = await ground.session();
    const octets = Buffer.from(sendText(ground.roomId, '한😀', 'r'));
    const start = octets.indexOf('한');
    for (let cut = start; cut < start + 7; cut++) {
      socket.write(octets.subarray(0, cut), { fin: false });
      socket.write('', { opcode: 0, fin: false });
      socket.write(octets.subarray(cut), { opcode: 0 });
      expect(await socket.text()).toMatch(/^RECEIPT\n/);
    }
    expect((await ground.chat.history(ground.roomId)).filter((content) => content === '한😀').length).toBe(7);
  });

  test('may begin with a BOM between frames only where STOMP allows it: nowhere', async () => {
    const socket = await ground.session();
    socket.write(`\ufeff${sendText(ground.roomId, 'x')}`);
    expect(await socket.text()).toContain('code:unknown-command\n');
    expect(await socket.closeCode()).toBe(1002);
  });

  test.each([
    ['a lone continuation octet', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an overlong NUL', [0xc0, 0x80]],
    ['an overlong character of three octets', [0xe0, 0x80, 0xaf]],
    ['half a surrogate pair', [0xed, 0xa0, 0x80]],
    ['a character past U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a start octet of five', [0xf8, 0x88, 0x80, 0x80, 0x80]],
    ['0xFE', [0xfe]],
    ['half a character at the end', [...Buffer.from('가').subarray(0, 2)]],
  ])('with %s is closed with 1007, in a message and over fragments', async (_what, octets) => {
    const bad = Buffer.concat([SYLLABLES, Buffer.from(octets)]);
    const whole = await ground.session();
    whole.write(bad);
    expect(await whole.closeCode()).toBe(1007);
    const cut = await ground.session();
    cut.write(bad.subarray(0, bad.length - 1), { fin: false });
    cut.write(bad.subarray(bad.length - 1), { opcode: 0 });
    expect(await cut.closeCode()).toBe(1007);
  });

  test('in a Close that is not UTF-8 is closed with 1007', async () => {
    const socket = await ground.session();
    socket.write(closeOf(1000, Buffer.from([0xff])), { opcode: CLOSE });
    expect(await socket.closeCode()).toBe(1007);
  });

  test('in a binary message is held to UTF-8 where STOMP wants it: in headers, with ERROR and 1007', async () => {
    const socket = await ground.session();
    socket.write(Buffer.concat([Buffer.from('SEND\na:'), Buffer.from([0xc0, 0xaf]), Buffer.from('\n\n\0')]), {
      opcode: 2,
    });
    expect(await socket.text()).toContain('code:invalid-utf8\n');
    expect(await socket.closeCode()).toBe(1007);
  });
});

describe('FR05 a message in pieces', () => {
  const inFragments = (payload: string, count: number): Buffer => {
    const octets = Buffer.from(payload);
    const fragments = Array.from({ length: count }, (_, n) =>
      wireFrame(n === 0 ? octets : '', { opcode: n === 0 ? TEXT : 0, fin: n === count - 1 }),
    );
    return Buffer.concat(fragments);
  };

  test('of 1,024 fragments is read, of one more is closed with 1008', async () => {
    const most = await ground.session();
    most.socket.write(inFragments(sendText(ground.roomId, 'in 1,024 pieces', 'r'), 1_024));
    expect(await most.text()).toMatch(/^RECEIPT\n/);
    const more = await ground.session();
    more.socket.write(inFragments(sendText(ground.roomId, 'in 1,025 pieces'), 1_025));
    expect(await more.closeCode()).toBe(1008);
    expect(await ground.chat.history(ground.roomId)).not.toContain('in 1,025 pieces');
  });

  test('of fragments without end is ended before it fills memory', async () => {
    const socket = await ground.session();
    socket.write('x', { fin: false });
    const many = Buffer.concat(Array(10_000).fill(wireFrame('', { opcode: 0, fin: false })));
    for (let n = 0; n < 100 && !socket.socket.destroyed; n++) await socket.flood(many);
    expect([1008, 1009]).toContain(await socket.closeCode());
  });
});

describe('an unfinished WebSocket message', () => {
  let quick: Chat;
  beforeAll(async () => {
    quick = await openChat({ timing: { unfinishedFrameMs: 300, tickMs: 10, closeMs: 100 } });
  });
  afterAll(() => quick.close());
  const session = async () => ground.keep(await RawSocket.session(quick.port, await quick.token('ann')));
  const timeOut = async (socket: RawSocket) => {
    expect(await socket.text()).toContain('code:frame-timeout\n');
    expect(await socket.closeCode()).toBe(1002);
  };

  const whole = wireFrame(frameText('DISCONNECT', { receipt: 'x'.repeat(300) }));
  test.each([
    ['one octet', whole.subarray(0, 1)],
    ['half an extended length', whole.subarray(0, 3)],
    ['no masking key', whole.subarray(0, 4)],
    ['half a masking key', whole.subarray(0, 6)],
    ['no payload', whole.subarray(0, 8)],
    ['all but the last octet', whole.subarray(0, -1)],
    ['a first fragment', wireFrame('SEND\n', { fin: false })],
    ['a Ping without its payload', wireFrame('ping', { opcode: PING }).subarray(0, 6)],
  ])('FR02 L05 with %s, and then silence, is told and closed', async (_what, octets) => {
    const socket = await session();
    socket.socket.write(octets);
    await timeOut(socket);
  });

  test('FR02 L07 one that drips, octet by octet or in fragments with Pings between, has one deadline', async () => {
    const [dripping, fragmented] = [await session(), await session()];
    let at = 0;
    fragmented.write('S', { fin: false });
    const drip = setInterval(() => {
      dripping.socket.write(whole.subarray(at, ++at));
      fragmented.write('', { opcode: 0, fin: false });
      fragmented.write('', { opcode: PING });
    }, 20);
    await Promise.all([timeOut(dripping), timeOut(fragmented)]);
    clearInterval(drip);
  });

  test('whole messages may come for as long as they like, one always begun behind another', async () => {
    const socket = await session();
    const message = wireFrame('\n');
    const end = performance.now() + 900;
    const drip = setInterval(() => {
      socket.socket.write(Buffer.concat([message.subarray(3), message.subarray(0, 3)]));
    }, 20);
    socket.socket.write(message.subarray(0, 3));
    while (performance.now() < end) {
      // The half message is finished by the next piece; what is awaited is that the session lives on.
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(socket.socket.destroyed).toBe(false);
    }
    clearInterval(drip);
    socket.socket.write(message.subarray(3));
    socket.write(frameText('DISCONNECT', { receipt: 'bye' }));
    expect(await socket.text()).toMatch(/^RECEIPT\n/);
    expect(await socket.closeCode()).toBe(1000);
  });
});
