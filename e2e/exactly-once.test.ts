// Every message once, whatever happens to its RECEIPT: the sender sends it again, by whatever way.
import type { MessageCreated } from '@maru/contract';
import { describe, expect, it } from 'vitest';
import { Random } from '../packages/stomp/test/fuzz-random.ts';
import { Relay } from './chaos/relay.ts';
import { contentOf, type Place, placeOf, StubbornSender } from './chaos/stubborn-sender.ts';
import { ask, createRoom, type Person, signUp, wholeHistory } from './people.ts';
import { RawStomp } from './raw-stomp.ts';
import { StompClient } from './stomp-client.ts';
import { type Maru, type Topology, useMaru } from './topology.ts';

const SENDERS = 4;
/** Cuts of each of them that lose the RECEIPT of something stored. */
const LOSSES = 55;
const TWINS = 200;
const KILLS = 2;

describe.each(['together', 'apart'] satisfies Topology[])('exactly once %s', (topology) => {
  const maru = useMaru(topology);

  it(`a SEND repeated after its RECEIPT was lost is one message, ${SENDERS * LOSSES} times, cut at any octet`, async () => {
    const people = await newPeople(maru, SENDERS);
    const roomId = await createRoom(maru, people[0], people.slice(1));
    const listener = await StompClient.connect(maru.chatUrl, people[0].token);
    const heard = await listener.subscribe(roomId);
    const joins = people.length;

    const senders = await Promise.all(
      people.map(async ({ token }, number) => {
        const relay = await Relay.open(() => maru.ports.gateway);
        const sender = new StubbornSender(relay, { token, roomId });
        const random = new Random(number);
        for (let n = 0; sender.losses.down < LOSSES; ) {
          const ids = Array.from({ length: 1 + random.below(6) }, () => `${number}-${n++}`);
          const direction = random.once(3) ? 'up' : 'down';
          // Somewhere in what so many SENDs and RECEIPTs come to; 0: nothing of it passes.
          const octets = random.below(ids.length * (direction === 'up' ? 200 : 100));
          await sender.send(ids, { direction, octets });
        }
        await sender.leave();
        await relay.close();
        return sender;
      }),
    );

    const messages = await wholeHistory(maru, people[0], roomId);
    expectWholeLog(messages, joins);
    expect(placesOf(messages)).toEqual(merge(senders.map(({ places }) => places)));
    expectInOrderOfSending(messages);
    // Some were cut before they were stored, too.
    for (const { losses } of senders) expect(losses.up).toBeGreaterThan(5);
    const deliveries = await heard.take(messages.length);
    expect(deliveries.map(({ entry }) => entry)).toEqual(messages);
    await listener.disconnect();
    expect(heard.size).toBe(0);
  });

  it(`two tabs and a REST call that send the same message at once make one, ${TWINS} times, and hear the same of it`, async () => {
    const [ann] = await newPeople(maru, 1);
    const roomId = await createRoom(maru, ann);
    const tabs = await Promise.all([0, 1].map(() => StompClient.connect(maru.chatUrl, ann.token)));
    const heard = await tabs[0]?.subscribe(roomId);

    const twins = Array.from({ length: TWINS }, (_, n) => `twin-${n}`);
    // In both tabs many at once, so that they overtake each other; by REST a few at a time.
    const told = await Promise.all([
      ...tabs.map((tab) => Promise.all(twins.map((id) => sendBy(tab, roomId, id)))),
      postAll(maru, ann, roomId, twins, 8),
    ]);

    const messages = await wholeHistory(maru, ann, roomId);
    expectWholeLog(messages, 1);
    expect(messages.length).toBe(TWINS);
    const places = placesOf(messages);
    for (const each of told) expect(new Map(twins.map((id, n) => [id, each[n]]))).toEqual(places);
    const deliveries = (await heard?.take(TWINS)) ?? [];
    expect(deliveries.map(({ entry }) => entry)).toEqual(messages);
    for (const tab of tabs) await tab.disconnect();
    expect(heard?.size).toBe(0);
  });

  it('an Idempotency-Key is a clientMessageId: POST after SEND and SEND after POST find the one message, cut answers too', async () => {
    const [ann] = await newPeople(maru, 1);
    const roomId = await createRoom(maru, ann);
    const client = await StompClient.connect(maru.chatUrl, ann.token);
    const sent = await sendBy(client, roomId, 'sent-first');
    const posted = await post(maru, ann, roomId, 'sent-first');
    expect(posted).toEqual({ status: 200, place: sent });
    const first = await post(maru, ann, roomId, 'posted-first');
    expect(first.status).toBe(201);
    expect(await post(maru, ann, roomId, 'posted-first')).toEqual({ status: 200, place: first.place });
    expect(await sendBy(client, roomId, 'posted-first')).toEqual(first.place);

    const relay = await Relay.open(() => maru.ports.gateway);
    const byRelay = { url: `http://127.0.0.1:${relay.port}` };
    let lost = 0;
    for (let n = 0; lost < 20; n += 1) {
      const cut = { direction: 'down', octets: n } as const;
      const done = relay.cut(cut);
      const answer = await post(byRelay, ann, roomId, `cut-${n}`).catch(() => null);
      if (answer === null) lost += 1;
      await done;
      const again = await post(maru, ann, roomId, `cut-${n}`);
      expect(again.status).toBe(200);
    }
    await relay.close();
    await client.disconnect();
    const messages = await wholeHistory(maru, ann, roomId);
    expectWholeLog(messages, 1);
    expect(messages.length).toBe(2 + lost);
  });

  it(`what was under way at a kill -9 is one message after both tabs and REST have repeated it, ${KILLS} times`, async () => {
    const [ann] = await newPeople(maru, 1);
    const roomId = await createRoom(maru, ann);
    const places = new Map<string, Place>();
    for (let kill = 0; kill < KILLS; kill += 1) {
      const ids = Array.from({ length: 400 }, (_, n) => `kill-${kill}-${n}`);
      const tabs = await Promise.all([0, 1].map(() => StompClient.connect(maru.chatUrl, ann.token)));
      const some = Promise.withResolvers<void>();
      const attempts = tabs.flatMap((tab) =>
        ids.map(async (id, n) => {
          places.set(id, await sendBy(tab, roomId, id));
          if (n >= kill * 40) some.resolve();
        }),
      );
      const settled = Promise.allSettled(attempts);
      await some.promise;
      await maru.end('chat', 'SIGKILL');
      await settled;
      await maru.restart();

      const again = await Promise.all([0, 1].map(() => StompClient.connect(maru.chatUrl, ann.token)));
      const told = await Promise.all([
        ...again.map((tab) => Promise.all(ids.map((id) => sendBy(tab, roomId, id)))),
        postAll(maru, ann, roomId, ids, 8),
      ]);
      for (const each of told) {
        for (const [n, id] of ids.entries()) {
          // A RECEIPT from before the kill holds after it.
          expect(each[n]).toEqual(places.get(id) ?? told[0]?.[n]);
        }
      }
      for (const [n, id] of ids.entries()) places.set(id, told[0]?.[n] as Place);
      for (const tab of again) await tab.disconnect();
    }
    const messages = await wholeHistory(maru, ann, roomId);
    expectWholeLog(messages, 1);
    expect(placesOf(messages)).toEqual(places);
  });

  it('messages of one sender are in the order sent, with hundreds in flight, in transactions and between them', async () => {
    const people = await newPeople(maru, 3);
    const roomId = await createRoom(maru, people[0], people.slice(1));
    const [plain, transacted, mixed] = people;
    const sessions = await Promise.all(people.map(({ token }) => RawStomp.connect(maru.chatUrl, token)));
    const order = new Map<string, string[]>(people.map(({ userId }) => [userId, []]));
    const expected = (person: Person) => order.get(person.userId) as string[];
    const [a, b, c] = sessions as [RawStomp, RawStomp, RawStomp];
    const say = (raw: RawStomp, content: string, transaction?: string) =>
      raw.write(
        'SEND',
        { destination: '/pub/send/message', ...(transaction === undefined ? {} : { transaction }) },
        JSON.stringify({ roomId, content }),
      );

    for (let n = 0; n < 600; n += 1) {
      say(a, `plain ${n}`);
      expected(plain).push(`plain ${n}`);
    }
    for (let batch = 0; batch < 20; batch += 1) {
      const transaction = `t${batch}`;
      b.write('BEGIN', { transaction });
      c.write('BEGIN', { transaction });
      const held: string[] = [];
      for (let n = 0; n < 10; n += 1) {
        say(b, `transacted ${batch} ${n}`, transaction);
        expected(transacted).push(`transacted ${batch} ${n}`);
        // What is in the transaction takes effect at COMMIT, so behind the plain SENDs before that.
        say(c, `held ${batch} ${n}`, transaction);
        held.push(`held ${batch} ${n}`);
        say(c, `between ${batch} ${n}`);
        expected(mixed).push(`between ${batch} ${n}`);
      }
      b.write('COMMIT', { transaction });
      c.write('COMMIT', { transaction });
      expected(mixed).push(...held);
    }
    for (const raw of sessions) {
      raw.write('DISCONNECT', { receipt: 'done' });
      expect(await raw.came.next()).toMatchObject({ command: 'RECEIPT', headers: { 'receipt-id': 'done' } });
    }

    const messages = await wholeHistory(maru, people[0], roomId);
    for (const [userId, contents] of order) {
      const of = messages.filter(({ senderId }) => senderId === userId);
      expect(of.map(({ content }) => content)).toEqual(contents);
    }
    // Nobody else's message is inside a transaction.
    const all = messages.map(({ content }) => content ?? '');
    for (let batch = 0; batch < 20; batch += 1) {
      for (const [kind, size] of [
        ['transacted', 10],
        ['held', 10],
      ] as const) {
        const at = all.indexOf(`${kind} ${batch} 0`);
        expect(all.slice(at, at + size)).toEqual(
          Array.from({ length: size }, (_, n) => `${kind} ${batch} ${n}`),
        );
      }
    }
  });
});

