// Hostile clients of every kind at once, and two people who chat on: they lose nothing, and nothing is left behind.
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { runAttack, type Target } from './hostile-attack.ts';
import { ATTACKS } from './hostile-attacks.ts';
import { createRoom, type Person, signUp } from './people.ts';
import { RawStomp } from './raw-stomp.ts';
import { describeTopologies, type Maru } from './topology.ts';

const ATTACK_MS = 6_000;
/** Short deadlines, so that those who wait for them come often. */
const SETTINGS = {
  'chat.connectMs': 1_500,
  'chat.unfinishedFrameMs': 1_500,
  'chat.closeMs': 3_000,
  'gateway.headersMs': 1_500,
  'gateway.requestMs': 2_000,
  'gateway.keepAliveMs': 1_000,
};
/** More than a process ever takes on by this, less than one hostile client could make it take on if nothing stopped it. */
const MOST_GROWTH = 400 * 1_048_576;

/** Somebody who writes and hears, one message after the other, until told to stop. */
class Chatterer {
  readonly heard: string[] = [];
  written = 0;
  slowestMs = 0;
  readonly #raw: RawStomp;
  readonly #name: string;
  readonly #roomId: string;
  #receipted: (() => void) | undefined;

  private constructor(raw: RawStomp, name: string, roomId: string) {
    this.#raw = raw;
    this.#name = name;
    this.#roomId = roomId;
  }

  static async join(maru: Maru, { name, token }: Person, roomId: string): Promise<Chatterer> {
    const raw = await RawStomp.connect(maru.chatUrl, token);
    raw.write('SUBSCRIBE', { id: '0', destination: `/topic/chat/room/${roomId}`, receipt: 'subscribed' });
    expect(await raw.came.next()).toMatchObject({ command: 'RECEIPT' });
    return new Chatterer(raw, name, roomId);
  }

  /** Rejects when the connection ends, or anything but messages and receipts comes. */
  async listen(): Promise<void> {
    for (;;) {
      const frame = await this.#raw.came.next();
      if (frame.command === 'MESSAGE' && 'body' in frame) this.heard.push(JSON.parse(frame.body).content);
      else if (frame.command === 'RECEIPT') this.#receipted?.();
      else throw new Error(`${JSON.stringify(frame)} came to ${this.#name}`);
    }
  }

  async chat(until: number): Promise<void> {
    while (performance.now() < until) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#receipted = resolve;
      const sent = performance.now();
      const content = `${this.#name} ${this.written}`;
      this.#raw.write(
        'SEND',
        { destination: '/pub/send/message', receipt: content },
        JSON.stringify({ roomId: this.#roomId, content }),
      );
      await promise;
      this.slowestMs = Math.max(this.slowestMs, performance.now() - sent);
      this.written += 1;
      await pause(5);
    }
  }

  drop(): void {
    this.#raw.drop();
  }
}

/** Octets of memory that processes have in use; Linux tells. */
function residentOctets(pids: readonly number[]): number {
  if (process.platform !== 'linux') return 0;
  const status = pids.map((pid) => readFileSync(`/proc/${pid}/status`, 'utf8'));
  return status.reduce((sum, text) => sum + Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1]) * 1_024, 0);
}

async function sessionsOf(maru: Maru): Promise<number> {
  const text = await (await fetch(`${maru.operationsUrl('chat')}/metrics`)).text();
  return [...text.matchAll(/^maru_sessions\{.*\} (\d+)$/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
}

describeTopologies((maru) => {
  test(`FR01 FR02 FR03 FR04 FR05 FR09 FR11 FR12 FR13 FR14 TR03 TR06 L07 ${ATTACKS.length} attacks end as documented, through the gateway and past it, while two people chat and miss nothing`, async () => {
    const [ann, bob] = [await signUp(maru, 'Ann'), await signUp(maru, 'Bob')];
    const attackers = await Promise.all(
      ['Eve', 'Mallory', 'Oscar', 'Trudy'].map((name) => signUp(maru, name)),
    );
    const roomIds = await Promise.all(attackers.map((attacker) => createRoom(maru, attacker)));
    const roomId = await createRoom(maru, ann, [bob]);
    const pair = [await Chatterer.join(maru, ann, roomId), await Chatterer.join(maru, bob, roomId)] as const;

    // Says nothing meanwhile, for longer than any timeout of the gateway.
    const idle = await RawStomp.connect(maru.chatUrl, ann.token);
    const before = residentOctets(maru.pids);
    const outputBefore = maru.output.length;
    const until = performance.now() + ATTACK_MS;
    let peak = before;
    const sampling = setInterval(() => {
      peak = Math.max(peak, residentOctets(maru.pids));
    }, 200);
    const chatting = Promise.all(pair.map((one) => one.chat(until)));
    // Ends only when a connection does, which none of theirs may.
    const disturbed = Promise.race(pair.map((one) => one.listen()));
    // Whatever it is, it is awaited at the end.
    for (const promise of [chatting, disturbed]) promise.catch(() => undefined);

    const targets = maru.topology === 'apart by a Unix socket' ? ['gateway'] : ['gateway', 'chat'];
    const results = await Promise.all(
      targets.flatMap((role) =>
        ATTACKS.filter(({ only }) => only === undefined || only === role).map((attack, index) => {
          // The floods have a room of their own, or the others there would be called too slow.
          const owner = attack.times === undefined ? index % 3 : 3;
          const target: Target = {
            port: role === 'gateway' ? maru.ports.gateway : maru.ports.chat,
            token: attackers[owner]?.token ?? '',
            roomId: roomIds[owner] ?? '',
          };
          return runAttack(attack, target, until);
        }),
      ),
    );
    const written = async () => {
      await chatting;
      return pair[0].written + pair[1].written;
    };
    const heard = () => pair.map((one) => one.heard.length);
    const sum = await Promise.race([written(), disturbed]);
    await expect.poll(heard, { timeout: 10_000, interval: 20 }).toEqual([sum, sum]);
    clearInterval(sampling);

    expect(results.flatMap(({ wrong }) => wrong ?? [])).toEqual([]);
    const [first, second] = pair;
    expect(first.heard).toEqual(second.heard);
    for (const one of pair) {
      for (const [name, { written }] of [
        ['Ann', first],
        ['Bob', second],
      ] as const) {
        const own = one.heard.filter((content) => content.startsWith(name));
        expect(own).toEqual(Array.from({ length: written }, (_, n) => `${name} ${n}`));
      }
    }
    // A slow machine lets them write less meanwhile.
    expect(first.written).toBeGreaterThan(5);
    expect(Math.max(first.slowestMs, second.slowestMs)).toBeLessThan(5_000);

    await expect.poll(() => sessionsOf(maru), { timeout: 20_000, interval: 100 }).toBe(3);
    idle.write('DISCONNECT', { receipt: 'still there' });
    expect(await idle.came.next()).toMatchObject({ command: 'RECEIPT' });
    expect(peak - before).toBeLessThan(MOST_GROWTH);
    const output = maru.output.slice(outputBefore);
    const connections = results.reduce((sum, result) => sum + result.connections, 0);
    expect(output.split('\n').length).toBeLessThan(100 + 4 * connections);
    expect(output).not.toMatch(/"level":[56]0|"stack"|^\S*\|?\s+at /m);
    for (const one of pair) one.drop();
  }, 120_000);
}, SETTINGS);
