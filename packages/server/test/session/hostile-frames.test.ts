// WebSocket frames as no honest client sends them: each is closed with its code, what came before it counts, nothing behind it.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import { frameText, sendText } from './raw-client.ts';
import { type FrameParts, RawSocket, wireFrame } from './raw-socket.ts';

const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

let chat: Chat;
let roomId: string;
beforeAll(async () => {
  chat = await openChat();
  roomId = await chat.newRoom('ann', 'bob');
});
const sockets: RawSocket[] = [];
afterEach(async () => {
  for (const { socket } of sockets.splice(0)) socket.destroy();
  await chat.empty();
});
afterAll(() => chat.close());

const keep = (socket: RawSocket) => {
  sockets.push(socket);
  return socket;
};
const upgrade = async (...headers: string[]) => {
  const socket = keep(RawSocket.upgrade(chat.port, headers));
  await socket.head;
  return socket;
};
const open = async () => keep(await RawSocket.session(chat.port, await chat.token('ann')));
const closeOf = (code: number, reason: string | Buffer = '') => {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.set(Buffer.from(reason), 2);
  return payload;
};

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
    const socket = await open();
    socket.socket.write(Buffer.concat([wireFrame(payload, parts), wireFrame(sendText(roomId, 'behind it'))]));
    expect(await socket.closeCode()).toBe(1002);
    await chat.empty();
    expect(await chat.history(roomId)).not.toContain('behind it');
  });

  test('FR02 a new message in the middle of one in fragments', async () => {
    const socket = await open();
    socket.write('SE', { fin: false });
    socket.write('x');
    expect(await socket.closeCode()).toBe(1002);
  });

  test('CM02 RSV1 on a continuation', async () => {
    const socket = await open();
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
      const socket = await open();
      socket.socket.write(
        Buffer.concat([
          wireFrame(sendText(roomId, 'before it', 'r')),
          wireFrame(payload, { length }),
          wireFrame(sendText(roomId, 'behind it')),
        ]),
      );
      expect(await socket.text()).toMatch(/^RECEIPT\n/);
      const error = await socket.text();
      expect(error).toMatch(/^ERROR\n/);
      expect(error).toContain('code:malformed-frame\n');
      expect(await socket.closeCode()).toBe(1002);
      await chat.empty();
      expect((await chat.history(roomId)).at(-1)).toBe('before it');
      expect(await chat.history(roomId)).not.toContain('behind it');
    },
  );

  test('is refused in whatever pieces it comes, also before CONNECT', async () => {
    const octets = wireFrame('\n', { length: { form: 64, value: 1n } });
    for (let cut = 1; cut < 10; cut++) {
      const socket = await upgrade();
      socket.socket.setNoDelay(true);
      socket.socket.write(octets.subarray(0, cut));
      // The answer to the Ping of a second connection shows that the first piece has long been read.
      const other = await upgrade();
      other.write('', { opcode: PING });
      await other.next(PONG);
      socket.socket.write(octets.subarray(cut));
      expect(await socket.text()).toContain('code:malformed-frame\n');
      expect(await socket.closeCode()).toBe(1002);
    }
  });

  test('on a continuation is refused likewise, and the message it would have ended is not read', async () => {
    const socket = await open();
    const frame = sendText(roomId, 'half a message');
    socket.write(frame.slice(0, 30), { fin: false });
    const rest = frame.slice(30);
    socket.write(rest, { opcode: 0, length: { form: 64, value: BigInt(Buffer.byteLength(rest)) } });
    expect(await socket.text()).toContain('code:malformed-frame\n');
    expect(await socket.closeCode()).toBe(1002);
    expect(await chat.history(roomId)).not.toContain('half a message');
  });

  test.each([
    ['2^53', 2n ** 53n],
    ['2^63 - 1', 2n ** 63n - 1n],
    ['2^63, which RFC 6455 forbids', 2n ** 63n],
    ['2^64 - 1', 2n ** 64n - 1n],
  ])('FR05 a length of %s is too big: 1009, before any octet of it comes', async (_what, value) => {
    const socket = await open();
    socket.write('', { length: { form: 64, value } });
    expect(await socket.closeCode()).toBe(1009);
  });
});

