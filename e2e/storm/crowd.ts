// All who take part in a storm: made, let in, watched as they come back, and asked in the end what they have heard.
import type { Room } from '@maru/contract';
import { createSigningKey, openTestIssuer } from '../../packages/server/test/identity/test-issuer.ts';
import { within } from '../chaos/deadline.ts';
import type { Settings } from '../maru-process.ts';
import { call, type Gateway } from '../people.ts';
import { Visitor } from './visitor.ts';

export type CrowdOptions = {
  readonly many: number;
  readonly perRoom: number;
};

/** Of what happened since `watch`. */
export type Return = {
  /** Milliseconds until each was back, ascending. */
  readonly times: readonly number[];
  /** Connections that each began, ascending. */
  readonly tries: readonly number[];
  /** How often somebody was told to come later. */
  readonly told: number;
  /** CONNECTED within one second, at most. */
  readonly peak: number;
};

const CALLS_AT_A_TIME = 32;
const ENTERING_AT_A_TIME = 200;
/** Near ends of the connections: each has its own 28,000 ports. */
const ADDRESSES = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'];
const HEARD_WITHIN_MS = 60_000;

export type CrowdIssuer = {
  readonly settings: Settings;
  sign(name: string): Promise<string>;
  close(): Promise<void>;
};

/** An identity provider of the crowd's own: thousands of passwords would take longer than the storm. */
export async function openCrowdIssuer(): Promise<CrowdIssuer> {
  const key = await createSigningKey('storm');
  const issuer = await openTestIssuer('https://storm.example.com', [key]);
  const { issuer: name, jwksUrl, audience } = issuer;
  return {
    settings: { 'tokens.issuers': JSON.stringify([{ issuer: name, jwksUrl, audience }]) },
    sign: (sub) => issuer.sign(key, { sub, name: sub, exp: Math.floor(Date.now() / 1_000) + 7_200 }),
    close: () => issuer.close(),
  };
}

export class Crowd {
  readonly breaches: string[] = [];
  readonly #gateway: Gateway;
  readonly #rooms: readonly {
    readonly roomId: string;
    readonly owner: string;
    readonly visitors: Visitor[];
  }[];
  #since = 0;
  #back: { readonly at: number; readonly tries: number }[] = [];
  #told = 0;
  #onBack = () => {};

  private constructor(
    gateway: Gateway,
    rooms: readonly { readonly roomId: string; readonly owner: string }[],
  ) {
    this.#gateway = gateway;
    this.#rooms = rooms.map((room) => ({ ...room, visitors: [] }));
  }

  /** Makes people and rooms, and lets everybody in. */
  static async gather(
    maru: Gateway & { readonly chatUrl: string; readonly pageUrl: string },
    issuer: CrowdIssuer,
    { many, perRoom }: CrowdOptions,
  ): Promise<Crowd> {
    const owners = Array.from({ length: Math.ceil(many / perRoom) }, (_, n) => issuer.sign(`owner${n}`));
    const rooms = await fewAtATime(CALLS_AT_A_TIME, await Promise.all(owners), async (owner, n) => {
      const body = { name: `Room ${n}`, visibility: 'public' };
      const { roomId } = await call<Room>(maru, { token: owner }, 'POST /api/rooms', body);
      return { roomId, owner };
    });
    const crowd = new Crowd(maru, rooms);
    const tokens = await Promise.all(Array.from({ length: many }, (_, n) => issuer.sign(`visitor${n}`)));
    await fewAtATime(CALLS_AT_A_TIME, tokens, async (token, n) => {
      const room = crowd.#rooms[Math.floor(n / perRoom)];
      if (room === undefined) throw new Error(`no room for ${n}`);
      const { roomId, visitors } = room;
      await call(maru, { token }, `POST /api/rooms/${roomId}/members`);
      const localAddress = ADDRESSES[n % ADDRESSES.length] ?? '127.0.0.1';
      const page = n % 2 === 0 ? { pageUrl: maru.pageUrl } : {};
      visitors.push(
        new Visitor(
          { chatUrl: maru.chatUrl, token, roomId, localAddress, ...page },
          {
            onBack: ({ tries }) => {
              crowd.#back.push({ at: performance.now(), tries });
              crowd.#onBack();
            },
            onTold: () => {
              crowd.#told += 1;
            },
            onBreach: (what) => crowd.breaches.push(what),
          },
        ),
      );
    });
    return crowd;
  }

  get visitors(): readonly Visitor[] {
    return this.#rooms.flatMap(({ visitors }) => visitors);
  }

  /** Everybody for the first time, a few at a time. */
  async enter(): Promise<void> {
    this.#begin();
    const waiting = this.visitors.values();
    this.#onBack = () => waiting.next().value?.come();
    for (let n = 0; n < ENTERING_AT_A_TIME; n += 1) this.#onBack();
    while (this.#back.length < this.visitors.length) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (this.breaches.length > 0) throw new Error(this.breaches[0]);
    }
  }

  /** Does what drops everybody, and resolves when all are back; rejects past the bound. */
  async storm(dropAll: () => unknown, boundMs: number): Promise<Return> {
    this.#begin();
    const all = Promise.withResolvers<void>();
    this.#onBack = () => {
      if (this.#back.length >= this.visitors.length) all.resolve();
    };
    await dropAll();
    await within(boundMs, all.promise, () => this.#story());
    const times = this.#back.map(({ at }) => at - this.#since);
    return {
      times: times.toSorted((a, b) => a - b),
      tries: this.#back.map(({ tries }) => tries).toSorted((a, b) => a - b),
      told: this.#told,
      peak: mostWithin(times, 1_000),
    };
  }

  /** Somebody writes to every room. */
  async write(content: string): Promise<void> {
    await fewAtATime(CALLS_AT_A_TIME, this.#rooms, ({ roomId, owner: token }) =>
      call(this.#gateway, { token }, `POST /api/rooms/${roomId}/messages`, { content }),
    );
  }

  /** Resolves when everybody has heard all of their room's log. */
  async heardAll(): Promise<void> {
    const heads = await fewAtATime(CALLS_AT_A_TIME, this.#rooms, async ({ roomId, owner: token }) => {
      const { head } = await call<Room>(this.#gateway, { token }, `GET /api/rooms/${roomId}`);
      return head;
    });
    const began = performance.now();
    const missing = () =>
      this.#rooms.flatMap(({ visitors }, n) => visitors.filter(({ seq }) => seq !== heads[n]));
    while (missing().length > 0) {
      if (performance.now() - began > HEARD_WITHIN_MS) {
        throw new Error(`${missing().length} have not heard all: ${missing()[0]?.story}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  leave(): void {
    for (const visitor of this.visitors) visitor.leave();
  }

  #begin(): void {
    this.#since = performance.now();
    this.#back = [];
    this.#told = 0;
  }

  #story(): string {
    const away = this.visitors.filter(({ isBack }) => !isBack);
    return `${away.length} of ${this.visitors.length} are not back: ${away.slice(0, 5).map(({ story }) => story)}`;
  }
}

/** The most of these moments that lie within so many milliseconds of each other. */
export function mostWithin(moments: readonly number[], ms: number): number {
  const sorted = moments.toSorted((a, b) => a - b);
  let first = 0;
  let most = 0;
  for (const [last, at] of sorted.entries()) {
    while (at - (sorted[first] ?? at) >= ms) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

async function fewAtATime<T, R>(
  few: number,
  all: readonly T[],
  each: (one: T, n: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const left = all.entries();
  await Promise.all(
    Array.from({ length: few }, async () => {
      for (const [n, one] of left) results[n] = await each(one, n);
    }),
  );
  return results;
}
