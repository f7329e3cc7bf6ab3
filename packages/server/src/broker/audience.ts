// Subscribers that hear the same: those whose MESSAGE frames are alike to the last octet share the encoding.
import type { Version } from '@maru/stomp';
import type { Counts } from '../telemetry/counts.ts';
import type { Subscriber } from './broker.ts';
import { encodeOwnHead, joinFrames } from './message-frame.ts';
import { binaryIfEither, type Opcode } from './websocket-frame.ts';

/** One `subscription` header line, read by one version's rules, in one kind of WebSocket frame. */
type Group = {
  readonly version: Version;
  readonly opcode: Opcode;
  readonly headLine: string;
  readonly ownHead: Buffer;
  readonly members: Set<Subscriber>;
};

export class Audience {
  readonly #counts: Counts;
  readonly #groups = new Map<string, Group>();
  size = 0;

  constructor(counts: Counts) {
    this.#counts = counts;
  }

  add(subscriber: Subscriber): void {
    const key = keyOf(subscriber);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = {
        version: subscriber.version,
        opcode: subscriber.opcode,
        headLine: subscriber.headLine,
        ownHead: encodeOwnHead(subscriber.headLine),
        members: new Set(),
      };
      this.#groups.set(key, group);
    }
    group.members.add(subscriber);
    this.size += 1;
  }

  has(subscriber: Subscriber): boolean {
    return this.#groups.get(keyOf(subscriber))?.members.has(subscriber) === true;
  }

  remove(subscriber: Subscriber): void {
    const key = keyOf(subscriber);
    const group = this.#groups.get(key);
    if (!group?.members.delete(subscriber)) return;
    if (group.members.size === 0) this.#groups.delete(key);
    this.size -= 1;
  }

  /**
   * What must arrive.
   * @param tailsFor what follows the `subscription` header, as that version writes it: a frame each
   * @param opcode what they must go in
   */
  deliver(tailsFor: (version: Version) => readonly Buffer[], opcode: Opcode): void {
    for (const { version, opcode: preferred, ownHead, members } of this.#groups.values()) {
      const tails = tailsFor(version);
      const frames = joinFrames(ownHead, tails, binaryIfEither(opcode, preferred));
      this.#counts.messagesDelivered += tails.length * members.size;
      for (const { outlet } of members) outlet.enqueue(frames);
    }
  }

  /**
   * One frame that may be lost: who reads too slowly gets the newest of each kind when they read on, or nothing.
   * @param kind of those on the same topic; `undefined`: of none
   */
  offer(tailFor: (version: Version) => Buffer, opcode: Opcode, kind: string | undefined): void {
    for (const { version, opcode: preferred, headLine, ownHead, members } of this.#groups.values()) {
      const frame = joinFrames(ownHead, [tailFor(version)], binaryIfEither(opcode, preferred));
      const replaces = kindOf(kind, headLine);
      this.#counts.messagesDelivered += members.size;
      for (const { outlet } of members) outlet.offer(frame, replaces);
    }
  }
}

/** A session may hear one topic by two subscriptions: what one of them is to get doesn't replace the other's. */
function kindOf(kind: string | undefined, headLine: string): string | undefined {
  return kind === undefined ? undefined : `${kind} ${headLine}`;
}

function keyOf({ version, opcode, headLine }: Subscriber): string {
  return `${version} ${opcode} ${headLine}`;
}
