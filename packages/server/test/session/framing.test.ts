// Frames as they may come: cut, packed, as text or binary, malformed in STOMP or in WebSocket.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import { bodyOf, frameText, type RawClient, sendText } from './raw-client.ts';
import { type FrameParts, RawSocket, wireFrame } from './raw-socket.ts';

describe('framing', () => {
  let chat: Chat;
  let roomId: string;
  let witness: RawClient;
  beforeAll(async () => {
    chat = await openChat();
    roomId = await chat.newRoom('ann', 'bob');
  });
  beforeEach(async () => {
    witness = await chat.connect('bob');
    await witness.subscribe(roomId, '0');
  });
  // Whatever one client did, another one goes on.
  afterEach(async () => {
    witness.say(roomId, 'unaffected', 'witness');
    await witness.receipt('witness');
    await chat.hangUp();
  });
  afterAll(() => chat.close());

  const connectText = async (version = '1.2') =>
    `CONNECT\naccept-version:${version}\nhost:x\nAuthorization:Bearer ${await chat.token('ann')}\n\n\0`;

  describe('of STOMP over WebSocket messages', () => {
    test('F20 a frame may be split over WebSocket messages anywhere, also one octet in each', async () => {
      const client = await chat.open();
      for (const octet of Buffer.from(await connectText())) client.write(Buffer.from([octet]));
      await client.expect('CONNECTED');
      const text = Buffer.from(sendText(roomId, '잘린 😀 글', 'r'));
      for (const octet of text) client.write(Buffer.from([octet]));
      await client.receipt('r');
      for (const cut of [1, 10, 40, text.length - 1]) {
        client.write(text.subarray(0, cut));
        client.write(text.subarray(cut));
        await client.receipt('r');
      }
      expect((await chat.history(roomId)).filter((content) => content === '잘린 😀 글').length).toBe(5);
    });

    test('F20 several frames, and half of the next, may come in one message, with ends of line between them', async () => {
      const client = await chat.open();
      const last = sendText(roomId, 'four', '4');
      client.write(
        `\n\r\n${await connectText()}\n\n${sendText(roomId, 'one', '1')}${sendText(roomId, 'two', '2')}\r\n\n${sendText(roomId, 'three', '3')}\n${last.slice(0, 20)}`,
      );
      client.write(`${last.slice(20)}\n`);
      await client.expect('CONNECTED');
      for (const receipt of ['1', '2', '3', '4']) await client.receipt(receipt);
      expect((await chat.history(roomId)).slice(-4)).toEqual(['one', 'two', 'three', 'four']);
    });

    test('F21 text and binary WebSocket messages are read alike, also mixed within one frame', async () => {
      const client = await chat.open();
      client.write(Buffer.from(await connectText()));
      await client.expect('CONNECTED');
      const text = sendText(roomId, 'mixed 섞인', 'r');
      client.write(text);
      await client.receipt('r');
      client.write(Buffer.from(text));
      await client.receipt('r');
      client.write(text.slice(0, 30));
      client.write(Buffer.from(text.slice(30)));
      await client.receipt('r');
      expect((await chat.history(roomId)).slice(-3)).toEqual(Array(3).fill('mixed 섞인'));
    });

    test('F21 who begins in binary is answered in binary, with everything; who begins in text in text', async () => {
      const [binary, text] = [await chat.open(), await chat.open()];
      binary.write(Buffer.from(await connectText()));
      text.write(await connectText());
      for (const client of [binary, text]) {
        await client.expect('CONNECTED');
        await client.subscribe(roomId, '0');
        client.send('SUBSCRIBE', { destination: '/user/queue/errors', id: 'e', receipt: 'e' });
        await client.receipt('e');
        client.write(sendText('no-such-room', 'x'));
        await client.expect('MESSAGE');
      }
      binary.say(roomId, '둘 다', 'r');
      await Promise.all([binary.receipt('r'), binary.messages(1), text.messages(1)]);
      for (const client of [binary, text]) {
        client.write('HELLO\n\n\0');
        expect((await client.refusal()).code).toBe('unknown-command');
      }
      expect([...binary.kinds, ...text.kinds]).toEqual(['binary', 'text']);
    });

    test('an empty WebSocket message means nothing', async () => {
      const client = await chat.connect('ann');
      client.write('');
      client.write(Buffer.alloc(0));
      client.say(roomId, 'x', 'r');
      await client.receipt('r');
    });

    test.each([
      ['F19 an unknown command', 'HELLO\n\n\0', 'unknown-command', 1002],
      ['F06 a command in lower case', 'send\n\n\0', 'unknown-command', 1002],
      ["a server's command", 'MESSAGE\n\n\0', 'unknown-command', 1002],
      ['HTTP', 'GET / HTTP/1.1\r\n\r\n', 'unknown-command', 1002],
      ['F08 a header without a colon', 'SEND\nnovalue\n\n\0', 'malformed-header', 1002],
      ['F08 a header without a name', 'SEND\n:x\n\n\0', 'malformed-header', 1002],
      ['F04 a bare CR', 'SEND\na:b\rc\n\n\0', 'malformed-header', 1002],
      ['F13 a content-length that is too short', 'SEND\ncontent-length:1\n\nabc\0', 'malformed-frame', 1002],
      ['F15 a negative content-length', 'SEND\ncontent-length:-1\n\n\0', 'invalid-content-length', 1002],
      [
        'F15 a content-length past the limit',
        'SEND\ncontent-length:99999999999999\n\n',
        'frame-too-large',
        1009,
      ],
      ['F16 a body where none may be', 'SUBSCRIBE\nid:0\n\nbody\0', 'body-not-allowed', 1002],
      ['E03 an undefined escape', 'SEND\na:\\t\n\n\0', 'invalid-escape', 1002],
      ['a NUL in a header', 'SEND\na:b\0\n\n\0', 'malformed-frame', 1002],
    ])(
      '%s is refused with its code and close, and nothing behind it is acted on',
      async (_what, text, code, close) => {
        const client = await chat.connect('ann');
        client.write(text + sendText(roomId, 'behind the malformed'));
        expect(await client.refusal()).toMatchObject({ code, close, reason: code });
        expect(await chat.history(roomId)).not.toContain('behind the malformed');
      },
    );

    test('F07 a header that is not UTF-8 is refused with 1007', async () => {
      const client = await chat.connect('ann');
      client.write(Buffer.from([...Buffer.from('SEND\na:'), 0xff, ...Buffer.from('\n\n\0')]));
      expect(await client.refusal()).toMatchObject({ code: 'invalid-utf8', close: 1007 });
    });

    test('F19 garbage before CONNECT is refused', async () => {
      const client = await chat.open();
      client.write('GARBAGE');
      client.write(' OF ANY LENGTH\n');
      expect(await client.refusal()).toMatchObject({ code: 'unknown-command', close: 1002 });
    });

    test('A01 1.0 knows no NACK', async () => {
      const client = await chat.connect('ann', { 'accept-version': '1.0' });
      client.send('NACK', { 'message-id': '1' });
      expect(await client.refusal()).toMatchObject({ code: 'unknown-command' });
    });

    test('F02 E01 a 1.2 client may end lines with CR LF; a 1.1 client reads its own escapes', async () => {
      const windows = await chat.open();
      windows.write((await connectText()).replaceAll('\n', '\r\n'));
      await windows.expect('CONNECTED');
      windows.write(
        `SUBSCRIBE\r\ndestination:/topic/chat/room/${roomId}\r\nid:a\\cb\r\nreceipt:x\\ny\r\n\r\n\0`,
      );
      await windows.receipt('x\ny');
      const older = await chat.open();
      await older.connect(await chat.token('ann'), { 'accept-version': '1.1' });
      older.write(frameText('SUBSCRIBE', { destination: `/topic/chat/room/${roomId}`, id: 'a:b' }));
      older.say(roomId, 'to both');
      for (const client of [windows, older]) {
        const message = await client.expect('MESSAGE');
        expect([message.headers.get('subscription'), bodyOf(message).content]).toEqual(['a:b', 'to both']);
      }
      older.write('SEND\na:\\r\n\n\0');
      expect(await older.refusal()).toMatchObject({ code: 'invalid-escape' });
    });
  });

  describe('of WebSocket', () => {
    const open = async () => {
      const socket = RawSocket.upgrade(chat.port);
      await socket.head;
      socket.write(await connectText());
      expect(await socket.text()).toMatch(/^CONNECTED\n/);
      return socket;
    };

    const broken: [string, number, Buffer | string, FrameParts][] = [
      ['FR01 an unmasked frame', 1002, 'x', { masked: false }],
      ['FR02 RSV1 without an extension', 1002, 'x', { rsv: 4 }],
      ['FR02 RSV2', 1002, 'x', { rsv: 2 }],
      ['FR02 RSV3', 1002, 'x', { rsv: 1 }],
      ['FR02 opcode 3', 1002, 'x', { opcode: 3 }],
      ['FR02 opcode 11', 1002, 'x', { opcode: 11 }],
      ['FR02 a continuation of nothing', 1002, 'x', { opcode: 0 }],
      ['FR03 a Ping of 126 octets', 1002, Buffer.alloc(126), { opcode: 9 }],
      ['FR03 a fragmented Ping', 1002, 'x', { opcode: 9, fin: false }],
      ['FR03 a fragmented Close', 1002, '', { opcode: 8, fin: false }],
      ['FR04 an octet that is not UTF-8', 1007, Buffer.from([0x41, 0xff]), {}],
      ['FR04 half a syllable at the end', 1007, Buffer.from('가').subarray(0, 2), {}],
      ['FR05 a length of 2^60', 1009, '', { length: { form: 64, value: 2n ** 60n } }],
      ['FR05 a length of one past the limit', 1009, '', { length: { form: 64, value: 262_145n } }],
      ['FR07 a Close with half a code', 1002, Buffer.from([3]), { opcode: 8 }],
      ['FR07 a Close with 1005', 1002, Buffer.from([0x03, 0xed]), { opcode: 8 }],
      ['FR07 a Close with 1006', 1002, Buffer.from([0x03, 0xee]), { opcode: 8 }],
      ['FR07 a Close with 1015', 1002, Buffer.from([0x03, 0xf7]), { opcode: 8 }],
    ];
    test.each(broken)('%s is closed with %i', async (_what, code, payload, parts) => {
      const socket = await open();
      socket.write(payload, parts);
      expect(await socket.closeCode()).toBe(code);
      await chat.empty(1);
    });

    test('FR05 a message of exactly the limit is read, also in fragments; one octet more is not', async () => {
      for (const over of [0, 1]) {
        const frame = sendText(roomId, 'at the limit', 'r');
        const message = `${frame}${'\n'.repeat(262_144 - Buffer.byteLength(frame) + over)}`;
        const whole = await open();
        whole.write(message);
        const cut = await open();
        cut.write(message.slice(0, 200_000), { fin: false });
        cut.write(message.slice(200_000), { opcode: 0 });
        for (const socket of [whole, cut]) {
          if (over === 0) expect(await socket.text()).toMatch(/^RECEIPT\n/);
          else expect(await socket.closeCode()).toBe(1009);
          socket.socket.destroy();
        }
      }
    });

    test('FR05 a message of endless tiny fragments ends the connection and is not kept', async () => {
      const socket = await open();
      const fragment = wireFrame('x', { opcode: 0, fin: false });
      socket.write('x', { fin: false });
      const many = Buffer.concat(Array(10_000).fill(fragment));
      let closed = false;
      void socket.closed.then(() => {
        closed = true;
      });
      for (let n = 0; n < 100 && !closed; n++) {
        if (!socket.socket.write(many)) {
          await Promise.race([new Promise((resolve) => socket.socket.once('drain', resolve)), socket.closed]);
        }
      }
      expect([1008, 1009]).toContain(await socket.closeCode());
    });

    test('FR03 FR09 a Ping between two fragments is answered with its own data, and the message is whole', async () => {
      const socket = await open();
      const frame = Buffer.from(sendText(roomId, '조각난 글', 'r'));
      const middle = frame.indexOf(Buffer.from('난')) + 1;
      socket.write(frame.subarray(0, middle), { fin: false });
      socket.write('data 데이터', { opcode: 9 });
      socket.write(frame.subarray(middle), { opcode: 0 });
      expect(await socket.text()).toMatch(/^RECEIPT\n/);
      const pong = socket.frames.find(({ opcode }) => opcode === 10);
      expect(pong?.payload.toString()).toBe('data 데이터');
      expect(await chat.history(roomId)).toContain('조각난 글');
      socket.socket.destroy();
    });

    test('FR01 the server masks nothing', async () => {
      const socket = await open();
      socket.write(
        frameText('SUBSCRIBE', { destination: `/topic/chat/room/${roomId}`, id: '0', receipt: 'r' }),
      );
      await socket.text();
      socket.write('', { opcode: 9 });
      socket.write(sendText(roomId, 'x'));
      await socket.text();
      socket.write(Buffer.from([0x03, 0xe8]), { opcode: 8 });
      const frames = await socket.closed;
      expect(frames.map(({ opcode }) => opcode).sort()).toEqual([10, 8]);
      expect(frames.every(({ masked }) => !masked)).toBe(true);
    });

    test('FR06 a Close is echoed once with its code, nothing comes after it and nothing behind it is acted on', async () => {
      const socket = await open();
      socket.socket.write(
        Buffer.concat([
          wireFrame(Buffer.concat([Buffer.from([0x0f, 0xa0]), Buffer.from('bye')]), { opcode: 8 }),
          wireFrame(sendText(roomId, 'after the Close')),
          wireFrame('', { opcode: 9 }),
        ]),
      );
      const frames = await socket.closed;
      expect(frames.map(({ opcode }) => opcode)).toEqual([8]);
      expect(frames[0]?.payload.readUInt16BE(0)).toBe(4_000);
      expect(await chat.history(roomId)).not.toContain('after the Close');
    });

    test('FR06 a client that never answers our Close is cut off', async () => {
      const quick = await openChat({ timing: { closeMs: 100 } });
      const socket = RawSocket.upgrade(quick.port);
      await socket.head;
      socket.write('HELLO\n\n\0');
      expect(await socket.text()).toMatch(/^ERROR\n/);
      const [close] = await socket.closed;
      expect(close?.payload.readUInt16BE(0)).toBe(1002);
      await quick.close();
    });

    test('FR10 a client that vanishes leaves no session', async () => {
      const socket = await open();
      socket.write(
        frameText('SUBSCRIBE', { destination: `/topic/chat/room/${roomId}`, id: '0', receipt: 'r' }),
      );
      await socket.text();
      socket.socket.resetAndDestroy();
      await chat.empty(1);
      expect(chat.broker.subscriptions).toBe(1);
    });
  });
});
