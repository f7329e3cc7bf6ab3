// The outbox: bounded, ordered, one promise a message.
import { describe, expect, test } from 'vitest';
import { createClientMessageId, OUTBOX_LIMIT, Outbox } from '../src/outbox.ts';

const message = (clientMessageId: string) => ({ roomId: 'r', content: 'hello', clientMessageId });

describe('outbox', () => {
  test('it takes messages up to its limit and refuses the next; a RECEIPT makes room', async () => {
    const outbox = new Outbox();
    const first = outbox.add(message('0'));
    for (let i = 1; i < OUTBOX_LIMIT; i += 1) expect(outbox.add(message(`${i}`)).isNew).toBe(true);
    await expect(outbox.add(message('one too many')).promise).rejects.toMatchObject({ code: 'outbox-full' });
    outbox.settle({ clientMessageId: '0', messageId: 'm', seq: 1 });
    expect(await first.promise).toEqual({ clientMessageId: '0', messageId: 'm', seq: 1 });
    expect(outbox.add(message('now')).isNew).toBe(true);
  });

  test('the same message added twice is kept once and shares its promise', () => {
    const outbox = new Outbox();
    const first = outbox.add(message('a'));
    const second = outbox.add(message('a'));
    expect([second.isNew, second.promise === first.promise, outbox.size]).toEqual([false, true, 1]);
  });

  test('what has no RECEIPT is listed in the order of sending', () => {
    const outbox = new Outbox();
    for (const id of ['a', 'b', 'c']) outbox.add(message(id));
    outbox.settle({ clientMessageId: 'b', messageId: 'm', seq: 2 });
    expect(outbox.unreceipted().map((kept) => kept.clientMessageId)).toEqual(['a', 'c']);
  });

  test('ids are what the contract allows and differ', () => {
    const ids = new Set(Array.from({ length: 1000 }, createClientMessageId));
    expect(ids.size).toBe(1000);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  });
});
