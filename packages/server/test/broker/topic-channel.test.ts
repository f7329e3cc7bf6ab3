// A topic's fan-out: who gets what at once, what waits for those who are slow, and what of it is dropped.
import { beforeEach, describe, expect, test } from 'vitest';
import type { DeliveryWindow, Publication, Subscriber } from '../../src/broker/broker.ts';
import { TopicChannel } from '../../src/broker/topic-channel.ts';
import { Counts } from '../../src/telemetry/counts.ts';
import { Listener } from './listener.ts';

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

/** Keeps which kinds it was offered. */
class Reader extends Listener {
  readonly kinds: (string | undefined)[] = [];

  override offer(frames: Buffer, kind?: string): void {
    this.kinds.push(kind);
    super.offer(frames);
  }

  get bodies(): readonly string[] {
    return this.messages.map(({ body }) => Buffer.from(body).toString());
  }
}

class Window implements DeliveryWindow {
  free: number;

  constructor(free: number) {
    this.free = free;
  }

  take(messageId: string): string {
    this.free -= 1;
    return `ack:${messageId}\n`;
  }
}

const text = (body: string, replaces?: string): Publication => ({
  headers: [],
  contentType: 'text/plain',
  body: Buffer.from(body),
  ...(replaces === undefined ? {} : { replaces }),
});

describe('topic channel', () => {
  let counts: Counts;
  let channel: TopicChannel;
  let published: number;
  beforeEach(() => {
    counts = new Counts();
    channel = new TopicChannel('/topic/news', counts);
    published = 0;
  });

  const publish = (publication: Publication) => {
    published += 1;
    channel.publish(`m-${published}`, publication);
  };
  const acknowledging = (reader: Reader, window: Window): Subscriber => {
    const subscriber = { ...reader.as('ann', 'a'), window };
    channel.add(subscriber);
    return subscriber;
  };

  test('every subscriber gets every message in order, each under its own subscription id', () => {
    const readers = ['one', 'two', 'two'].map((id) => {
      const reader = new Reader();
      channel.add(reader.as('ann', id));
      return { id, reader };
    });
    for (const n of range(50)) publish(text(String(n)));
    for (const { id, reader } of readers) {
      expect(reader.bodies).toEqual(range(50).map(String));
      expect(new Set(reader.messages.map(({ headers }) => headers.get('subscription')))).toEqual(
        new Set([id]),
      );
    }
    expect(counts.messagesDelivered).toBe(150);
  });

  test('the kind that a session is told of differs by topic, by kind and by subscription', () => {
    const reader = new Reader();
    channel.add(reader.as('ann', 'a'));
    channel.add(reader.as('ann', 'b'));
    publish(text('1', 'typing ann'));
    publish(text('2', 'typing bob'));
    const other = new TopicChannel('/topic/other', counts);
    other.add(reader.as('ann', 'a'));
    other.publish('m-1', text('3', 'typing ann'));
    publish(text('4', 'typing ann'));
    publish(text('5'));
    const [a1, b1, a2, b2, elsewhere, a4, b4, none1, none2] = reader.kinds;
    expect(new Set([a1, b1, a2, b2, elsewhere]).size).toBe(5);
    expect([a4, b4, none1, none2]).toEqual([a1, b1, undefined, undefined]);
  });

  test('one subscriber alone is told, whether it acknowledges or not, and who has gone is not', () => {
    const [one, other, third] = [new Reader(), new Reader(), new Reader()];
    const told = one.as('ann', 'a');
    channel.add(told);
    channel.add(other.as('bob', 'a'));
    const windowed = acknowledging(third, new Window(1));
    channel.tell(told, 'm', text('to one'));
    channel.tell(windowed, 'm', text('to the third'));
    channel.remove(told);
    channel.tell(told, 'm', text('to nobody'));
    expect([one.bodies, other.bodies, third.bodies]).toEqual([['to one'], [], ['to the third']]);
  });

  test('past its window messages wait, in order, and come with the places that become free', () => {
    const [reader, window] = [new Reader(), new Window(2)];
    const subscriber = acknowledging(reader, window);
    for (const n of range(6)) publish(text(String(n)));
    expect(reader.bodies).toEqual(['0', '1']);
    window.free = 3;
    channel.resume(subscriber);
    expect(reader.bodies).toEqual(['0', '1', '2', '3', '4']);
    publish(text('6'));
    window.free = 5;
    channel.resume(subscriber);
    expect(reader.bodies).toEqual(range(7).map(String));
    expect(window.free).toBe(3);
    expect(counts.ephemeralDropped).toBe(0);
  });

  test('of what waits for a place a newer message of its kind takes the place of the older, which is counted', () => {
    const [reader, window] = [new Reader(), new Window(0)];
    const subscriber = acknowledging(reader, window);
    for (const n of range(100)) {
      publish(text(`ann ${n}`, 'typing ann'));
      publish(text(`bob ${n}`, 'typing bob'));
    }
    publish(text('plain'));
    window.free = 10;
    channel.resume(subscriber);
    expect(reader.bodies).toEqual(['ann 99', 'bob 99', 'plain']);
    expect(counts.ephemeralDropped).toBe(198);
  });

  test('64 KiB wait for a place; what comes past that is dropped and counted, and never half of it is delivered', () => {
    const [reader, window] = [new Reader(), new Window(0)];
    const subscriber = acknowledging(reader, window);
    for (const n of range(100)) publish(text(`${n} ${'x'.repeat(2_000)}`));
    window.free = 1_000;
    channel.resume(subscriber);
    const heard = reader.bodies.map((body) => Number(body.split(' ')[0]));
    expect(heard).toEqual(range(heard.length));
    expect(heard.length).toBeGreaterThan(25);
    expect(heard.length).toBeLessThanOrEqual(32);
    expect(counts.ephemeralDropped).toBe(100 - heard.length);
  });

  test('a message larger than that waits if nothing else does', () => {
    const [reader, window] = [new Reader(), new Window(0)];
    const subscriber = acknowledging(reader, window);
    publish(text('y'.repeat(100_000)));
    publish(text('too much'));
    window.free = 2;
    channel.resume(subscriber);
    expect(reader.bodies.map(({ length }) => length)).toEqual([100_000]);
    expect(counts.ephemeralDropped).toBe(1);
  });

  test('for a session that is full it waits too, and takes no place of the window until there is room', () => {
    const [reader, window] = [new Reader(), new Window(5)];
    acknowledging(reader, window);
    reader.isFull = true;
    publish(text('1'));
    publish(text('2'));
    expect([reader.bodies, window.free]).toEqual([[], 5]);
    reader.isFull = false;
    reader.turns.resume();
    expect([reader.bodies, window.free]).toEqual([['1', '2'], 3]);
  });

  test('a subscription that ended gets nothing of what waited for it', () => {
    const [reader, window] = [new Reader(), new Window(0)];
    const subscriber = acknowledging(reader, window);
    publish(text('waits'));
    expect([channel.remove(subscriber), channel.remove(subscriber), channel.size]).toEqual([true, false, 0]);
    window.free = 1;
    reader.turns.resume();
    channel.resume(subscriber);
    expect(reader.bodies).toEqual([]);
  });
});
