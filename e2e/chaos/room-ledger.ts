// What must be in one room's log: every lane's messages, every script's changes, whoever comes and goes, and no hole.
import type { RoomEntry } from '@maru/contract';
import { Lane } from './lane.ts';
import { isChange, Script } from './script.ts';
import type { Watch } from './watch.ts';

/** What had a RECEIPT at one moment: all of it must be found in a log that is read after that. */
export type Due = ReadonlyMap<Lane | Script, number>;

export class RoomLedger {
  readonly roomId: string;
  readonly #breach: (what: string) => void;
  readonly #lanes = new Map<string, Lane>();
  /** By user id. */
  readonly #scripts = new Map<string, Script>();
  readonly #members = new Set<string>();
  #epoch = '';
  #readTo = 0;

  constructor(roomId: string, watch: Watch) {
    this.roomId = roomId;
    this.#breach = (what) => watch.breach(`room ${roomId}, ${what}`);
  }

  /** The last seq that was checked. */
  get readTo(): number {
    return this.#readTo;
  }

  lane(name: string, mayDelete = false): Lane {
    const lane = new Lane(name, this.#breach, mayDelete);
    this.#lanes.set(name, lane);
    return lane;
  }

  script(userId: string): Script {
    const script = new Script(this.#breach);
    this.#scripts.set(userId, script);
    return script;
  }

  due(): Due {
    return new Map(this.#all().map((each) => [each, each.places.receiptedTo]));
  }

  /** Takes the log's next entry. */
  land(entry: RoomEntry, epoch: string): void {
    if (this.#epoch === '') this.#epoch = epoch;
    if (epoch !== this.#epoch) this.#breach(`seq ${entry.seq} is of the log ${epoch}, not of ${this.#epoch}`);
    if (entry.seq !== this.#readTo + 1) this.#breach(`the log has ${entry.seq} after ${this.#readTo}`);
    this.#readTo = entry.seq;
    if (entry.type === 'message.created') {
      const lane = this.#lanes.get(entry.clientMessageId?.split('.')[0] ?? '');
      if (lane === undefined) this.#breach(`nobody has sent ${JSON.stringify(entry)}`);
      else lane.land(entry);
    } else if (isChange(entry)) {
      const place = { messageId: `${epoch}-${entry.seq}`, seq: entry.seq };
      const script = this.#scripts.get(entry.userId);
      if (script === undefined) this.#breach(`nobody has asked for ${JSON.stringify(entry)}`);
      else script.land(entry, place);
    } else if (entry.type === 'member.joined') {
      if (this.#members.has(entry.userId)) this.#breach(`${entry.userName} joins twice, at seq ${entry.seq}`);
      this.#members.add(entry.userId);
    } else if (entry.type === 'member.left') {
      if (!this.#members.delete(entry.userId))
        this.#breach(`${entry.userName} leaves twice, at seq ${entry.seq}`);
    } else {
      this.#breach(`nobody has done ${JSON.stringify(entry)}`);
    }
  }

  /** After the log was read. */
  expectLanded(due: Due): void {
    for (const [each, to] of due) each.places.expectLanded(to, this.#readTo);
  }

  /** After everybody has stopped, all is receipted and the whole log was read. */
  expectSettled(): void {
    for (const each of this.#all()) each.expectSettled();
  }

  #all(): (Lane | Script)[] {
    return [...this.#lanes.values(), ...this.#scripts.values()];
  }
}
