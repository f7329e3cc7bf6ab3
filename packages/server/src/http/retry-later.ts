// How a browser learns that it is to come back later: it sees neither status nor headers of a refused upgrade.
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ERRORS } from '@maru/contract';
import { sayFarewell } from './farewell.ts';
import { LINGER_MS } from './http-error.ts';
import { listOf } from './request-headers.ts';

const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const FINAL_CLOSE_FRAME = 0x88;

/** When to come back, by chance: not all at once, and not before somebody else may be there. */
export function spreadRetryMs(): number {
  return 500 + Math.floor(Math.random() * 4_500);
}

/** RFC 6455 §4.2.2, step 5.4. */
export function acceptKey(key: string): string {
  return createHash('sha1').update(`${key}${WEBSOCKET_GUID}`).digest('base64');
}

/** Whether the handshake can be completed: all else of RFC 6455 §4.2.1 was seen to before. */
export function hasKey(req: IncomingMessage): boolean {
  return /^[+/0-9A-Za-z]{22}==$/.test(req.headers['sec-websocket-key'] ?? '');
}

/** 101, then close 1013 with reason `retry-after=<ms>`, in the place of an upgrade that can't be had now. */
export function closeWithRetry(req: IncomingMessage, socket: Duplex, retryAfterMs: number): void {
  // A browser that offered subprotocols fails the connection, without a close code, when none is answered.
  const offered = listOf(req.headers['sec-websocket-protocol'] ?? '');
  // Where no gateway stands in front, a token may be offered among them: that is never said back.
  const protocol = offered.find((name) => !/^bearer\./i.test(name));
  const head = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptKey(req.headers['sec-websocket-key'] ?? '')}`,
    ...(protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
    '\r\n',
  ].join('\r\n');
  sayFarewell(
    socket,
    Buffer.concat([
      Buffer.from(head, 'latin1'),
      closeFrame(ERRORS.overloaded.close, `retry-after=${retryAfterMs}`),
    ]),
    LINGER_MS,
  );
}

/** An unmasked Close frame; the reason is ours and short, so that one length octet does (RFC 6455 §5.2, §5.5). */
function closeFrame(code: number, reason: string): Buffer {
  const frame = Buffer.alloc(4 + Buffer.byteLength(reason));
  frame.writeUInt8(FINAL_CLOSE_FRAME, 0);
  frame.writeUInt8(frame.length - 2, 1);
  frame.writeUInt16BE(code, 2);
  frame.write(reason, 4);
  return frame;
}
