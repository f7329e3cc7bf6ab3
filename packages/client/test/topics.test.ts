// What isn't kept, heard over real sockets: signals of a room, and how the list of rooms changes.
import type { RoomListEvent, RoomSignal } from '@maru/contract';
import { roomSignalDestination } from '@maru/contract';
import { describe, expect, test } from 'vitest';
import { eventually, useAnn } from './ann.ts';

const typing = (userName: string): RoomSignal => ({
  type: 'typing',
  roomId: 'r1',
  userId: userName,
  userName,
});
const removed = (roomId: string): RoomListEvent => ({ type: 'room.removed', roomId });

describe('topics', () => {
  const ann = useAnn();

  test('signals of a room are heard, over a reconnect too, until one stops listening', async () => {
    const heard: RoomSignal[] = [];
    const stop = ann.client.onSignal('r1', (signal) => heard.push(signal));
    await ann.follow();
    ann.gateway.signal(typing('Bo'));
    await eventually(() => expect(heard).toEqual([typing('Bo')]));
    ann.gateway.dropAll();
    await ann.reach('connected');
    await eventually(() => {
      ann.gateway.signal(typing('Cy'));
      expect(heard.at(-1)).toEqual(typing('Cy'));
    });
    stop();
    const before = heard.length;
    ann.gateway.signal(typing('Di'));
    // Its RECEIPT comes after whatever the signal would have brought.
    await ann.client.sendMessage('r1', 'hello');
    expect(heard).toHaveLength(before);
    expect(ann.gateway.frames.at(-1)?.command).toBe('SEND');
    expect(ann.gateway.frames.some(({ command }) => command === 'UNSUBSCRIBE')).toBe(true);
  });

  test('several who listen share one subscription', async () => {
    const heard: string[] = [];
    const stops = ['a', 'b'].map((name) => ann.client.onSignal('r1', () => heard.push(name)));
    await ann.follow();
    ann.gateway.signal(typing('Bo'));
    await eventually(() => expect(heard).toEqual(['a', 'b']));
    const asked = ann.gateway.frames.filter(
      ({ headers }) => headers.destination === roomSignalDestination('r1'),
    );
    expect(asked).toHaveLength(1);
    stops[0]?.();
    ann.gateway.signal(typing('Bo'));
    await eventually(() => expect(heard).toEqual(['a', 'b', 'b']));
  });

  test('who hears of the rooms is told from when on, again after each reconnect', async () => {
    const heard: RoomListEvent[] = [];
    let ready = 0;
    ann.client.onRooms(
      (event) => heard.push(event),
      () => {
        ready += 1;
      },
    );
    ann.client.connect();
    await eventually(() => expect(ready).toBe(1));
    ann.gateway.tellRooms(removed('r9'));
    await eventually(() => expect(heard).toEqual([removed('r9')]));
    ann.gateway.dropAll();
    await eventually(() => expect(ready).toBe(2));
    ann.gateway.tellRooms(removed('r8'));
    await eventually(() => expect(heard).toEqual([removed('r9'), removed('r8')]));
  });

  test('a topic that is refused takes nothing else down', async () => {
    ann.gateway.fault = ({ headers }) =>
      headers.destination === roomSignalDestination('r1') ? { error: 'not-a-member' } : undefined;
    ann.client.onSignal('r1', () => undefined)();
    const stop = ann.client.onSignal('r1', () => undefined);
    await ann.follow();
    stop();
    expect((await ann.client.sendMessage('r1', 'hello')).seq).toBe(1);
    expect(ann.gateway.tokens).toHaveLength(1);
  });
});
