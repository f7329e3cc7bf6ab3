// A log's entry as a MESSAGE frame: its headers, its body, its octets.
import { randomUUID } from 'node:crypto';
import type { MessageCreated } from '@maru/contract';
import { describe, expect, test } from 'vitest';
import { RoomChannel } from '../../src/broker/room-channel.ts';
import { Turn } from '../../src/broker/turn.ts';
import { Counts } from '../../src/telemetry/counts.ts';
import { Listener } from './listener.ts';

function entryOf(seq: number, content = 'hello'): { epoch: string; entry: MessageCreated } {
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
  return { epoch: 'e1', entry };
}

function hear(contents: readonly string[]): Listener {
  const channel = new RoomChannel('r1', new Turn(), new Counts());
  const listener = new Listener();
  channel.open(0, 'e1');
  channel.add(listener.as('ann', 's:1'.replace(':', '\\c')));
  for (const [index, content] of contents.entries()) channel.publish(entryOf(index + 1, content));
  channel.flush();
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

  test('an entry that does not follow the head is refused, one that the store had read already is passed over', () => {
    const channel = new RoomChannel('r1', new Turn(), new Counts());
    channel.publish(entryOf(4));
    channel.publish(entryOf(5));
    channel.publish(entryOf(6));
    channel.open(5, 'e1');
    expect(channel.head).toBe(6);
    channel.publish(entryOf(6));
    expect(channel.head).toBe(6);
    expect(() => channel.publish(entryOf(8))).toThrow('room r1: entry 8 came after 6');
    channel.publish(entryOf(7));
    expect(channel.head).toBe(7);
  });
});
