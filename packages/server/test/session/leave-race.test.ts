// Who is removed while others write hears everything up to their own `member.left`, and nothing after it: raced a thousand times.
import type { RoomEntry } from '@maru/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../../../stomp/test/fuzz-random.ts';
import { type Chat, openChat } from './chat-fixture.ts';
import { bodyOf, type RawClient, type ServerFrame } from './raw-client.ts';

const RACES = 1_000;
/** Rooms in which it is raced at the same time. */
const LANES = 10;
/** Messages in a room before the first race: several pages of the log for who reads it from its start. */
const BEFORE = 300;

type Start = {
  /** Headers of the SUBSCRIBE; `head` is the log's end before it. */
  readonly headers: (head: number) => Readonly<Record<string, string>>;
  /** It is begun before the race, or in it: then it may be refused. */
  readonly inTheRace: boolean;
};

/** How the one who is removed listens. */
const STARTS = {
  'live at the head': { headers: () => ({}), inTheRace: false },
  'acknowledging one by one': {
    headers: () => ({ ack: 'client-individual', prefetch: '1' }),
    inTheRace: false,
  },
  'acknowledging while catching up': {
    headers: (head) => ({ ack: 'client', prefetch: '7', 'from-seq': String(Math.max(0, head - 50)) }),
    inTheRace: false,
  },
  'catching up from the start of the log': { headers: () => ({ 'from-seq': '0' }), inTheRace: false },
  'subscribing at that moment': { headers: () => ({}), inTheRace: true },
  'catching up from that moment': {
    headers: (head) => ({ 'from-seq': String(Math.max(0, head - 300)) }),
    inTheRace: true,
  },
} as const satisfies Record<string, Start>;

describe('membership lost', () => {
  let chat: Chat;
  beforeAll(async () => {
    chat = await openChat();
  });
  afterAll(() => chat.close());

  test.each(Object.entries(STARTS) as [string, Start][])(
    'while others write, %s: the own member.left is the last that is heard, and nothing before it is missing',
    async (_name, start) => {
      const races = Math.ceil(RACES / Object.keys(STARTS).length / LANES);
      const lanes = Array.from({ length: LANES }, (_, n) => raceInOneRoom(start, races, n));
      const heard = (await Promise.all(lanes)).reduce((sum, count) => sum + count, 0);
      expect(heard).toBeGreaterThan(start.inTheRace ? 0 : races * LANES - 1);
      await chat.hangUp();
    },
  );

  /** @returns how often the one who was removed had a subscription */
  async function raceInOneRoom(start: Start, races: number, lane: number): Promise<number> {
    const random = new Random(lane);
    const roomId = await chat.newRoom('ann', 'bob');
    const [bob, cid] = [await chat.connect('bob'), await chat.connect(`cid${lane}`)];
    cid.send('SUBSCRIBE', { destination: '/user/queue/errors', id: 'errors', receipt: 'errors' });
    await cid.receipt('errors');
    await writeAll(bob, roomId, BEFORE);
    let subscribed = 0;
    for (let race = 0; race < races; race += 1) {
      if (await raceOnce({ start, roomId, bob, cid, user: `cid${lane}`, race, random })) subscribed += 1;
    }
    return subscribed;
  }

  async function raceOnce(given: {
    start: Start;
    roomId: string;
    bob: RawClient;
    cid: RawClient;
    user: string;
    race: number;
    random: Random;
  }): Promise<boolean> {
    const { start, roomId, bob, cid, user, race, random } = given;
    const id = `race-${race}`;
    expect((await chat.call(user, 'POST', `/api/rooms/${roomId}/members`)).status).toBeLessThan(300);
    const head = (await chat.store.findStanding(roomId, user))?.head ?? 0;
    const headers = start.headers(head);
    const listener = new Listener(cid, id, 'ack' in headers);
    const subscribe = () => {
      const destination = `/topic/chat/room/${roomId}`;
      cid.send('SUBSCRIBE', { destination, id, receipt: `subscribe-${id}`, ...headers });
      return listener.began();
    };
    if (!start.inTheRace) expect(await subscribe()).toBe(true);

    const removal = async () => {
      await turns(random.below(4));
      return chat.call('ann', 'DELETE', `/api/rooms/${roomId}/members/${user}`);
    };
    const [, removed, began] = await Promise.all([
      writeAll(bob, roomId, 1 + random.below(8)),
      removal(),
      start.inTheRace ? turns(random.below(12)).then(subscribe) : listener.heardLeaving(user, head),
    ]);
    expect(removed.status).toBeLessThan(300);

    const log = (await chat.store.listEntries(roomId, head, 200)).map(({ entry }) => entry);
    const left = log.find((entry) => entry.type === 'member.left' && entry.userId === user);
    expect(left).toBeDefined();
    if (began) await listener.heardLeaving(user, head);
    // What is written now must not come; it would come before the second answer.
    await writeAll(bob, roomId, 1);
    await listener.roundTrip();
    await listener.roundTrip();
    if (!began) {
      expect(listener.heard).toEqual([]);
      expect(listener.told).toEqual(['not-a-member']);
      return false;
    }
    const from = Number(headers['from-seq'] ?? listener.head);
    const seqs = listener.heard.map(({ seq }) => seq);
    expect(seqs).toEqual(Array.from({ length: (left?.seq ?? 0) - from }, (_, n) => from + 1 + n));
    expect(listener.heard.at(-1)).toEqual(left);
    expect(listener.told).toEqual(['subscription-ended']);
    cid.send('UNSUBSCRIBE', { id, receipt: `unsubscribe-${id}` });
    await cid.receipt(`unsubscribe-${id}`);
    return true;
  }

  /** Resolves when all are receipted. */
  async function writeAll(bob: RawClient, roomId: string, count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) bob.say(roomId, `message ${n}`, `${n}`);
    for (let n = 0; n < count; n += 1) await bob.receipt(`${n}`);
  }
});

