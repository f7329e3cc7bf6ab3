// Several processes that do the same, as one upstream: who has the least to do gets the next, who is away gets none.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { MaruError } from '@maru/contract';
import type { Upstream } from '../http/upstream.ts';
import type { Logger } from '../telemetry/log.ts';
import type { RemoteUpstream, UpstreamTarget } from './remote-upstream.ts';

/** One of them. */
type Member = {
  readonly target: UpstreamTarget;
  /** @param onFailure told of each request or upgrade that it didn't answer */
  readonly open: (onFailure: (error: MaruError) => void) => RemoteUpstream;
};

export type UpstreamGroupOptions = {
  readonly members: readonly Member[];
  /** How often each is tried, and how long a try may take. */
  readonly checkMs: number;
  readonly log: Logger;
};

type Place = {
  readonly name: string;
  readonly target: UpstreamTarget;
  readonly upstream: RemoteUpstream;
  isOut: boolean;
};

/**
 * | a member is | a request fails to reach it | a check fails | a check passes |
 * |---|---|---|---|
 * | *in* | → *out* | → *out* | stays |
 * | *out* | stays | stays | → *in* |
 *
 * A check is a TCP connection (or one to the Unix socket): a service that drains has stopped listening. If all are *out*,
 * all are tried, for the checks may be what is wrong. What was begun at a member stays there.
 */
export class UpstreamGroup implements Upstream {
  readonly #options: UpstreamGroupOptions;
  readonly #places: readonly Place[];
  readonly #timer: NodeJS.Timeout;

  constructor(options: UpstreamGroupOptions) {
    this.#options = options;
    this.#places = options.members.map(({ target, open }) => {
      const place: Place = {
        name: nameOf(target),
        target,
        isOut: false,
        upstream: open((error) => {
          if (UNREACHED.has(error.code)) this.#take(place, true, error.code);
        }),
      };
      return place;
    });
    this.#timer = setInterval(() => {
      for (const place of this.#places) void this.#check(place);
    }, options.checkMs);
    this.#timer.unref();
  }

  /** How many take requests. */
  get usable(): number {
    return this.#places.filter(({ isOut }) => !isOut).length;
  }

  handleRequest(req: IncomingMessage, res: ServerResponse): void {
    this.#leastBusy(({ requests }) => requests).handleRequest(req, res);
  }

  handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#leastBusy(({ tunnels }) => tunnels).handleUpgrade(req, socket, head);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#places.map(({ upstream }) => upstream.close()));
  }

  /** Of those with as little to do any one: several gateways would otherwise all begin with the same. */
  #leastBusy(loadOf: (upstream: RemoteUpstream) => number): RemoteUpstream {
    const usable = this.#places.filter(({ isOut }) => !isOut);
    const among = usable.length > 0 ? usable : this.#places;
    const least = Math.min(...among.map(({ upstream }) => loadOf(upstream)));
    const idlest = among.filter(({ upstream }) => loadOf(upstream) === least);
    const chosen = idlest[Math.floor(Math.random() * idlest.length)];
    if (chosen === undefined) throw new Error('a group has at least one member');
    return chosen.upstream;
  }

  async #check(place: Place): Promise<void> {
    const problem = await reach(place.target, this.#options.checkMs);
    this.#take(place, problem !== null, problem ?? '');
  }

  #take(place: Place, isOut: boolean, reason: string): void {
    if (place.isOut === isOut) return;
    place.isOut = isOut;
    const { log } = this.#options;
    if (isOut)
      log.warn({ upstream: place.name, reason }, 'an upstream is away: it gets nothing until it answers');
    else log.info({ upstream: place.name }, 'an upstream is back');
  }
}

/** Failures of reaching it at all; what a service says itself, however unwelcome, is no reason to leave it out. */
const UNREACHED: ReadonlySet<string> = new Set(['upstream-unavailable']);

function nameOf(target: UpstreamTarget): string {
  return 'socketPath' in target ? target.socketPath : `${target.host}:${target.port}`;
}

/** `null`: it takes connections. */
function reach(target: UpstreamTarget, withinMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect('socketPath' in target ? { path: target.socketPath } : target);
    const end = (problem: string | null): void => {
      socket.destroy();
      resolve(problem);
    };
    socket.setTimeout(withinMs, () => end(`no connection within ${withinMs} ms`));
    socket.once('connect', () => end(null));
    socket.once('error', (error) => end(error.message));
  });
}
