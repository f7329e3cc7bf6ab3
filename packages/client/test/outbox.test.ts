// The outbox: bounded, ordered, one promise a message, and nothing overtakes what was refused for now.
import { APPLICATION_DESTINATIONS } from '@maru/contract';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { createClientMessageId, OUTBOX_LIMIT, Outbox, type Sender } from '../src/outbox.ts';
import type { ReceiptHandlers } from '../src/stomp-connection.ts';

const outgoing = (key: string) => ({ key, destination: APPLICATION_DESTINATIONS.sendMessage, body: key });

/** A connection that answers when it is told to. */
class Answering implements Sender {
  readonly sent: { body: unknown; handlers: ReceiptHandlers }[] = [];

  send(_destination: string, body: unknown, handlers: ReceiptHandlers): void {
    this.sent.push({ body, handlers });
  }

  get bodies(): unknown[] {
    return this.sent.map(({ body }) => body);
  }
}

const refusal = (code: string) => ({ code, message: code });
const outboxes: Outbox[] = [];
afterEach(() => {
  for (const outbox of outboxes.splice(0)) outbox.detach();
});

function createOutbox(): Outbox {
  const outbox = new Outbox({ baseMs: 1, capMs: 1 });
  outboxes.push(outbox);
  return outbox;
}

describe('outbox', () => {
  test('it takes messages up to its limit and refuses the next; a RECEIPT makes room', async () => {
    const outbox = createOutbox();
    const connection = new Answering();
    outbox.attach(connection);
    const first = outbox.add(outgoing('0'));
    for (let i = 1; i < OUTBOX_LIMIT; i += 1) void outbox.add(outgoing(`${i}`));
    await expect(outbox.add(outgoing('one too many'))).rejects.toMatchObject({ code: 'outbox-full' });
    connection.sent[0]?.handlers.onReceipt({ seq: '1' });
    expect(await first).toEqual({ seq: '1' });
    void outbox.add(outgoing('now'));
    expect([outbox.size, connection.bodies.at(-1)]).toEqual([OUTBOX_LIMIT, 'now']);
  });

  test('the same message added twice is sent once and shares its promise', () => {
    const outbox = createOutbox();
    const connection = new Answering();
    outbox.attach(connection);
    expect(outbox.add(outgoing('a'))).toBe(outbox.add(outgoing('a')));
    expect(connection.bodies).toEqual(['a']);
  });

  test('over every new connection what has no RECEIPT is sent, in the order of adding', () => {
    const outbox = createOutbox();
    void outbox.add(outgoing('a'));
    const first = new Answering();
    outbox.attach(first);
    for (const key of ['b', 'c']) void outbox.add(outgoing(key));
    first.sent[1]?.handlers.onReceipt({});
    outbox.detach();
    void outbox.add(outgoing('d'));
    const second = new Answering();
    outbox.attach(second);
    expect([first.bodies, second.bodies]).toEqual([
      ['a', 'b', 'c'],
      ['a', 'c', 'd'],
    ]);
  });

  test('what is refused for good is reported; what is refused for now leaves again before anything younger', async () => {
    const outbox = createOutbox();
    const connection = new Answering();
    outbox.attach(connection);
    const [bad] = ['bad', 'busy'].map((key) => outbox.add(outgoing(key)));
    connection.sent[0]?.handlers.onRefused(refusal('not-a-member'));
    connection.sent[1]?.handlers.onRefused(refusal('overloaded'));
    await expect(bad).rejects.toMatchObject({ code: 'not-a-member' });
    void outbox.add(outgoing('younger'));
    expect(connection.bodies).toEqual(['bad', 'busy']);
    await expect.poll(() => connection.bodies).toEqual(['bad', 'busy', 'busy']);
    // It may be refused again: until it has its RECEIPT it is under way alone.
    connection.sent[2]?.handlers.onRefused(refusal('overloaded'));
    void outbox.add(outgoing('youngest'));
    await expect.poll(() => connection.bodies).toEqual(['bad', 'busy', 'busy', 'busy']);
    connection.sent[3]?.handlers.onReceipt({});
    expect(connection.bodies).toEqual(['bad', 'busy', 'busy', 'busy', 'younger', 'youngest']);
  });

  test('what is refused for now and then for good keeps nobody waiting', async () => {
    const outbox = createOutbox();
    const connection = new Answering();
    outbox.attach(connection);
    const busy = outbox.add(outgoing('busy'));
    connection.sent[0]?.handlers.onRefused(refusal('overloaded'));
    void outbox.add(outgoing('younger'));
    await expect.poll(() => connection.bodies).toEqual(['busy', 'busy']);
    connection.sent[1]?.handlers.onRefused(refusal('not-a-member'));
    await expect(busy).rejects.toMatchObject({ code: 'not-a-member' });
    expect(connection.bodies).toEqual(['busy', 'busy', 'younger']);
  });

  test('who gave up on an unnamed frame gave up on the oldest that was sent', async () => {
    const outbox = createOutbox();
    outbox.attach(new Answering());
    const [first] = ['a', 'b'].map((key) => outbox.add(outgoing(key)));
    outbox.failOldest(refusal('malformed-frame'));
    await expect(first).rejects.toMatchObject({ code: 'malformed-frame' });
    expect(outbox.size).toBe(1);
  });

  test('however connections come and go, all is done, and each is first sent in the order of adding', async () => {
    const anyAnswer = fc.constantFrom('receipt', 'later', 'drop', 'silence');
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyAnswer, { maxLength: 30 }),
        fc.integer({ min: 1, max: 8 }),
        async (script, count) => {
          const outbox = createOutbox();
          const firstSent = new Set<unknown>();
          const left = [...script];
          const reconnect = () => {
            outbox.detach();
            outbox.attach({
              send(_destination, body, { onReceipt, onRefused }) {
                firstSent.add(body);
                queueMicrotask(() => {
                  const answer = left.shift() ?? 'receipt';
                  if (answer === 'receipt') onReceipt({ of: String(body) });
                  else if (answer === 'later') onRefused(refusal('overloaded'));
                  else if (answer === 'drop') reconnect();
                  else setImmediate(reconnect);
                });
              },
            });
          };
          reconnect();
          const keys = Array.from({ length: count }, (_, i) => `m${i}`);
          const receipts = await Promise.all(keys.map((key) => outbox.add(outgoing(key))));
          expect(receipts).toEqual(keys.map((of) => ({ of })));
          expect([...firstSent]).toEqual(keys);
          expect(outbox.size).toBe(0);
          outbox.detach();
        },
      ),
    );
  });

  test('ids are what the contract allows and differ', () => {
    const ids = new Set(Array.from({ length: 1000 }, createClientMessageId));
    expect(ids.size).toBe(1000);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
  });
});
