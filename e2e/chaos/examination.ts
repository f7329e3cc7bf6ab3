// Whether a part of a room's log is what was receipted, what everybody has heard, and what history shows.
import { isDeepStrictEqual } from 'node:util';
import type { ChatMessage, MessageCreated, Room, RoomEntry } from '@maru/contract';
import { call, history } from '../people.ts';
import type { Cast } from './cast.ts';
import { within } from './deadline.ts';
import type { RoomLedger } from './room-ledger.ts';
import { type RoomReading, readHistory, readLog } from './room-log.ts';
import { entryOf, type Heard, type Stream } from './stream.ts';
import type { System } from './system.ts';
import type { Watch } from './watch.ts';

const HEARD_WITHIN_MS = 60_000;

/** Looks at all that was added to the logs since the last time; others may go on writing meanwhile. */
export async function examine(system: System, cast: Cast, watch: Watch): Promise<void> {
  for (const ledger of cast.ledgers) {
    const reading = { gateway: system, reader: cast.owner, roomId: ledger.roomId };
    await examineRoom(reading, { ledger, streams: cast.streamsOf(ledger.roomId) }, watch);
  }
}

export async function headOf({ gateway, reader, roomId }: RoomReading): Promise<number> {
  return (await call<Room>(gateway, reader, `GET /api/rooms/${roomId}`)).head;
}

async function examineRoom(
  reading: RoomReading,
  { ledger, streams }: { ledger: RoomLedger; streams: readonly Stream[] },
  watch: Watch,
): Promise<void> {
  const after = ledger.readTo;
  // In this order: what is receipted by now is in a log that ends later.
  const due = ledger.due();
  const head = await headOf(reading);
  const log: Heard[] = [];
  for await (const heard of readLog(reading, after, head)) log.push(heard);
  for (const heard of log) ledger.land(entryOf(heard), heard.epoch);
  ledger.expectLanded(due);

  await within(
    HEARD_WITHIN_MS,
    Promise.all(streams.map((stream) => stream.reached(head))),
    () => `the log goes to ${head}: ${streams.map(({ story }) => story).join('; ')}`,
  );
  for (const stream of streams) await compareStream(stream, { reading, log, head }, watch);

  const messages: ChatMessage[] = [];
  for await (const message of readHistory(reading, after, head)) messages.push(message);
  compareHistory(messages, log, reading.roomId, watch);
}

async function compareStream(
  stream: Stream,
  { reading, log, head }: { reading: RoomReading; log: readonly Heard[]; head: number },
  watch: Watch,
): Promise<void> {
  const heard = stream.take(head);
  if (heard.length !== log.length) {
    watch.breach(`${stream.name} has heard ${heard.length} entries up to ${head}, the log has ${log.length}`);
  }
  for (const [index, entry] of heard.entries()) {
    watch.checked += 1;
    const logged = log[index];
    if (logged === undefined || !(isSame(entry, logged) || (await isDeletedSince(entry, logged, reading)))) {
      watch.breach(
        `${stream.name} has heard ${JSON.stringify(entry)}, the log has ${JSON.stringify(logged)}`,
      );
      return;
    }
  }
}

/** Also if the content was deleted after it had been heard. */
function isSame(heard: Heard, logged: Heard): boolean {
  if (heard.seq !== logged.seq || heard.epoch !== logged.epoch) return false;
  if (heard.body === logged.body) return true;
  const [one, other] = [entryOf(heard), entryOf(logged)];
  return isDeepStrictEqual(one, other) || isDeepStrictEqual(withoutContent(one, other), other);
}

/** Heard after its content was deleted, which was after the log had been read: then history has none by now. */
async function isDeletedSince(heard: Heard, logged: Heard, reading: RoomReading): Promise<boolean> {
  if (heard.epoch !== logged.epoch) return false;
  const [one, other] = [entryOf(heard), entryOf(logged)];
  if (!('messageId' in one) || !isDeepStrictEqual(one, withoutContent(other, one))) return false;
  const seq = seqOf(one.messageId);
  const { messages } = await history(
    reading.gateway,
    reading.reader,
    reading.roomId,
    `?after=${seq - 1}&limit=1`,
  );
  return messages[0]?.messageId === one.messageId && messages[0].deleted === true;
}

/** A message's id ends with the seq of its `message.created`. */
function seqOf(messageId: string): number {
  return Number(messageId.slice(messageId.lastIndexOf('-') + 1));
}

function withoutContent(heard: RoomEntry, logged: RoomEntry): RoomEntry {
  const isDeleted = 'deleted' in logged && logged.deleted === true && logged.content === null;
  return isDeleted ? ({ ...heard, content: null, deleted: true } as RoomEntry) : heard;
}

/** What history shows may be newer than the log that was read: edited, deleted or with more reactions. */
function compareHistory(
  messages: readonly ChatMessage[],
  log: readonly Heard[],
  roomId: string,
  watch: Watch,
): void {
  const created = log.map(entryOf).filter((entry) => entry.type === 'message.created');
  if (messages.length !== created.length) {
    watch.breach(`the history of ${roomId} has ${messages.length} messages, the log ${created.length}`);
  }
  for (const [index, entry] of created.entries()) {
    const message = messages[index];
    if (message !== undefined && isDeepStrictEqual(unchanged(message, entry), entry)) continue;
    watch.breach(`history has ${JSON.stringify(message)}, the log ${JSON.stringify(entry)}`);
    return;
  }
}

function unchanged(message: ChatMessage, created: MessageCreated): MessageCreated {
  const { editedAt, reactions, content, deleted, ...rest } = message;
  const isChanged = editedAt !== undefined || deleted === true;
  if (!isChanged) return { ...rest, content };
  const { content: before, deleted: wasDeleted } = created;
  return { ...rest, content: before, ...(wasDeleted === undefined ? {} : { deleted: wasDeleted }) };
}
