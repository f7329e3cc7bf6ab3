// Killed in the middle of a stream of messages: what was receipted is kept, once, and the log has no hole.
import type { MessageCreated, Room } from '@maru/contract';
import { describe, expect, it } from 'vitest';
import { call, createRoom, type Person, signUp, wholeHistory } from './people.ts';
import { StompClient } from './stomp-client.ts';
import { type Topology, useMaru } from './topology.ts';

const ROUNDS = 3;
const SENDERS = 4;
/** SENDs of one client under way at a time. */
const IN_FLIGHT = 32;
/** The kill comes when so many RECEIPTs have: far from the start, and with all clients in full flow. */
const RECEIPTS_BEFORE_KILL = 400;

type Kept = { readonly messageId: string; readonly seq: number };

// Together all roles die at once; apart the chat service alone, while gateway and identity service live on.
describe.each(['together', 'apart'] satisfies Topology[])('durability %s', (topology) => {
  const maru = useMaru(topology);

  it(`kill -9 loses, doubles and reorders nothing that was receipted, ${ROUNDS} times on the same data`, async () => {
    const people = await Promise.all(Array.from({ length: SENDERS }, (_, n) => signUp(maru, `Sender ${n}`)));
    const [owner, ...others] = people as [Person, ...Person[]];
    const roomId = await createRoom(maru, owner, others);
    /** Everyone joined before the first message: an entry each. */
    const joins = people.length;
    const receipted = new Map<string, Kept>();
    const sent = new Map<string, Person>();

    for (let round = 1; round <= ROUNDS; round += 1) {
      const heard = await streamUntilKilled({ round, people, roomId, receipted, sent });
      await maru.restart();

      const messages = await wholeHistory(maru, owner, roomId);
      expectWholeLog(messages, joins);
      expectKept(messages, receipted);
      // What was heard live before the kill was without a hole, and committed before it was heard.
      const [first] = heard;
      expect(first).toBeDefined();
      expect(heard.map(({ seq }) => seq)).toEqual(heard.map((_, index) => (first?.seq ?? 0) + index));
      const byId = new Map(messages.map((message) => [message.messageId, message]));
      for (const message of heard) expect(byId.get(message.messageId)).toEqual(message);
      const room = await call<Room>(maru, owner, `GET /api/rooms/${roomId}`);
      expect(room).toMatchObject({ head: messages.at(-1)?.seq, lastMessage: messages.at(-1) });

      // Nobody knows of the others whether they were stored: sent again with their ids, each is there once.
      await sendAgain({ roomId, receipted, sent });
      const settled = await wholeHistory(maru, owner, roomId);
      expectWholeLog(settled, joins);
      expectKept(settled, receipted);
      expect(settled.map(({ clientMessageId }) => clientMessageId).sort()).toEqual([...sent.keys()].sort());
    }
    expect(receipted.size).toBeGreaterThan(ROUNDS * RECEIPTS_BEFORE_KILL);
  });

  type Stream = { roomId: string; receipted: Map<string, Kept>; sent: Map<string, Person> };

  /** @returns what one of the senders had heard of the room by then. */
  async function streamUntilKilled(
    stream: Stream & { round: number; people: readonly Person[] },
  ): Promise<MessageCreated[]> {
    const { round, people, roomId, receipted, sent } = stream;
    const clients = await Promise.all(
      people.map(async (person) => ({
        person,
        client: await StompClient.connect(maru.chatUrl, person.token),
      })),
    );
    const [listener] = clients;
    const heard = await listener?.client.subscribe(roomId);
    const killAt = receipted.size + RECEIPTS_BEFORE_KILL;
    const enough = Promise.withResolvers<void>();
    let isOver = false;

    const lanes = clients.flatMap(({ person, client }, sender) =>
      Array.from({ length: IN_FLIGHT }, async (_, lane) => {
        for (let n = 0; !isOver; n += 1) {
          const clientMessageId = `${round}-${sender}-${lane}-${n}`;
          sent.set(clientMessageId, person);
          const receipt = await client.send(roomId, contentOf(clientMessageId), { clientMessageId });
          receipted.set(clientMessageId, keptOf(receipt));
          if (receipted.size >= killAt) enough.resolve();
        }
      }),
    );
    const ended = Promise.allSettled(lanes);
    await enough.promise;
    const exit = await maru.end('chat', 'SIGKILL');
    isOver = true;
    expect(exit.signal).toBe('SIGKILL');
    await ended;
    const deliveries = (await heard?.take(heard.size)) ?? [];
    return deliveries.map(({ entry }) => entry as MessageCreated);
  }

  async function sendAgain({ roomId, receipted, sent }: Stream): Promise<void> {
    const clients = new Map<Person, StompClient>();
    for (const [clientMessageId, person] of sent) {
      if (receipted.has(clientMessageId)) continue;
      const client = clients.get(person) ?? (await StompClient.connect(maru.chatUrl, person.token));
      clients.set(person, client);
      const receipt = await client.send(roomId, contentOf(clientMessageId), { clientMessageId });
      receipted.set(clientMessageId, keptOf(receipt));
    }
    await Promise.all([...clients.values()].map((client) => client.disconnect()));
  }
});

function contentOf(clientMessageId: string): string {
  return `message ${clientMessageId}`;
}

function keptOf(receipt: Readonly<Record<string, string>>): Kept {
  return { messageId: receipt['message-id'] ?? '', seq: Number(receipt.seq) };
}

/** Behind the entries of those who joined, every seq is a message's. */
function expectWholeLog(messages: readonly MessageCreated[], joins: number): void {
  expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, index) => joins + 1 + index));
  expect(new Set(messages.map(({ clientMessageId }) => clientMessageId)).size).toBe(messages.length);
  for (const { content, clientMessageId = '' } of messages) expect(content).toBe(contentOf(clientMessageId));
}

function expectKept(messages: readonly MessageCreated[], receipted: ReadonlyMap<string, Kept>): void {
  const stored = new Map(
    messages.map(({ clientMessageId, messageId, seq }) => [clientMessageId, { messageId, seq }]),
  );
  for (const [clientMessageId, kept] of receipted) expect(stored.get(clientMessageId)).toEqual(kept);
}
