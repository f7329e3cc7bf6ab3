// What hostile clients do, each with the ends that the contract allows for it.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { RawSocket, wireFrame } from '../packages/server/test/session/raw-socket.ts';
import {
  type Attack,
  answerTo,
  connected,
  endOf,
  errorEnd,
  frames,
  head,
  message,
  much,
  Refused,
  request,
  send,
  upgraded,
  wire,
} from './hostile-attack.ts';

export const ATTACKS: readonly Attack[] = [
  // Before the 101.
  request('TLS where HTTP is spoken', ['HTTP 400', 'cut'], () =>
    Buffer.from('160301020001000001fc0303', 'hex'),
  ),
  request('octets that are no HTTP', ['HTTP 400', 'cut'], () => randomBytes(300)),
  request(
    'a header of 100 KB',
    ['HTTP 431', 'cut'],
    (target) => `${head(target, `X: ${'x'.repeat(100_000)}`)}\r\n\r\n`,
  ),
  request(
    '5,000 headers',
    ['HTTP 431', 'cut'],
    (target) => `${head(target, ...Array.from({ length: 5_000 }, (_, n) => `X-${n}: y`))}\r\n\r\n`,
  ),
  request('a NUL in a header', ['HTTP 400', 'cut'], (target) => `${head(target, 'X: a\0b')}\r\n\r\n`),
  request(
    'a foreign origin',
    ['HTTP 403'],
    (target) => `${head(target, 'Origin: https://evil.example')}\r\n\r\n`,
  ),
  request(
    'WebSocket version 8',
    ['HTTP 426'],
    (target) => `${head(target).replace('Version: 13', 'Version: 8')}\r\n\r\n`,
  ),
  request(
    'no WebSocket key',
    ['HTTP 400'],
    (target) => `${head(target).replace(/Sec-WebSocket-Key.*\r\n/, '')}\r\n\r\n`,
  ),
  {
    name: 'half a handshake, then nothing',
    ends: ['HTTP 408', 'HTTP 400', 'cut'],
    only: 'gateway',
    run: (target) => answerTo(target, head(target)),
  },
  {
    name: 'a flood of connections that say nothing and go',
    ends: ['went'],
    times: 3,
    connections: 100,
    run: async ({ port }) => {
      const sockets = Array.from({ length: 100 }, () =>
        connect(port, '127.0.0.1').on('error', () => undefined),
      );
      await Promise.all(
        sockets.map(
          (socket) => new Promise((resolve) => socket.once('connect', resolve).once('close', resolve)),
        ),
      );
      for (const socket of sockets) socket.resetAndDestroy();
      return 'went';
    },
  },
  {
    name: 'a flood of WebSockets that go at once',
    ends: ['went'],
    times: 3,
    connections: 100,
    run: async (target) => {
      const opened = await Promise.all(
        Array.from({ length: 100 }, () => upgraded(target).catch((error: Refused) => error)),
      );
      const refusals = opened.filter((one) => one instanceof Refused).map(({ end }) => end);
      for (const one of opened) if (one instanceof RawSocket) one.socket.destroy();
      const odd = refusals.find((end) => end !== 'HTTP 429' && end !== 'HTTP 503');
      return odd ?? 'went';
    },
  },

  // WebSocket frames.
  wire('an unmasked frame', 'close 1002', 'x', { masked: false }),
  wire('a reserved opcode', 'close 1002', 'x', { opcode: 11 }),
  wire('RSV1 without an extension', 'close 1002', 'x', { rsv: 4 }),
  wire('an oversized Ping', 'close 1002', Buffer.alloc(126), { opcode: 9 }),
  wire('a Ping in pieces', 'close 1002', 'x', { opcode: 9, fin: false }),
  wire('a length that is not in its shortest form', errorEnd('malformed-frame'), 'x', {
    length: { form: 64, value: 1n },
  }),
  wire('a length of 2^60', 'close 1009', '', { length: { form: 64, value: 2n ** 60n } }),
  wire('a length of 2^63', 'close 1009', '', { length: { form: 64, value: 2n ** 63n } }),
  wire('text that is not UTF-8', 'close 1007', Buffer.from([0xed, 0xa0, 0x80]), {}),
  wire('a Close that may not be', 'close 1002', Buffer.from([0x03, 0xed]), { opcode: 8 }),
  {
    name: '1,000,000 tiny fragments',
    ends: ['close 1008', 'close 1009', 'cut'],
    times: 3,
    run: async (target) => {
      const socket = await upgraded(target);
      socket.write('x', { fin: false });
      const many = Buffer.concat(Array(10_000).fill(wireFrame('', { opcode: 0, fin: false })));
      for (let n = 0; n < 100 && !socket.socket.destroyed; n++) await socket.flood(many);
      return endOf(socket);
    },
  },
  {
    name: 'a frame that drips, octet by octet',
    ends: [errorEnd('frame-timeout'), errorEnd('connect-timeout')],
    run: async (target) => {
      const socket = await upgraded(target);
      const octets = wireFrame('x'.repeat(20_000));
      let at = 0;
      const drip = setInterval(() => void socket.socket.write(octets.subarray(at, ++at)), 20);
      await socket
        .next(1)
        .catch(() => undefined)
        .then((frame) => frame && socket.frames.unshift(frame));
      clearInterval(drip);
      // What follows is the rest of the payload: a Close of ours can't be heard any more.
      socket.socket.end();
      return endOf(socket);
    },
  },
  {
    name: 'a flood of Pings whose Pongs nobody reads',
    ends: ['went', errorEnd('too-slow'), 'cut'],
    times: 3,
    run: async (target) => {
      const socket = await connected(target);
      socket.socket.pause();
      return much(socket, Buffer.concat(Array(1_000).fill(wireFrame('x'.repeat(125), { opcode: 9 }))), 20);
    },
  },

  // STOMP before CONNECT.
  {
    name: 'a WebSocket that says nothing',
    ends: [errorEnd('connect-timeout')],
    run: async (target) => endOf(await upgraded(target)),
  },
  {
    name: 'garbage before CONNECT',
    ends: [errorEnd('unknown-command'), errorEnd('malformed-frame'), errorEnd('invalid-utf8')],
    run: async (target) => {
      const socket = await upgraded(target);
      socket.write(`GARBAGE ${randomBytes(30).toString('hex')}\n\n\0`);
      return endOf(socket);
    },
  },
  {
    name: 'a CONNECT with a forged token',
    ends: [errorEnd('token-invalid')],
    run: async (target) => {
      const socket = await upgraded(target);
      const forged = target.token.replace(/\.[^.]+$/, `.${randomBytes(64).toString('base64url')}`);
      socket.write(`CONNECT\naccept-version:1.2\nAuthorization:Bearer ${forged}\n\n\0`);
      return endOf(socket);
    },
  },
  {
    name: 'headers without end before CONNECT',
    ends: [errorEnd('too-many-headers'), errorEnd('frame-too-large')],
    run: async (target) => {
      const socket = await upgraded(target);
      socket.write(`CONNECT\n${'h:v\n'.repeat(5_000)}`);
      return endOf(socket);
    },
  },

  // STOMP after it: every refusal of the decoder.
  frames('a command that is none', 'unknown-command', () => 'HELLO\n\n\0'),
  frames('HTTP', 'unknown-command', () => 'GET / HTTP/1.1\r\n\r\n'),
  frames('a header without a colon', 'malformed-header', () => 'SEND\nnovalue\n\n\0'),
  frames('a NUL in a header', 'malformed-frame', () => 'SEND\na:b\0c\n\n\0'),
  frames('an undefined escape', 'invalid-escape', () => 'SEND\na:\\t\n\n\0'),
  frames('overlong UTF-8 in a header', 'invalid-utf8', () =>
    Buffer.from([...Buffer.from('SEND\na:'), 0xc0, 0x80, 0x0a, 0x0a, 0]),
  ),
  frames('a content-length that is none', 'invalid-content-length', () => 'SEND\ncontent-length:1e3\n\n\0'),
  frames('a content-length that lies', 'malformed-frame', () => 'SEND\ncontent-length:3\n\nabcdef\0'),
  frames('a body where none may be', 'body-not-allowed', () => 'SUBSCRIBE\nid:0\n\nbody\0'),
  frames('a frame of 70,000 octets', 'frame-too-large', () => `SEND\n\n${'x'.repeat(70_000)}\0`),
  frames('10,000 headers', 'too-many-headers', () => `SEND\n${'h:v\n'.repeat(10_000)}\n\0`),
  frames('a header of 60,000 octets', 'header-too-long', () => `SEND\nh:${'v'.repeat(60_000)}\n\n\0`),
  frames('half a frame, then nothing', 'frame-timeout', () => 'SEND\ndestination:/pub'),
  {
    name: 'random octets after CONNECT',
    ends: [
      ...new Set(
        (
          ['unknown-command', 'malformed-frame', 'malformed-header', 'invalid-utf8', 'frame-timeout'] as const
        ).map(errorEnd),
      ),
    ],
    run: async (target) => {
      const socket = await connected(target);
      socket.write(Buffer.concat([Buffer.from('!'), randomBytes(2_000)]), { opcode: 2 });
      return endOf(socket);
    },
  },
  frames(
    'a second CONNECT',
    'already-connected',
    ({ token }) => `CONNECT\naccept-version:1.2\nAuthorization:Bearer ${token}\n\n\0`,
  ),
  frames(
    'a SUBSCRIBE to everything',
    'pattern-not-allowed',
    () => 'SUBSCRIBE\nid:0\ndestination:/topic/**\n\n\0',
  ),
  frames('a SEND to a room that is hidden', 'room-not-found', () => send('{"roomId":"none","content":"x"}')),
  frames('a bomb of JSON', 'invalid-body', () => send(`${'['.repeat(30_000)}${']'.repeat(30_000)}`)),
  frames('__proto__', 'invalid-body', (target) =>
    send(`{"__proto__":{"x":1},${message(target, 'x').slice(1)}`),
  ),
  frames('2,000 subscriptions', 'too-many-subscriptions', ({ roomId }) =>
    Array.from(
      { length: 2_000 },
      (_, n) => `SUBSCRIBE\nid:${n}\ndestination:/topic/chat/room/${roomId}\n\n\0`,
    ).join(''),
  ),
  frames('a flood of ACKs for nothing', 'unknown-ack', () =>
    Array.from({ length: 2_000 }, (_, n) => `ACK\nid:${n}_x\n\n\0`).join(''),
  ),
  frames('a flood of transactions', 'too-many-transactions', () =>
    Array.from({ length: 2_000 }, (_, n) => `BEGIN\ntransaction:${n}\n\n\0`).join(''),
  ),
  frames(
    'a transaction without end',
    'transaction-too-large',
    (target) => `BEGIN\ntransaction:t\n\n\0${send(message(target, 'x'), 'transaction:t\n').repeat(2_000)}`,
  ),
  {
    name: 'a flood of SENDs whose receipts nobody reads',
    ends: ['went', errorEnd('too-slow'), errorEnd('overloaded'), 'cut'],
    times: 3,
    run: async (target) => {
      const socket = await connected(target);
      socket.socket.pause();
      return much(socket, wireFrame(send(message(target, 'flood'), 'receipt:r\n').repeat(100)), 20);
    },
  },
  {
    name: 'a flood of SUBSCRIBE and UNSUBSCRIBE',
    ends: ['went'],
    times: 3,
    run: async (target) => {
      const socket = await connected(target);
      const toggle = `SUBSCRIBE\nid:0\ndestination:/topic/chat/room/${target.roomId}\n\n\0UNSUBSCRIBE\nid:0\n\n\0`;
      return much(socket, wireFrame(toggle.repeat(500)), 4);
    },
  },
  {
    name: 'a subscriber that does not read for a long while',
    ends: ['went'],
    times: 1,
    connections: 2,
    run: async (target) => {
      const [deaf, loud] = [await connected(target), await connected(target)];
      const subscribe = (id: number) =>
        `SUBSCRIBE\nid:${id}\ndestination:/topic/chat/room/${target.roomId}\n\n\0`;
      // Each message comes to it many times: that fills the kernel's buffers sooner.
      deaf.write(
        `${Array.from({ length: 20 }, (_, id) => subscribe(id)).join('')}SUBSCRIBE\nid:e\nreceipt:r\ndestination:/user/queue/errors\n\n\0`,
      );
      await deaf.text();
      deaf.socket.pause();
      for (let n = 0; n < 100; n++) {
        loud.write(send(message(target, 'x'.repeat(16_000)), 'receipt:r\n'));
        await loud.text();
      }
      loud.socket.destroy();
      deaf.socket.resume();
      // All of it waited in the log: 20 subscriptions, 100 messages each.
      for (let heard = 0; heard < 2_000; ) {
        if ((await deaf.text()).startsWith('MESSAGE')) heard += 1;
      }
      deaf.socket.destroy();
      return 'went';
    },
  },
  {
    name: 'a client that vanishes in the middle of a frame',
    ends: ['went'],
    run: async (target) => {
      const socket = await connected(target);
      socket.socket.write(wireFrame(send(message(target, 'x'))).subarray(0, 40));
      socket.socket.resetAndDestroy();
      return 'went';
    },
  },
  {
    name: 'a client that ends its half of the connection',
    ends: ['cut', 'close 1000', 'close 1005', 'close 1006'],
    run: async (target) => {
      const socket = await connected(target);
      socket.socket.end();
      return endOf(socket);
    },
  },
];
