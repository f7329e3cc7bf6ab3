// The process's log: JSON lines on standard error. No token, passcode or message body is ever given to it.
import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

const SECRETS = ['authorization', 'cookie', 'sec-websocket-protocol'];
/** The object itself, its members, theirs: `{ req: { headers: … } }`. */
const DEPTHS = ['', '*', '*.*'];

/** A logger at `level`; headers that carry secrets are censored in a logged object, down to a request's headers. */
export function createLog(level: (typeof LOG_LEVELS)[number]): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: SECRETS.flatMap((name) => DEPTHS.map((depth) => `${depth}["${name}"]`)),
        censor: '[secret]',
      },
    },
    pino.destination({ fd: 2, sync: false }),
  );
}
