// The ERROR frame: what went wrong, for programs and for people; no stack, no token.
import type { MaruError, StompError } from '@maru/contract';
import { type ClientCommand, encodeFrame, type Frame, SUPPORTED_VERSIONS, type Version } from '@maru/stomp';

/**
 * @param frame the frame that was refused, if there was one: its `receipt` is answered as `receipt-id` (STOMP 1.2 §ERROR).
 */
export function encodeError(
  error: MaruError,
  frame: Frame<ClientCommand> | null,
  version: Version | undefined,
): Uint8Array {
  // A message may quote what the client wrote (the name of a field); not every version can write any character in a header.
  const message = error.message.replace(/\p{Cc}+/gu, ' ');
  const receiptId = frame?.headers.get('receipt');
  const destination = frame?.headers.get('destination');
  const body: StompError = {
    code: error.code,
    message,
    ...(destination === undefined ? {} : { destination }),
    ...(receiptId === undefined ? {} : { receiptId }),
  };
  const headers: [string, string][] = [
    ['message', message],
    ['code', error.code],
    ['content-type', 'application/json'],
  ];
  if (receiptId !== undefined) headers.push(['receipt-id', receiptId]);
  // STOMP 1.2 §Protocol Negotiation: the ERROR lists what would have been understood.
  if (error.code === 'unsupported-version') headers.push(['version', SUPPORTED_VERSIONS.join(',')]);
  return encodeFrame(
    { command: 'ERROR', headers, body: new TextEncoder().encode(JSON.stringify(body)) },
    // Before a version is known nothing of the client's was unescaped, so nothing is escaped on its way back.
    version ?? '1.0',
  );
}
