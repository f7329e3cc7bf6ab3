// The whole log and the whole history once more, after everybody has stopped: each message once, in its last state.
import { createHash } from 'node:crypto';
import type { ChatMessage, RoomEntry } from '@maru/contract';
import { contentOf } from './lane.ts';
import { type RoomReading, readHistory, readLog } from './room-log.ts';
import { entryOf } from './stream.ts';
import type { Watch } from './watch.ts';

/** What has become of a message that was changed. */
type State = { content: string | null; isEdited: boolean; readonly reactions: Map<string, number> };

export type Whole = {
  readonly entries: number;
  readonly messages: number;
  /** clientMessageIds of those whose content is gone. */
  readonly deleted: readonly string[];
};

/** Keeps no more than what was changed and a number for each lane. */
export async function examineWhole(reading: RoomReading, head: number, watch: Watch): Promise<Whole> {
  const breach = (what: string) => watch.breach(`the whole of room ${reading.roomId}: ${what}`);
  const changed = new Map<string, State>();
  const logged = new Messages(breach);
  const deleted: string[] = [];
  let entries = 0;
  for await (const heard of readLog(reading, 0, head)) {
    const entry = entryOf(heard);
    entries += 1;
    if (entry.seq !== entries) breach(`seq ${entry.seq} is entry ${entries}`);
    if (entry.type === 'message.created') {
      logged.add(entry);
      if (entry.deleted === true) deleted.push(entry.clientMessageId ?? '');
    } else {
      change(changed, entry);
    }
  }
  const shown = new Messages(breach);
  for await (const message of readHistory(reading, 0, head)) {
    shown.add(message);
    compareState(message, changed.get(message.messageId), breach);
  }
  if (logged.digest !== shown.digest) {
    breach(`the log has ${logged.count} messages, history ${shown.count}, or others`);
  }
  return { entries, messages: logged.count, deleted };
}

/** Messages in their order: each lane's are 0, 1, 2 … */
class Messages {
  count = 0;
  readonly #breach: (what: string) => void;
  readonly #hash = createHash('sha256');
  readonly #next = new Map<string, number>();

  constructor(breach: (what: string) => void) {
    this.#breach = breach;
  }

  /** Of all that was added; nothing can be added after it was asked for. */
  get digest(): string {
    return this.#hash.digest('hex');
  }

  add({
    clientMessageId = '',
    messageId,
    seq,
  }: Pick<ChatMessage, 'clientMessageId' | 'messageId' | 'seq'>): void {
    const [lane = '', n] = clientMessageId.split('.');
    const expected = this.#next.get(lane) ?? 0;
    if (Number(n) !== expected) this.#breach(`${clientMessageId} is at seq ${seq}, expected was ${expected}`);
    this.#next.set(lane, Number(n) + 1);
    this.count += 1;
    this.#hash.update(`${seq} ${messageId} ${clientMessageId}\n`);
  }
}

function change(changed: Map<string, State>, entry: RoomEntry): void {
  if (!('messageId' in entry) || entry.type === 'message.created') return;
  const state = changed.get(entry.messageId) ?? { content: '', isEdited: false, reactions: new Map() };
  changed.set(entry.messageId, state);
  if (entry.type === 'message.edited') {
    state.content = entry.content;
    state.isEdited = true;
  } else if (entry.type === 'message.deleted') {
    state.content = null;
    state.reactions.clear();
  } else if (entry.type === 'reaction.added') {
    state.reactions.set(entry.emoji, (state.reactions.get(entry.emoji) ?? 0) + 1);
  } else {
    state.reactions.delete(entry.emoji);
  }
}

function compareState(message: ChatMessage, state: State | undefined, breach: (what: string) => void): void {
  const isUntouched = state === undefined || (state.content === '' && !state.isEdited);
  const content = isUntouched ? contentOf(message.clientMessageId ?? '') : state.content;
  const reactions = [...(state?.reactions ?? [])].map(([emoji, count]) => `${emoji}${count}`);
  const shown = (message.reactions ?? []).map(({ emoji, count }) => `${emoji}${count}`);
  if (message.content === content && shown.join() === reactions.join()) return;
  breach(`history shows ${JSON.stringify(message)}; it should say ${JSON.stringify(content)} ${reactions}`);
}
