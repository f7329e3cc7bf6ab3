// Which server is looked at, and how to get in: all that the suite has to be told.

export type Target = {
  /** `ws://` or `wss://`, with the path. */
  readonly url: string;
  readonly origin?: string;
  /** A bearer token: in the upgrade request, and in CONNECT. */
  readonly token?: string;
  readonly login?: string;
  readonly passcode?: string;
  readonly host: string;
  /** Where to SUBSCRIBE; `{id}` becomes a new name for each check. */
  readonly destination: string;
  /** Where to SEND, if that is another place. */
  readonly sendTo?: string;
  /** A destination that nobody may use. */
  readonly forbidden: string;
  /** How long an answer may take. */
  readonly timeoutMs: number;
  /** How long the server's own deadlines may take: a client that doesn't CONNECT, half a frame, silence. */
  readonly patienceMs: number;
};

export const DEFAULTS = {
  host: 'localhost',
  destination: '/topic/conformance/{id}',
  forbidden: '/nowhere/{id}',
  timeoutMs: 3_000,
  patienceMs: 20_000,
} as const satisfies Partial<Target>;

/** What lets a client in at the upgrade. */
export function upgradeHeaders(target: Target): Record<string, string> {
  return {
    ...(target.origin === undefined ? {} : { Origin: target.origin }),
    ...(target.token === undefined ? {} : { Authorization: `Bearer ${target.token}` }),
  };
}

/** What lets a client in at CONNECT. */
export function credentials(target: Target): Record<string, string> {
  return {
    ...(target.token === undefined ? {} : { Authorization: `Bearer ${target.token}` }),
    ...(target.login === undefined ? {} : { login: target.login }),
    ...(target.passcode === undefined ? {} : { passcode: target.passcode }),
  };
}

/** The same in a form that must not be let in. */
export function wrongCredentials(target: Target): Record<string, string> {
  return target.token === undefined
    ? { login: target.login ?? 'nobody', passcode: 'this is not the passcode' }
    : { Authorization: 'Bearer this.is.no-token' };
}
