// A followed room under scripted misfortune: drops anywhere, refusals, holes, replaced logs, and writers all the while.
import { type ChatMessage, type RoomEntry, roomDestination } from '@maru/contract';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { RoomMessages } from '../src/room-messages.ts';
import { Ann, turn, upTo } from './ann.ts';
import type { ScriptedGateway } from './scripted-gateway.ts';
import { ANN, BO, ScriptedLog } from './scripted-log.ts';

/** Who follows the room, and what came to them of the log there is now. */
class Follower {
  readonly ann = new Ann();
  readonly messages = new RoomMessages(ANN.userId);
  delivered: { entry: RoomEntry | ChatMessage; asOf: number }[] = [];
  /** Of the log when history was read. */
  head = 0;
  #written = 0;

  get gateway(): ScriptedGateway {
    return this.ann.gateway;
  }

  async open(): Promise<void> {
    await this.ann.open({ baseMs: 2, capMs: 4 });
    this.ann.client.subscribeRoom('r1', {
      onRoom: ({ head }) => {
        this.head = head;
      },
      onEntry: (entry, asOf) => {
        this.delivered.push({ entry, asOf });
        this.messages.apply(entry, asOf);
      },
      onReset: () => {
        this.delivered = [];
        this.messages.clear();
      },
    });
    this.ann.client.connect();
  }

  /** Resolves when all that was written so far has come; from here on no entry is kept from leaving. */
  async catchUp(): Promise<void> {
    this.gateway.loses = () => false;
    this.#written += 1;
    const content = `mark ${this.#written}`;
    this.gateway.append(content);
    await vi.waitFor(
      () => {
        expect(this.delivered.some(({ entry }) => 'content' in entry && entry.content === content)).toBe(
          true,
        );
        // Up to the head of the room it was history that came: its last message may be older than the log's last entry.
        const { entry } = this.delivered.at(-1) ?? {};
        expect(Math.max(entry?.seq ?? 0, this.head)).toBe(this.gateway.log.head);
      },
      { timeout: 5_000, interval: 1 },
    );
  }
}

/** What the script does next; `n` chooses what it does it to, or how much. */
type Step = { readonly what: keyof typeof STEPS; readonly n: number };

const STEPS = {
  say: ({ gateway }: Follower, n: number) => {
    for (let i = 0; i <= n % 4; i += 1) gateway.append(`said ${n}`);
  },
  edit: ({ gateway }: Follower, n: number) =>
    gateway.broadcast(gateway.log.edit(BO, target(gateway.log, n), `better ${n}`)),
  erase: ({ gateway }: Follower, n: number) =>
    gateway.broadcast(gateway.log.delete(BO, target(gateway.log, n))),
  react: ({ gateway }: Follower, n: number) =>
    gateway.broadcast(gateway.log.react(n % 2 === 0 ? ANN : BO, target(gateway.log, n), '👍', n % 3 === 0)),
  join: ({ gateway }: Follower) => gateway.broadcast(gateway.log.join(BO)),
  drop: ({ gateway }: Follower) => gateway.dropAll(),
  /** The connection breaks with the next SUBSCRIBE: before its RECEIPT. */
  dropAtSubscribe: ({ gateway }: Follower) => once(gateway, { drop: true }),
  refuseSubscribe: ({ gateway }: Follower) => once(gateway, { error: 'overloaded' }),
  /** The connection breaks after some more entries, as in the midst of a replay. */
  dropAtEntry: ({ gateway }: Follower, n: number) => {
    let left = n % 5;
    gateway.loses = () => {
      left -= 1;
      if (left === 0) gateway.dropAll();
      return false;
    };
  },
  lose: ({ gateway }: Follower, n: number) => {
    const { loses } = gateway;
    gateway.loses = () => true;
    gateway.append(`lost ${n}`);
    gateway.loses = loses;
    gateway.append(`after what was lost ${n}`);
  },
  dropAtPage: ({ gateway }: Follower) => {
    gateway.beforePage = () => {
      gateway.beforePage = () => undefined;
      gateway.dropAll();
    };
  },
  /** Written between the head that the room told and the page that is read. */
  sayAtPage: ({ gateway }: Follower, n: number) => {
    gateway.beforePage = () => {
      gateway.beforePage = () => undefined;
      gateway.append('between');
      gateway.broadcast(gateway.log.react(BO, target(gateway.log, n), '🎉'));
    };
  },
  restore: ({ gateway }: Follower, n: number) => {
    gateway.log = new ScriptedLog(`${gateway.log.epoch}+`);
    for (let i = 0; i < n % 3; i += 1) gateway.append(`restored ${i}`);
    gateway.dropAll();
  },
  turns: async (_: Follower, n: number) => {
    for (let i = 0; i <= n % 12; i += 1) await turn();
  },
  /** All that was written so far has come. */
  catchUp: (follower: Follower) => follower.catchUp(),
} as const satisfies Record<string, (follower: Follower, n: number) => unknown>;

const anyStep: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom(...(Object.keys(STEPS) as (keyof typeof STEPS)[]), 'turns', 'catchUp', 'catchUp'),
  n: fc.nat(100),
});

function target(log: ScriptedLog, n: number): string {
  const { messages } = log.page(ANN.userId);
  return messages[n % Math.max(1, messages.length)]?.messageId ?? 'none';
}

function once(gateway: ScriptedGateway, fault: ReturnType<ScriptedGateway['fault']>): void {
  gateway.fault = ({ command, headers }) => {
    if (command !== 'SUBSCRIBE' || headers.destination !== roomDestination('r1')) return undefined;
    gateway.fault = () => undefined;
    return fault;
  };
}

const plain = (messages: readonly (ChatMessage | undefined)[]) =>
  messages.map((message) => ({
    ...message,
    reactions: message?.reactions?.toSorted((a, b) => a.emoji.localeCompare(b.emoji)) ?? [],
  }));

test('whatever breaks and whenever, every entry comes once and in order, and the messages are those of history', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 4, maxLength: 40 }), async (steps) => {
      const follower = new Follower();
      await follower.open();
      try {
        for (const { what, n } of steps) await STEPS[what](follower, n);
        await follower.catchUp();
        const { delivered, messages, head } = follower;
        const { log } = follower.gateway;

        const seqs = delivered.map(({ entry }) => entry.seq);
        const page = seqs.filter((seq) => seq <= head);
        expect(page).toEqual([...new Set(page)].sort((a, b) => a - b));
        expect(seqs.slice(page.length)).toEqual(upTo(log.head, head + 1));
        const shown = log.page(ANN.userId).messages.filter(({ messageId }) => messages.get(messageId));
        expect(shown.length).toBeGreaterThan(0);
        expect(plain(shown.map(({ messageId }) => messages.get(messageId)))).toEqual(plain(shown));
      } finally {
        await follower.ann.close();
      }
    }),
    { numRuns: 40, endOnFailure: true },
  );
});