describe('FR04 text', () => {
  const SYLLABLES = Buffer.from(sendText('room', '한글과 😀 기호'));

  test('is read whole however its characters lie over fragments', async () => {
    const socket = await open();
    const octets = Buffer.from(sendText(roomId, '한😀', 'r'));
    const start = octets.indexOf('한');
    for (let cut = start; cut < start + 7; cut++) {
      socket.write(octets.subarray(0, cut), { fin: false });
      socket.write('', { opcode: 0, fin: false });
      socket.write(octets.subarray(cut), { opcode: 0 });
      expect(await socket.text()).toMatch(/^RECEIPT\n/);
    }
    expect((await chat.history(roomId)).filter((content) => content === '한😀').length).toBe(7);
  });

  test('may begin with a BOM between frames only where STOMP allows it: nowhere', async () => {
    const socket = await open();
    socket.write(`\ufeff${sendText(roomId, 'x')}`);
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
    const whole = await open();
    whole.write(bad);
    expect(await whole.closeCode()).toBe(1007);
    const cut = await open();
    cut.write(bad.subarray(0, bad.length - 1), { fin: false });
    cut.write(bad.subarray(bad.length - 1), { opcode: 0 });
    expect(await cut.closeCode()).toBe(1007);
  });

  test('in a Close that is not UTF-8 is closed with 1007', async () => {
    const socket = await open();
    socket.write(closeOf(1000, Buffer.from([0xff])), { opcode: CLOSE });
    expect(await socket.closeCode()).toBe(1007);
  });

  test('in a binary message is held to UTF-8 where STOMP wants it: in headers, with ERROR and 1007', async () => {
    const socket = await open();
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
    const most = await open();
    most.socket.write(inFragments(sendText(roomId, 'in 1,024 pieces', 'r'), 1_024));
    expect(await most.text()).toMatch(/^RECEIPT\n/);
    const more = await open();
    more.socket.write(inFragments(sendText(roomId, 'in 1,025 pieces'), 1_025));
    expect(await more.closeCode()).toBe(1008);
    expect(await chat.history(roomId)).not.toContain('in 1,025 pieces');
  });

  test('of fragments without end is ended before it fills memory', async () => {
    const socket = await open();
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
  const session = async () => keep(await RawSocket.session(quick.port, await quick.token('ann')));
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

describe('FR06 FR07 FR08 the closing handshake', () => {
  test.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])(
    'FR06 FR07 a Close with %i is echoed once, and the server ends the connection',
    async (code) => {
      const socket = await open();
      socket.write(closeOf(code, '안녕'), { opcode: CLOSE });
      const frames = await socket.closed;
      expect(frames.map(({ opcode }) => opcode)).toEqual([CLOSE]);
      expect(frames[0]?.payload.readUInt16BE(0)).toBe(code);
      await chat.empty();
    },
  );

  test.each([0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 65_535])(
    'FR07 a Close with %i, which nobody may send, is closed with 1002',
    async (code) => {
      const socket = await open();
      socket.write(closeOf(code), { opcode: CLOSE });
      expect(await socket.closeCode()).toBe(1002);
    },
  );

  test('FR06 a Close without a code is echoed without one', async () => {
    const socket = await open();
    socket.write('', { opcode: CLOSE });
    const frames = await socket.closed;
    expect(frames.map(({ opcode, payload }) => [opcode, payload.length])).toEqual([[CLOSE, 0]]);
  });

  test('FR08 a reason of 123 octets is taken, of 124 it is no control frame any more', async () => {
    const longest = await open();
    longest.write(closeOf(1000, 'x'.repeat(123)), { opcode: CLOSE });
    expect(await longest.closeCode()).toBe(1000);
    const longer = await open();
    longer.write(closeOf(1000, 'x'.repeat(124)), { opcode: CLOSE });
    expect(await longer.closeCode()).toBe(1002);
  });

  test('FR06 whatever is sent behind a Close, of either side, has no effect and no answer', async () => {
    for (const behind of ['', 'HELLO\n\n\0', sendText(roomId, 'behind the Close')]) {
      const ours = await open();
      ours.socket.write(
        Buffer.concat([
          wireFrame(closeOf(1000), { opcode: CLOSE }),
          wireFrame(behind),
          wireFrame('ping', { opcode: PING }),
          wireFrame(closeOf(4000), { opcode: CLOSE }),
          Buffer.from([0xff, 0xff, 0xff]),
        ]),
      );
      expect((await ours.closed).map(({ opcode }) => opcode)).toEqual([CLOSE]);
      const theirs = await open();
      theirs.socket.write(
        Buffer.concat([
          wireFrame('HELLO\n\n\0'),
          wireFrame(behind),
          wireFrame('ping', { opcode: PING }),
          wireFrame(closeOf(1000), { opcode: CLOSE }),
        ]),
      );
      expect((await theirs.closed).map(({ opcode }) => opcode)).toEqual([TEXT, CLOSE]);
    }
    await chat.empty();
    expect(await chat.history(roomId)).not.toContain('behind the Close');
  });
});

describe('FR09 Pings', () => {
  test.each([0, 1, 125])('of %i octets are answered with the same ones', async (octets) => {
    const socket = await open();
    const data = Buffer.alloc(octets, 0xa5);
    socket.write(data, { opcode: PING });
    expect((await socket.next(PONG)).payload.equals(data)).toBe(true);
  });

  test('are answered in their order, also before CONNECT; a Pong that nobody asked for means nothing', async () => {
    const socket = await upgrade();
    for (let n = 0; n < 100; n++) {
      socket.write(`${n}`, { opcode: PING });
      socket.write('unasked', { opcode: PONG });
    }
    for (let n = 0; n < 100; n++) expect((await socket.next(PONG)).payload.toString()).toBe(`${n}`);
  });
});

describe('CM01 CM02 CM03 CM05 compression', () => {
  test.each([
    'permessage-deflate',
    'permessage-deflate; client_max_window_bits',
    'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    'permessage-deflate; server_max_window_bits=8, permessage-deflate',
    'permessage-deflate; client_max_window_bits=7',
    'permessage-deflate; client_max_window_bits=16',
    'permessage-deflate; server_max_window_bits=08',
    'permessage-deflate; server_no_context_takeover; server_no_context_takeover',
    'permessage-deflate; client_max_window_bits=10; client_max_window_bits=11',
    'permessage-deflate; unknown_parameter',
    'x-webkit-deflate-frame',
    'permessage-bzip2',
  ])('CM01 CM05 HS08 "%s" is declined, and the handshake goes on', async (offer) => {
    const socket = keep(RawSocket.upgrade(chat.port, [`Sec-WebSocket-Extensions: ${offer}`]));
    const head = await socket.head;
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    expect(head).not.toMatch(/sec-websocket-extensions/i);
  });

  test('CM02 CM03 a compressed message is refused before it is looked at, for nothing was agreed on', async () => {
    const socket = await upgrade('Sec-WebSocket-Extensions: permessage-deflate');
    // A deflated bomb's first octets.
    socket.write(Buffer.from([0xec, 0xc1, 0x01, 0x01, 0x00, 0x00]), { rsv: 4 });
    expect(await socket.closeCode()).toBe(1002);
  });

  test('CM04 no MESSAGE, CONNECTED, RECEIPT or ERROR has a token in it, compressed or not', async () => {
    const token = await chat.token('ann');
    const socket = await open();
    socket.write(
      frameText('SUBSCRIBE', { destination: `/topic/chat/room/${roomId}`, id: '0', receipt: 's' }),
    );
    socket.write(sendText(roomId, 'hello', 'r'));
    const heard = [await socket.text(), await socket.text(), await socket.text()];
    socket.write(frameText('SEND', { destination: '/pub/none', Authorization: `Bearer ${token}` }));
    heard.push(await socket.text());
    expect(heard.map((text) => text.split('\n')[0]).sort()).toEqual([
      'ERROR',
      'MESSAGE',
      'RECEIPT',
      'RECEIPT',
    ]);
    for (const text of heard) expect(text).not.toContain(token.split('.')[2]);
  });
});
