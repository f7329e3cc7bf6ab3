// A room's log and its history as they stand now, read anew from the database by somebody who has heard nothing yet.
import { type ChatMessage, roomDestination } from '@maru/contract';
import { type Gateway, history, type Person } from '../people.ts';
import { RawStomp } from '../raw-stomp.ts';
import { within } from './deadline.ts';
import type { Heard } from './stream.ts';

export type RoomReading = {
  readonly gateway: Gateway & { readonly chatUrl: string };
  readonly reader: Person;
  readonly roomId: string;
};

const NEXT_WITHIN_MS = 30_000;
/** The most that a page of history has. */
const PAGE = 200;

/** The entries with seq > `after` up to `to`, by a subscription that begins there; whatever comes first is the first. */
export async function* readLog(reading: RoomReading, after: number, to: number): AsyncGenerator<Heard> {
  if (after >= to) return;
  const { gateway, reader, roomId } = reading;
  const raw = await RawStomp.connect(gateway.chatUrl, reader.token);
  try {
    raw.write('SUBSCRIBE', { id: 'log', destination: roomDestination(roomId), 'from-seq': `${after}` });
    let seq = after;
    const story = () => `the log of ${roomId} was read up to ${seq} of ${to}`;
    while (seq < to) {
      const frame = await within(NEXT_WITHIN_MS, raw.came.next(), story);
      if (frame.command !== 'MESSAGE' || !('body' in frame)) throw new Error(`${JSON.stringify(frame)} came`);
      const { headers, body } = frame;
      seq = Number(headers.seq);
      yield { seq, epoch: headers['log-epoch'] ?? '', body };
    }
  } finally {
    raw.drop();
  }
}

/** The messages with seq > `after` up to `to`, by REST, page by page. */
export async function* readHistory(
  { gateway, reader, roomId }: RoomReading,
  after: number,
  to: number,
): AsyncGenerator<ChatMessage> {
  for (let seq = after; ; ) {
    const page = await history(gateway, reader, roomId, `?after=${seq}&limit=${PAGE}`);
    for (const message of page.messages) {
      if (message.seq > to) return;
      yield message;
    }
    if (!page.hasMore) return;
    seq = page.messages.at(-1)?.seq ?? to;
  }
}
