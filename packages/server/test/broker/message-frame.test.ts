// A log's entry as a MESSAGE frame: its headers, its body, its octets.
import { randomUUID } from 'node:crypto';
import type { MessageCreated } from '@maru/contract';
import { describe, expect, test } from 'vitest';
import { encodeOwnHead, encodeSharedTail, joinFrames } from '../../src/broker/message-frame.ts';
import { OPCODES } from '../../src/broker/websocket-frame.ts';
import type { Committed } from '../../src/store/store.ts';
import { Listener } from './listener.ts';

function entryOf(seq: number, content = 'hello'): Committed {
  const entry: MessageCreated = {
    type: 'message.created',
    messageId: `e1-${seq}`,
    roomId: 'r1',
    seq,
    createdAt: '2026-01-02T03:04:05.678Z',
    senderId: 'ann',
    senderName: '안나 😀 "A"',
    content,
  };
  return { epoch: 'e1', entry, createdCount: seq };
}

function hear(contents: readonly string[]): Listener {
  const listener = new Listener();
  const tails = contents.map((content, index) => encodeSharedTail(entryOf(index + 1, content)));
  listener.enqueue(joinFrames(encodeOwnHead('subscription:s\\c1\n'), tails, OPCODES.text));
  return listener;
}

describe('MESSAGE frame', () => {
  test('U09 S05 it has every header of the contract, and the content-length is that of the body', () => {
    const [message] = hear(['하루 😀']).messages;
    expect(Object.fromEntries(message?.headers ?? [])).toEqual({
      subscription: 's:1',
      destination: '/topic/chat/room/r1',
      'message-id': 'e1-1',
      seq: '1',
      'log-epoch': 'e1',
      'content-type': 'application/json',
      'content-length': String(message?.body.length),
    });
    expect(JSON.parse(Buffer.from(message?.body ?? []).toString())).toEqual(entryOf(1, '하루 😀').entry);
  });

  test('S06 any content comes out as it went in', () => {
    const contents = [
      'a\0b',
      'line\r\nbreak',
      '\\n:',
      '\u2028',
      '"',
      'x'.repeat(16_384),
      '가'.repeat(5_000),
      randomUUID(),
    ];
    expect(hear(contents).entries.map((entry) => 'content' in entry && entry.content)).toEqual(contents);
  });

  test('U10 100,000 messages have as many ids', () => {
    const ids = new Set(
      hear(Array.from({ length: 100_000 }, () => '')).messages.map(({ headers }) =>
        headers.get('message-id'),
      ),
    );
    expect(ids.size).toBe(100_000);
  });
});
