// A MESSAGE frame in a WebSocket frame: the part all subscribers share is encoded once.
import { roomDestination } from '@maru/contract';
import type { Committed } from '../store/store.ts';
import { frameHeadLength, type Opcode, writeFrameHead } from './websocket-frame.ts';

const COMMAND = 'MESSAGE\n';

/** The id of an entry as a message: unique for ever, since a restored log has another epoch. */
export function messageIdOf({ epoch, entry }: Committed): string {
  return `${epoch}-${entry.seq}`;
}

/**
 * All of an entry's MESSAGE behind its `subscription` header: the other headers, the body, NUL. Server-made values hold only
 * `[A-Za-z0-9_-]` and `/`, so no version of STOMP escapes anything in them.
 */
export function encodeSharedTail(committed: Committed): Buffer {
  const { epoch, entry } = committed;
  const body = Buffer.from(JSON.stringify(entry));
  const head =
    `destination:${roomDestination(entry.roomId)}\nmessage-id:${messageIdOf(committed)}\nseq:${entry.seq}\n` +
    `log-epoch:${epoch}\ncontent-type:application/json\ncontent-length:${body.length}\n\n`;
  const tail = Buffer.allocUnsafe(head.length + body.length + 1);
  tail.write(head, 0, 'latin1');
  body.copy(tail, head.length);
  tail[tail.length - 1] = 0;
  return tail;
}

/** The start of a MESSAGE for one subscription id: command and `subscription` header line. */
export function encodeOwnHead(headLine: string): Buffer {
  return Buffer.from(COMMAND + headLine);
}

/** One WebSocket frame per tail, all in one Buffer. */
export function joinFrames(ownHead: Buffer, tails: readonly Buffer[], opcode: Opcode): Buffer {
  let total = 0;
  for (const tail of tails) {
    const length = ownHead.length + tail.length;
    total += frameHeadLength(length) + length;
  }
  const frames = Buffer.allocUnsafe(total);
  let at = 0;
  for (const tail of tails) {
    at = writeFrameHead(frames, at, ownHead.length + tail.length, opcode);
    at += ownHead.copy(frames, at);
    at += tail.copy(frames, at);
  }
  return frames;
}
