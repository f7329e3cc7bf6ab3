// What happens too often to cost anything: plain numbers, added to where it happens, read when the metrics are asked for.
import type { ErrorCode } from '@maru/contract';

/** From here on a close code is an application's own (RFC 6455 §7.4.2): a client may send any, and each would be a series. */
const FIRST_OWN_CLOSE_CODE = 3000;

/** One for each process; whoever counts is given it. They only grow. */
export class Counts {
  framesReceived = 0;
  messagesDelivered = 0;
  ephemeralDropped = 0;
  /** Pages of rooms' logs read for those who were behind. */
  pagesRead = 0;
  nacks = 0;
  readonly readsPaused = { 'in-flight': 0, rate: 0, outbound: 0 };
  readonly refusals = new Map<ErrorCode, number>();
  readonly closes = new Map<number | 'own', number>();

  refused(code: ErrorCode): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }

  closed(code: number): void {
    const series = code >= FIRST_OWN_CLOSE_CODE ? 'own' : code;
    this.closes.set(series, (this.closes.get(series) ?? 0) + 1);
  }
}

export type PauseReason = keyof Counts['readsPaused'];