/** All that one subscription brings; ACKs what comes if that is what it wants. */
class Listener {
  readonly heard: RoomEntry[] = [];
  /** Codes that came on `/user/queue/errors`. */
  readonly told: string[] = [];
  /** As the RECEIPT named it. */
  head = 0;
  readonly #client: RawClient;
  readonly #id: string;
  readonly #acknowledges: boolean;
  #roundTrips = 0;

  constructor(client: RawClient, id: string, acknowledges: boolean) {
    this.#client = client;
    this.#id = id;
    this.#acknowledges = acknowledges;
  }

  /** @returns false: it was refused */
  async began(): Promise<boolean> {
    for (;;) {
      const receipt = await this.#next();
      if (receipt !== null) {
        this.head = Number(receipt.headers.get('seq'));
        return true;
      }
      if (this.told.length > 0 && this.told[0] !== 'subscription-ended') return false;
    }
  }

  /** Resolves when the own `member.left` of this race has come. */
  async heardLeaving(userId: string, head: number): Promise<true> {
    for (let at = 0; ; await this.#next()) {
      for (; at < this.heard.length; at += 1) {
        const entry = this.heard[at];
        if (entry?.type === 'member.left' && entry.userId === userId && entry.seq > head) return true;
      }
    }
  }

  /** Resolves when the server has acted on all that this client sent and the answer is here. */
  async roundTrip(): Promise<void> {
    this.#roundTrips += 1;
    const transaction = `${this.#id}-${this.#roundTrips}`;
    this.#client.send('BEGIN', { transaction });
    this.#client.send('ABORT', { transaction, receipt: transaction });
    while ((await this.#next())?.headers.get('receipt-id') !== transaction);
  }

  /** @returns the frame if it is a RECEIPT */
  async #next(): Promise<ServerFrame | null> {
    const frame = await this.#client.next();
    if (frame.command === 'RECEIPT') return frame;
    const subscription = frame.headers.get('subscription');
    if (subscription === 'errors') {
      this.told.push(String(bodyOf(frame).code));
      return null;
    }
    // Of an earlier race nothing comes any more.
    expect(`${frame.command} of ${subscription}`).toBe(`MESSAGE of ${this.#id}`);
    this.heard.push(bodyOf(frame) as RoomEntry);
    const ack = frame.headers.get('ack');
    if (this.#acknowledges && ack !== undefined) this.#client.send('ACK', { id: ack });
    return null;
  }
}

/** So many turns of the event loop. */
async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
