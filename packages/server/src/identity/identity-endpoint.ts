// The HTTP side of the identity service: which calls there are, their limits, and answers in one shape.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { MaruError } from '@maru/contract';
import { createProxyCheck } from '../http/proxy-list.ts';
import type { Upstream } from '../http/upstream.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Accounts } from './accounts.ts';
import { type Answer, answerOf, refusal, refuseUpgrade } from './answer.ts';
import { AttemptCounter } from './attempt-counter.ts';
import { AUTH_BASE_PATH, clientAddress, requestHeaders } from './auth-request.ts';
import { readJson } from './json-body.ts';

/** How much one address (an IPv6 /64 is one) may do in `windowSeconds`; what is past it is refused with 429. */
export type IdentityRateLimit = {
  readonly windowSeconds: number;
  /** Sign-ins and changes of a password that were refused. */
  readonly failedSignIns: number;
  /** Calls that would make an account. */
  readonly signUps: number;
  /** Calls of every other kind. */
  readonly requests: number;
};

/** Addresses remembered at once, for each kind; the memory they take is bounded by it. */
const MAX_ADDRESSES = 10_000;

type Kind = Exclude<keyof IdentityRateLimit, 'windowSeconds'>;

/** A guess is counted once it proved wrong: any number of right ones may be on their way at the same time. */
const COUNTED_WHEN = {
  failedSignIns: 'refused',
  signUps: 'begun',
  requests: 'begun',
} as const satisfies Record<Kind, 'refused' | 'begun'>;

type Call = {
  readonly method: 'GET' | 'POST';
  readonly counts: Kind;
  /** Members that the body has in any case, whatever the caller wrote. */
  readonly always?: Readonly<Record<string, unknown>>;
};

/** Every call there is; better-auth has more, which nobody needs to reach. */
const CALLS: Readonly<Record<string, Call>> = {
  '/sign-up/email': { method: 'POST', counts: 'signUps' },
  '/sign-in/email': { method: 'POST', counts: 'failedSignIns' },
  '/sign-out': { method: 'POST', counts: 'requests' },
  '/get-session': { method: 'GET', counts: 'requests' },
  '/token': { method: 'GET', counts: 'requests' },
  '/jwks': { method: 'GET', counts: 'requests' },
  '/update-user': { method: 'POST', counts: 'requests' },
  // Whoever changes it may do so because somebody else has it: every session ends, the answer has a new one's token.
  '/change-password': {
    method: 'POST',
    counts: 'failedSignIns',
    always: { revokeOtherSessions: true },
  },
};

type EndpointOptions = {
  readonly accounts: Accounts;
  readonly publicUrl: string;
  readonly rateLimit: IdentityRateLimit;
  readonly trustedProxies: readonly string[];
  readonly log: Logger;
  readonly now: () => number;
};

/** The endpoint, and a way to wait until no call is being answered. */
export function createIdentityEndpoint(options: EndpointOptions): {
  readonly upstream: Upstream;
  drain(): Promise<void>;
} {
  const { accounts, rateLimit, log } = options;
  const origin = new URL(options.publicUrl).origin;
  const isProxy = createProxyCheck(options.trustedProxies);
  const counter = (kind: Kind) =>
    new AttemptCounter({
      limit: rateLimit[kind],
      windowMs: rateLimit.windowSeconds * 1000,
      maxAddresses: MAX_ADDRESSES,
      now: options.now,
    });
  const counters: Record<Kind, AttemptCounter> = {
    failedSignIns: counter('failedSignIns'),
    signUps: counter('signUps'),
    requests: counter('requests'),
  };
  const active = new Set<Promise<void>>();
  let draining = false;

  async function answer(req: IncomingMessage): Promise<Answer> {
    if (draining) throw new MaruError('going-away');
    const [path = '', query] = (req.url ?? '').split('?', 2);
    const call = path.startsWith(`${AUTH_BASE_PATH}/`) ? CALLS[path.slice(AUTH_BASE_PATH.length)] : undefined;
    if (call === undefined) throw new MaruError('not-found');
    if (req.method !== call.method) {
      return refusal(new MaruError('method-not-allowed'), { allow: call.method });
    }
    const address = clientAddress(req, isProxy);
    const attempts = counters[call.counts];
    const early = tooMany(attempts, address);
    if (early !== undefined) return early;
    if (COUNTED_WHEN[call.counts] === 'begun') attempts.count(address);
    const body = call.method === 'POST' ? await readJson(req) : undefined;
    if (COUNTED_WHEN[call.counts] === 'refused') {
      // Again: any number of guesses may have been let in with their bodies held back.
      const late = tooMany(attempts, address);
      if (late !== undefined) return late;
    }
    const response = await accounts.handle(
      new Request(origin + path + (query === undefined ? '' : `?${query}`), {
        method: call.method,
        headers: requestHeaders(req, address),
        ...(body === undefined ? {} : { body: bodyOf(call, body) }),
      }),
      body?.value,
    );
    const isRefused = response.status >= 400 && response.status < 500;
    if (COUNTED_WHEN[call.counts] === 'refused' && isRefused) attempts.count(address);
    return answerOf(response);
  }

  async function respond(req: IncomingMessage, res: ServerResponse): Promise<void> {
    let result: Answer;
    try {
      result = await answer(req);
    } catch (error) {
      if (!(error instanceof MaruError)) log.error({ component: 'identity', err: error }, 'a call failed');
      result = refusal(error instanceof MaruError ? error : new MaruError('internal'));
    }
    if (res.destroyed) return;
    // What is left of a body that nobody will read must not be taken for the next request.
    if (!req.complete) res.setHeader('connection', 'close');
    res.writeHead(result.status, { ...result.headers, 'content-length': Buffer.byteLength(result.body) });
    res.end(result.body);
    req.resume();
  }

  return {
    upstream: {
      handleRequest(req, res) {
        const responding = respond(req, res).catch((error) => {
          log.error({ component: 'identity', err: error }, 'an answer could not be sent');
          res.destroy();
        });
        active.add(responding);
        responding.finally(() => active.delete(responding));
      },
      handleUpgrade: (_req, socket) => refuseUpgrade(socket),
    },
    async drain() {
      draining = true;
      await Promise.all(active);
    },
  };
}

function bodyOf(
  { always }: Call,
  { text, value }: { readonly text: string; readonly value: unknown },
): string {
  return always === undefined || typeof value !== 'object' || value === null
    ? text
    : JSON.stringify({ ...value, ...always });
}

function tooMany(attempts: AttemptCounter, address: string): Answer | undefined {
  const wait = attempts.waitOf(address);
  if (wait === 0) return undefined;
  return refusal(new MaruError('too-many-requests'), { 'retry-after': String(Math.ceil(wait / 1000)) });
}
