// The ack mode and window that a SUBSCRIBE asks for (STOMP 1.2 §SUBSCRIBE ack Header).
import { MaruError } from '@maru/contract';
import type { FrameHeaders } from '@maru/stomp';
import type { Session } from './session.ts';
import { Unacknowledged } from './unacknowledged.ts';

/** Messages on their way without an acknowledgement, where the client names no number. */
const DEFAULT_PREFETCH = 64;

/**
 * `null` in mode auto. STOMP 1.0 knows no client-individual.
 * @throws MaruError `invalid-header`; `too-many-unacknowledged` if the windows of the session came to more than its limit.
 */
export function windowOf(session: Session, headers: FrameHeaders): Unacknowledged | null {
  const mode = headers.get('ack') ?? 'auto';
  if (mode === 'auto') return null;
  if (mode !== 'client' && (mode !== 'client-individual' || session.version === '1.0')) {
    const modes = session.version === '1.0' ? 'auto or client' : 'auto, client or client-individual';
    throw new MaruError('invalid-header', { message: `ack must be ${modes}` });
  }
  const limit = prefetchOf(headers);
  let taken = 0;
  for (const { window } of session.subscriptions.values()) taken += window?.limit ?? 0;
  if (taken + limit > session.services.limits.unacknowledged) {
    throw new MaruError('too-many-unacknowledged');
  }
  return new Unacknowledged({
    number: session.nextWindowNumber(),
    mode,
    limit,
    version: session.version ?? '1.2',
  });
}

function prefetchOf(headers: FrameHeaders): number {
  const text = headers.get('prefetch');
  if (text === undefined) return DEFAULT_PREFETCH;
  if (!/^[1-9]\d*$/.test(text)) {
    throw new MaruError('invalid-header', { message: 'prefetch must be a number of messages, 1 or more' });
  }
  return Number(text);
}
