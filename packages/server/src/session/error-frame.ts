// What is said of a refusal, for programs and for people: in an ERROR frame, or on `/user/queue/errors`. No stack, no token.
import { clientMessageIdSchema, type MaruError, type StompError } from '@maru/contract';
import { type ClientCommand, encodeFrame, type Frame, SUPPORTED_VERSIONS, type Version } from '@maru/stomp';
import { z } from 'zod';

/** @param frame the frame that was refused, if there was one. */
export function describeRefusal(error: MaruError, frame: Frame<ClientCommand> | null): StompError {
  const receiptId = frame?.headers.get('receipt');
  const destination = frame?.headers.get('destination');
  const clientMessageId = frame === null ? undefined : clientMessageIdOf(frame);
  return {
    code: error.code,
    // A message may quote what the client wrote (the name of a field); not every version can write any character in a header.
    message: error.message.replace(/\p{Cc}+/gu, ' '),
    ...(destination === undefined ? {} : { destination }),
    ...(clientMessageId === undefined ? {} : { clientMessageId }),
    ...(receiptId === undefined ? {} : { receiptId }),
  };
}

/** Its `receipt`, if one was asked for, is answered as `receipt-id` (STOMP 1.2 §ERROR). */
export function encodeError(
  error: MaruError,
  frame: Frame<ClientCommand> | null,
  version: Version | undefined,
): Uint8Array {
  const body = describeRefusal(error, frame);
  const headers: [string, string][] = [
    ['message', body.message],
    ['code', error.code],
    ['content-type', 'application/json'],
  ];
  if (body.receiptId !== undefined) headers.push(['receipt-id', body.receiptId]);
  // STOMP 1.2 §Protocol Negotiation: the ERROR lists what would have been understood.
  if (error.code === 'unsupported-version') headers.push(['version', SUPPORTED_VERSIONS.join(',')]);
  return encodeFrame(
    { command: 'ERROR', headers, body: new TextEncoder().encode(JSON.stringify(body)) },
    // Before a version is known nothing of the client's was unescaped, so nothing is escaped on its way back.
    version ?? '1.0',
  );
}

const identified = z.object({ clientMessageId: clientMessageIdSchema });

/** Which of the client's own messages it was, where its body says so: what a sender needs to tell its lines apart. */
function clientMessageIdOf({ command, body }: Frame<ClientCommand>): string | undefined {
  if (command !== 'SEND' || body.length === 0) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(body));
  } catch {
    // Not JSON: then there is no id in it, which is what is asked here.
    return undefined;
  }
  return identified.safeParse(json).data?.clientMessageId;
}
