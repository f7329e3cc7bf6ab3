// Who takes part in a run: the rooms, those who write, read and change, and what must come of it.
import { Random } from '../../packages/stomp/test/fuzz-random.ts';
import { createRoom, type Person, signUp } from '../people.ts';
import { Changer } from './changer.ts';
import { Guest } from './guest.ts';
import type { KeptConnection } from './kept-connection.ts';
import { Poster } from './poster.ts';
import { Reader } from './reader.ts';
import { RoomLedger } from './room-ledger.ts';
import type { Acknowledging, Stream } from './stream.ts';
import type { System } from './system.ts';
import { UntilAnswered } from './until-answered.ts';
import type { Watch } from './watch.ts';
import { Writer } from './writer.ts';

const ROOMS = 2;
const WRITERS = 3;
const READERS: readonly Acknowledging[] = ['auto', 'auto', 'client-individual'];
const POSTERS = 2;

export class Cast {
  readonly owner: Person;
  readonly ledgers: readonly RoomLedger[];
  readonly writers: readonly Writer[];
  readonly readers: readonly Reader[];
  readonly #posters: readonly Poster[];
  readonly #changer: Changer;
  readonly #guest: Guest;
  #leading: readonly Promise<void>[] = [];
  #writing: readonly Promise<void>[] = [];

  private constructor(
    system: System,
    watch: Watch,
    random: Random,
    people: { readonly all: readonly Person[]; readonly roomIds: readonly string[] },
  ) {
    const { url, chatUrl } = system;
    const left = [...people.all];
    const next = (): Person => left.shift() as Person;
    const { roomIds } = people;
    const roomOf = (n: number): string => roomIds[n % roomIds.length] as string;
    this.ledgers = roomIds.map((roomId) => new RoomLedger(roomId, watch));
    const ledgerOf = (n: number): RoomLedger => this.ledgers[n % roomIds.length] as RoomLedger;
    const ofTheirOwn = () => new Random(random.below(2 ** 31));
    let connections = 0;
    const connectionOf = ({ name, token }: Person) => {
      connections += 1;
      const tokenIn = connections % 2 === 0 ? ('subprotocol' as const) : ('headers' as const);
      return { name, token, chatUrl, tokenIn };
    };
    const callsOf = ({ name, token }: Person) => new UntilAnswered({ name, token, gateway: { url } }, watch);

    this.owner = next();
    this.writers = Array.from({ length: WRITERS }, (_, n) => {
      const lane = ledgerOf(n).lane(`writer${n}`);
      return new Writer({ ...connectionOf(next()), roomId: roomOf(n), lane, random: ofTheirOwn() }, watch);
    });
    this.#posters = Array.from({ length: POSTERS }, (_, n) => {
      const lane = ledgerOf(n).lane(`poster${n}`);
      return new Poster({ calls: callsOf(next()), roomId: roomOf(n), lane }, watch);
    });
    this.readers = READERS.map((ack) => new Reader({ ...connectionOf(next()), roomIds, ack }, watch));
    const changer = next();
    this.#changer = new Changer(
      {
        ...connectionOf(changer),
        roomId: roomOf(0),
        lane: ledgerOf(0).lane('changer', true),
        script: ledgerOf(0).script(changer.userId),
        random: ofTheirOwn(),
      },
      watch,
    );
    const guest = next();
    this.#guest = new Guest(
      {
        ...connectionOf(guest),
        roomId: roomOf(1),
        userId: guest.userId,
        calls: callsOf(guest),
        random: ofTheirOwn(),
      },
      watch,
    );
  }

  /** Signs everybody up, makes the rooms, and lets all begin. */
  static async enter(system: System, watch: Watch, random: Random): Promise<Cast> {
    const names = [
      'Owner',
      ...Array.from({ length: WRITERS }, (_, n) => `Writer ${n}`),
      ...Array.from({ length: POSTERS }, (_, n) => `Poster ${n}`),
      ...READERS.map((ack, n) => `Reader ${n} (${ack})`),
      'Changer',
      'Guest',
    ];
    const all = await Promise.all(names.map((name) => signUp(system, name)));
    const [owner, ...others] = all as [Person, ...Person[]];
    const roomIds: string[] = [];
    for (let n = 0; n < ROOMS; n += 1) roomIds.push(await createRoom(system, owner, others));
    const cast = new Cast(system, watch, random, { all, roomIds });
    cast.#begin();
    return cast;
  }

  get connections(): readonly KeptConnection[] {
    return [
      ...this.#outboxes.map(({ connection }) => connection),
      ...this.readers.map(({ connection }) => connection),
      this.#guest.connection,
    ];
  }

  /** Every subscriber's, of one room. */
  streamsOf(roomId: string): readonly Stream[] {
    const streams = [...this.readers.flatMap((reader) => reader.streams), this.#guest.stream];
    return streams.filter((stream) => stream.roomId === roomId);
  }

  /** A line for each of them that isn't at ease: not connected, or waiting for an answer. */
  get stories(): readonly string[] {
    return [
      ...this.#outboxes.filter((outbox) => outbox.size > 0).map((outbox) => outbox.story),
      ...this.#posters.map(({ calls }) => calls.story),
      ...this.readers.map(({ connection }) => connection.story),
      this.#guest.story,
    ];
  }

  /** Resolves when whatever is under way now is answered, by whatever many attempts. */
  async settled(): Promise<void> {
    await Promise.all([
      ...this.#outboxes.map((outbox) => outbox.settled()),
      ...this.#posters.map(({ calls }) => calls.settled()),
      this.#guest.calls.settled(),
    ]);
  }

  /** Lets everybody come to an end; resolves when nobody waits for anything any more. */
  async stop(): Promise<void> {
    // Those who wait for what the others write stop before these.
    this.#guest.stop();
    this.#changer.stop();
    await Promise.all(this.#leading);
    for (const each of [...this.writers, ...this.#posters]) each.stop();
    await Promise.all(this.#writing);
  }

  async close(): Promise<void> {
    for (const { calls } of [...this.#posters, this.#guest]) calls.close();
    await Promise.all(this.connections.map((connection) => connection.close()));
  }

  get #outboxes() {
    return [...this.writers.map(({ outbox }) => outbox), this.#changer.outbox];
  }

  #begin(): void {
    this.#leading = [this.#guest.comeAndGo(), this.#changer.change()];
    this.#writing = [
      ...this.writers.map((writer) => writer.write()),
      ...this.#posters.map((poster) => poster.write()),
    ];
  }
}
