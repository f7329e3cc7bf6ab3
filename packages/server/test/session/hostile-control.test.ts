// Close, Ping and Pong, and compression: what must be answered, what may not be, what is never agreed on.
import { describe, expect, test } from 'vitest';
import { CLOSE, closeOf, PING, PONG, TEXT, useHostileGround } from './hostile-ground.ts';
import { frameText, sendText } from './raw-client.ts';
import { RawSocket, wireFrame } from './raw-socket.ts';

const ground = useHostileGround();

describe('FR06 FR07 FR08 the closing handshake', () => {
  test.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])(
    'FR06 FR07 a Close with %i is echoed once, and the server ends the connection',
    async (code) => {
      const socket = await ground.session();
      socket.write(closeOf(code, '안녕'), { opcode: CLOSE });
      const frames = await socket.closed;
      expect(frames.map(({ opcode }) => opcode)).toEqual([CLOSE]);
      expect(frames[0]?.payload.readUInt16BE(0)).toBe(code);
      await ground.chat.empty();
    },
  );

  test.each([0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 65_535])(
    'FR07 a Close with %i, which nobody may send, is closed with 1002',
    async (code) => {
      const socket = await ground.session();
      socket.write(closeOf(code), { opcode: CLOSE });
      expect(await socket.closeCode()).toBe(1002);
    },
  );

  test('FR06 a Close without a code is echoed without one', async () => {
    const socket = await ground.session();
    socket.write('', { opcode: CLOSE });
    const frames = await socket.closed;
    expect(frames.map(({ opcode, payload }) => [opcode, payload.length])).toEqual([[CLOSE, 0]]);
  });

  test('FR08 a reason of 123 octets is taken, of 124 it is no control frame any more', async () => {
    const longest = await ground.session();
    longest.write(closeOf(1000, 'x'.repeat(123)), { opcode: CLOSE });
    expect(await longest.closeCode()).toBe(1000);
    const longer = await ground.session();
    longer.write(closeOf(1000, 'x'.repeat(124)), { opcode: CLOSE });
    expect(await longer.closeCode()).toBe(1002);
  });

  test('FR06 whatever is sent behind a Close, of either side, has no effect and no answer', async () => {
    for (const behind of ['', 'HELLO\n\n\0', sendText(ground.roomId, 'behind the Close')]) {
      const ours = await ground.session();
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
      const theirs = await ground.session();
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
    await ground.chat.empty();
    expect(await ground.chat.history(ground.roomId)).not.toContain('behind the Close');
  });
});

describe('FR09 Pings', () => {
  test.each([0, 1, 125])('of %i octets are answered with the same ones', async (octets) => {
    const socket = await ground.session();
    const data = Buffer.alloc(octets, 0xa5);
    socket.write(data, { opcode: PING });
    expect((await socket.next(PONG)).payload.equals(data)).toBe(true);
  });

  test('are answered in their order, also before CONNECT; a Pong that nobody asked for means nothing', async () => {
    const socket = await ground.upgrade();
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
    const socket = ground.keep(RawSocket.upgrade(ground.chat.port, [`Sec-WebSocket-Extensions: ${offer}`]));
    const head = await socket.head;
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    expect(head).not.toMatch(/sec-websocket-extensions/i);
  });

  test('CM02 CM03 a compressed message is refused before it is looked at, for nothing was agreed on', async () => {
    const socket = await ground.upgrade('Sec-WebSocket-Extensions: permessage-deflate');
    // A deflated bomb's first octets.
    socket.write(Buffer.from([0xec, 0xc1, 0x01, 0x01, 0x00, 0x00]), { rsv: 4 });
    expect(await socket.closeCode()).toBe(1002);
  });

  test('CM04 no MESSAGE, CONNECTED, RECEIPT or ERROR has a token in it, compressed or not', async () => {
    const token = await ground.chat.token('ann');
    const socket = await ground.session();
    socket.write(
      frameText('SUBSCRIBE', { destination: `/topic/chat/room/${ground.roomId}`, id: '0', receipt: 's' }),
    );
    socket.write(sendText(ground.roomId, 'hello', 'r'));
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
