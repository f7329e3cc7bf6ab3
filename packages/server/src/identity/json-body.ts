// The body of a request: bounded, and JSON or nothing.
import type { IncomingMessage } from 'node:http';
import { MaruError } from '@maru/contract';

/** Octets of a request's body; a sign-up has a few hundred. */
export const MAX_BODY_OCTETS = 64 * 1024;

/** JSON only: a form could be sent by any page without a preflight. */
export async function readJson(
  req: IncomingMessage,
): Promise<{ readonly text: string; readonly value: unknown } | undefined> {
  if (Number(req.headers['content-length'] ?? 0) > MAX_BODY_OCTETS) throw new MaruError('payload-too-large');
  const chunks: Buffer[] = [];
  let octets = 0;
  try {
    // The stream must outlive a refusal: the answer goes out on the same socket.
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      octets += chunk.length;
      if (octets > MAX_BODY_OCTETS) throw new MaruError('payload-too-large');
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof MaruError ? error : new MaruError('invalid-request', { cause: error });
  }
  if (octets === 0) return undefined;
  if (!/^application\/json\s*(;|$)/i.test(req.headers['content-type'] ?? '')) {
    throw new MaruError('unsupported-content-type');
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
    return { text, value: JSON.parse(text) };
  } catch {
    throw new MaruError('invalid-body', { message: 'The body is not JSON' });
  }
}
