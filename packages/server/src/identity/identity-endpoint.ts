// The HTTP side of the identity service: which calls there are, their limits, and answers in one shape.
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { MaruError } from '@maru/contract';
import type { Logger } from '../telemetry/log.ts';
import { type Accounts, AUTH_BASE_PATH, CLIENT_ADDRESS_HEADER } from './accounts.ts';
import { AttemptCounter } from './attempt-counter.ts';

export type IdentityRateLimit = {
  readonly windowSeconds: number;
  /** Of one address (an IPv6 /64 is one) in the window: calls that fail to prove a password … */
  readonly failedSignIns: number;
  /** … accounts made … */
  readonly signUps: number;
  /** … and calls of every other kind. */
  readonly requests: number;
  readonly maxAddresses: number;
};

export const IDENTITY_RATE_LIMIT_DEFAULTS: IdentityRateLimit = {
  windowSeconds: 60,
  failedSignIns: 20,
  signUps: 300,
  requests: 1200,
  maxAddresses: 10_000,
};

/** Octets of a request's body; a sign-up has a few hundred. */
export const MAX_BODY_OCTETS = 64 * 1024;

type Kind = 'failedSignIns' | 'signUps' | 'requests';

/** Every call there is; better-auth has more, which nobody needs to reach. */
const CALLS: Readonly<Record<string, { readonly method: 'GET' | 'POST'; readonly counts: Kind }>> = {
  '/sign-up/email': { method: 'POST', counts: 'signUps' },
  '/sign-in/email': { method: 'POST', counts: 'failedSignIns' },
  '/sign-out': { method: 'POST', counts: 'requests' },
  '/get-session': { method: 'GET', counts: 'requests' },
  '/token': { method: 'GET', counts: 'requests' },
  '/jwks': { method: 'GET', counts: 'requests' },
  '/update-user': { method: 'POST', counts: 'requests' },
  '/change-password': { method: 'POST', counts: 'failedSignIns' },
};

/** What the gateway calls an Upstream; said again because identity lies below the gateway and imports nothing of it. */
export type IdentityUpstream = {
  handleRequest(req: IncomingMessage, res: ServerResponse): void;
  handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
};

/**
 * What better-auth is told of a request. The URL it sees is made of publicUrl, never of Host or X-Forwarded-*. Not
 * Sec-Fetch-*: with them it wants an Origin, and Node's fetch sends one without the other. A page's POST always has one.
 */
const REQUEST_HEADERS = ['authorization', 'content-type', 'cookie', 'origin', 'referer', 'user-agent'];

/** CORS is the gateway's; the length is the answer's own, counted anew. */
const DROPPED_RESPONSE_HEADER =
  /^(access-control-.*|content-length|transfer-encoding|connection|set-cookie)$/;

type EndpointOptions = {
  readonly accounts: Accounts;
  readonly publicUrl: string;
  readonly rateLimit: IdentityRateLimit;
  readonly log: Logger;
  readonly now: () => number;
};

type Answer = {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly body: string;
};

/** The endpoint, and a way to wait until no call is being answered. */
export function createIdentityEndpoint(options: EndpointOptions): {
  readonly upstream: IdentityUpstream;
  drain(): Promise<void>;
} {
  const { accounts, rateLimit, log } = options;
  const origin = new URL(options.publicUrl).origin;
  const counter = (kind: Kind) =>
    new AttemptCounter({
      limit: rateLimit[kind],
      windowMs: rateLimit.windowSeconds * 1000,
      maxAddresses: rateLimit.maxAddresses,
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
    const address = clientAddress(req);
    const wait = counters[call.counts].count(address);
    if (wait > 0) {
      return refusal(new MaruError('too-many-requests'), { 'retry-after': String(Math.ceil(wait / 1000)) });
    }
    const body = call.method === 'POST' ? await readBody(req) : undefined;
    const response = await accounts.handle(
      new Request(origin + path + (query === undefined ? '' : `?${query}`), {
        method: call.method,
        headers: requestHeaders(req, address),
        ...(body === undefined ? {} : { body: body.text }),
      }),
      body?.value,
    );
    if (call.counts === 'failedSignIns' && response.ok) counters.failedSignIns.forgive(address);
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

/** The gateway in front writes X-Forwarded-For anew; its last address is the one that whoever is nearest to us saw. */
function clientAddress(req: IncomingMessage): string {
  const forwarded = req.headers['x-forwarded-for'];
  const last = (Array.isArray(forwarded) ? forwarded.join() : (forwarded ?? '')).split(',').at(-1)?.trim();
  return last === undefined || last === '' ? (req.socket.remoteAddress ?? 'unknown') : last;
}

function requestHeaders(req: IncomingMessage, address: string): Headers {
  const headers = new Headers({ [CLIENT_ADDRESS_HEADER]: address });
  for (const name of REQUEST_HEADERS) {
    const value = req.headers[name];
    if (typeof value === 'string') headers.set(name, value);
  }
  return headers;
}

/** JSON only: a form could be sent by any page without a preflight. */
async function readBody(
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

async function answerOf(response: Response): Promise<Answer> {
  const headers: Answer['headers'] = {};
  for (const [name, value] of response.headers) {
    if (!DROPPED_RESPONSE_HEADER.test(name)) headers[name] = value;
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) headers['set-cookie'] = cookies;
  headers['cache-control'] ??= 'no-store';
  const body = await response.text();
  if (response.status < 400) return { status: response.status, headers, body };
  headers['content-type'] = 'application/json';
  if (response.status === 401) headers['www-authenticate'] ??= 'Bearer';
  return { status: response.status, headers, body: errorBody(response.status, body) };
}

/** better-auth's own `code` and `message`; some of its refusals lack one, a 500 may say too much. */
function errorBody(status: number, body: string): string {
  if (status >= 500) return refusal(new MaruError('internal')).body;
  let code: unknown;
  let message: unknown;
  try {
    ({ code, message } = JSON.parse(body));
  } catch {
    // Not JSON, or null: the status says all there is.
  }
  const phrase = STATUS_CODES[status] ?? 'Refused';
  return JSON.stringify({
    code: typeof code === 'string' ? code : phrase.toUpperCase().replaceAll(/[^A-Z]+/g, '_'),
    message: typeof message === 'string' ? message : phrase,
  });
}

function refusal(error: MaruError, headers: Record<string, string> = {}): Answer {
  return {
    status: error.status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify({ code: error.code, message: error.message }),
  };
}

function refuseUpgrade(socket: Duplex): void {
  const { status, body } = refusal(new MaruError('not-found'));
  // The caller has done with the socket, so a reset of the other side is ours to bear.
  socket.on('error', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