async function newPeople(maru: Maru, count: number): Promise<[Person, Person, Person, ...Person[]]> {
  const people = await Promise.all(Array.from({ length: count }, (_, n) => signUp(maru, `Sender ${n}`)));
  return people as [Person, Person, Person, ...Person[]];
}

async function sendBy(client: StompClient, roomId: string, clientMessageId: string): Promise<Place> {
  return placeOf(await client.send(roomId, contentOf(clientMessageId), { clientMessageId }));
}

async function post(gateway: { readonly url: string }, { token }: Person, roomId: string, key: string) {
  const { status, text } = await ask(gateway, `POST /api/rooms/${roomId}/messages`, {
    token,
    headers: { 'idempotency-key': key },
    body: { content: contentOf(key) },
  });
  expect(status, text).toBeLessThan(300);
  const { messageId, seq } = JSON.parse(text) as MessageCreated;
  return { status, place: { messageId, seq } };
}

/** So many at a time. @returns their places, in the order of the ids */
async function postAll(
  maru: Maru,
  sender: Person,
  roomId: string,
  ids: readonly string[],
  atATime: number,
): Promise<Place[]> {
  const places: Place[] = [];
  const left = [...ids.entries()];
  const lane = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [index, id] = next;
      places[index] = (await post(maru, sender, roomId, id)).place;
    }
  };
  await Promise.all(Array.from({ length: atATime }, lane));
  return places;
}

function placesOf(messages: readonly MessageCreated[]): Map<string, Place> {
  return new Map(
    messages.map(({ clientMessageId = '', messageId, seq }) => [clientMessageId, { messageId, seq }]),
  );
}

function merge(maps: readonly ReadonlyMap<string, Place>[]): Map<string, Place> {
  return new Map(maps.flatMap((map) => [...map]));
}

/** Behind the entries of those who joined every seq is a message's, every id is there once, each with its content. */
function expectWholeLog(messages: readonly MessageCreated[], joins: number): void {
  expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, index) => joins + 1 + index));
  expect(placesOf(messages).size).toBe(messages.length);
  for (const { content, clientMessageId = '' } of messages) expect(content).toBe(contentOf(clientMessageId));
}

/** `<sender>-<n>`: each sender's are 0, 1, 2 … in the log. */
function expectInOrderOfSending(messages: readonly MessageCreated[]): void {
  const next = new Map<string, number>();
  for (const { clientMessageId = '' } of messages) {
    const [sender = '', n] = clientMessageId.split('-');
    expect(Number(n)).toBe(next.get(sender) ?? 0);
    next.set(sender, Number(n) + 1);
  }
}
