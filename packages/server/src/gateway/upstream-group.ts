// A service in other processes, at one address or many: who has the least to do gets the next, who can't be had gets none.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { MaruError } from '@maru/contract';
import { refuseSocket, sendError } from '../http/http-error.ts';
import { closeWithRetry } from '../http/retry-later.ts';
import type { Upstream } from '../http/upstream.ts';
import type { Counts } from '../telemetry/counts.ts';
import type { Logger } from '../telemetry/log.ts';
import type { MemberState } from './member-state.ts';
import { type Lookup, nameOf, UpstreamAddresses, type UpstreamTarget } from './upstream-addresses.ts';
import { FAILURES, type Failure } from './upstream-failure.ts';
import { type CheckOptions, type MemberLimits, UpstreamMember } from './upstream-member.ts';

export type UpstreamLimits = MemberLimits & {
  /** What a client is told in `retry-after=<ms>` when its upgrade can't be had now. */
  readonly retryAfterMs: () => number;
};

export type UpstreamGroupOptions = {
  /** What log and metrics call it: `chat`. */
  readonly name: string;
  /** `http://host:port` and `unix:/path`, one or several with commas between. */
  readonly addresses: string;
  readonly lookup: Lookup;
  readonly resolveMs: number;
  /** Of each address. */
  readonly limits: UpstreamLimits;
  readonly check: CheckOptions;
  readonly counts: Counts;
  readonly log: Logger;
};

/** What requests and upgrades differ in. */
type Asked = {
  readonly req: IncomingMessage;
  readonly isGone: () => boolean;
  readonly loadOf: (member: UpstreamMember) => number;
  readonly isFull: (member: UpstreamMember) => boolean;
  /** @param hasBetter whether another that is healthy could be asked */
  readonly ask: (
    member: UpstreamMember,
    hasBetter: () => boolean,
    onFailure: (failure: Failure) => void,
  ) => void;
  readonly refuse: (error: MaruError) => void;
};

/** Within so many times the time of a connection another member may be asked: who waits is told in the end. */
const CONNECTS_IN_A_ROW = 3;

/**
 * States of a request: *asking* a member → *answered*, or → *asking* the next where FAILURES allows it → *refused*. Each
 * member is asked once at most. States of a member: `member-state.ts`; if none is healthy, all are asked, for the checks
 * may be what is wrong.
 *
 * | bound | at it |
 * |---|---|
 * | `maxRequests`, `maxTunnels` of every healthy member | overloaded: 503, for an upgrade of a page 1013 |
 * | no address, or no member left to ask | what the last one came to: 502, 504, for an upgrade of a page 1013 |
 * | `CONNECTS_IN_A_ROW` | nobody else is asked |
 */
export class UpstreamGroup implements Upstream {
  readonly #options: UpstreamGroupOptions;
  readonly #gatewayId = randomUUID();
  readonly #members = new Map<string, UpstreamMember>();
  readonly #addresses: UpstreamAddresses;
  readonly #closing = new Set<Promise<void>>();
  #closed = false;

  constructor(options: UpstreamGroupOptions) {
    this.#options = options;
    const { addresses: given, lookup, resolveMs, log } = options;
    this.#addresses = new UpstreamAddresses({
      given,
      lookup,
      resolveMs,
      onAddresses: (targets) => this.#follow(targets),
      log,
    });
  }

  get name(): string {
    return this.#options.name;
  }

  get members(): readonly UpstreamMember[] {
    return [...this.#members.values()];
  }

  countStates(): Readonly<Record<MemberState, number>> {
    const states = { healthy: 0, ejected: 0, unhealthy: 0, leaving: 0 };
    for (const { state } of this.members) states[state] += 1;
    return states;
  }

  /** Resolves when names have been looked up, or could not be in the time of a connection: they go on being. */
  async open(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#options.limits.connectTimeoutMs);
    });
    await Promise.race([this.#addresses.open(), late]);
    clearTimeout(timer);
  }

  /** Rejects with a sentence when no member is healthy. */
  async requireHealthy(): Promise<void> {
    if (this.countStates().healthy > 0) return;
    const states = this.members.map(({ name, state }) => `${name} is ${state}`);
    throw new Error(`no ${this.name} service can be had: ${states.join(', ') || 'its name has no address'}`);
  }

  handleRequest(req: IncomingMessage, res: ServerResponse): void {
    this.#ask({
      req,
      isGone: () => res.destroyed,
      loadOf: (member) => member.requests,
      isFull: (member) => member.isFullOfRequests,
      ask: (member, _hasBetter, onFailure) => member.request(req, res, onFailure),
      refuse: (error) => sendError(res, error, idOf(req)),
    });
  }

  handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#ask({
      req,
      isGone: () => {
        if (socket.readable && socket.writable) return false;
        socket.destroy();
        return true;
      },
      loadOf: (member) => member.tunnels,
      isFull: (member) => member.isFullOfTunnels,
      ask: (member, hasBetter, onFailure) => member.upgrade(req, socket, head, hasBetter, onFailure),
      refuse: (error) => {
        // A page can't read a status, hence 101 and 1013 for it; everyone else gets the status.
        if (req.headers.origin === undefined) refuseSocket(socket, error, idOf(req));
        else closeWithRetry(req, socket, this.#options.limits.retryAfterMs());
      },
    });
  }

  /** Sends all WebSockets away, so many in a second of all members together. No upgrade may come any more. */
  async drain(perSecond: number): Promise<void> {
    const { log, name } = this.#options;
    const all = this.members.reduce((sum, { tunnels }) => sum + tunnels, 0);
    const drained = this.members.map((member) => {
      const tunnels = member.tunnels;
      return member.drain((perSecond * tunnels) / all, (why) =>
        log.warn(
          { upstream: name, address: member.name, tunnels, why },
          'an upstream sends nobody away: cut',
        ),
      );
    });
    await Promise.all(drained);
  }

  /** Cuts what is under way: whoever drains does so before. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#addresses.close();
    await Promise.all([...this.#closing, ...this.members.map((member) => member.close())]);
  }

  #ask(asked: Asked): void {
    const { log, limits } = this.#options;
    const tried = new Set<UpstreamMember>();
    const until = performance.now() + CONNECTS_IN_A_ROW * limits.connectTimeoutMs;
    const other = (): UpstreamMember | undefined =>
      performance.now() < until ? this.#choose(asked, tried) : undefined;
    const hasBetter = (): boolean => other()?.state === 'healthy';
    const ask = (member: UpstreamMember): void => {
      tried.add(member);
      asked.ask(member, hasBetter, ({ at, error }) => {
        const facts = {
          requestId: idOf(asked.req),
          upstream: member.name,
          code: error.code,
          err: error.cause,
        };
        if (asked.isGone()) return;
        const repeated = FAILURES[at].mayRepeat(asked.req) ? other() : undefined;
        if (repeated !== undefined) {
          log.info(facts, 'upstream failed, another is asked');
          ask(repeated);
          return;
        }
        log.warn(facts, 'upstream failed');
        this.#refuse(asked, error);
      });
    };

    if (asked.isGone()) return;
    const first = this.#choose(asked, tried);
    if (first !== undefined) ask(first);
    else this.#refuse(asked, new MaruError(this.#members.size > 0 ? 'overloaded' : 'upstream-unavailable'));
  }

  #refuse(asked: Asked, error: MaruError): void {
    this.#options.counts.refused(error.code);
    asked.refuse(error);
  }

  /** Of those with as little to do any one: several gateways would otherwise all begin with the same. */
  #choose({ loadOf, isFull }: Asked, tried: ReadonlySet<UpstreamMember>): UpstreamMember | undefined {
    const left = this.members.filter((member) => member.state !== 'leaving' && !tried.has(member));
    const healthy = left.filter(({ state }) => state === 'healthy');
    const free = (healthy.length > 0 ? healthy : left).filter((member) => !isFull(member));
    const least = Math.min(...free.map(loadOf));
    const idlest = free.filter((member) => loadOf(member) === least);
    return idlest[Math.floor(Math.random() * idlest.length)];
  }

  #follow(targets: readonly UpstreamTarget[]): void {
    const wanted = new Map(targets.map((target) => [nameOf(target), target]));
    for (const member of this.members) if (!wanted.has(member.name)) member.remove();
    for (const [name, target] of wanted) {
      const known = this.#members.get(name);
      if (known === undefined) this.#members.set(name, this.#open(target));
      else known.restore();
    }
  }

  #open(target: UpstreamTarget): UpstreamMember {
    const { name, limits, check, log } = this.#options;
    return new UpstreamMember({
      target,
      gatewayId: this.#gatewayId,
      limits,
      check,
      isAlone: (member) => !this.members.some((each) => each !== member && each.state === 'healthy'),
      onState: ({ name: address, state }, why) => {
        const level = state === 'healthy' || state === 'leaving' ? 'info' : 'warn';
        log[level]({ upstream: name, address, state, why }, `an address of an upstream is ${state}`);
      },
      onLeft: (member) => {
        if (this.#closed) return;
        this.#members.delete(member.name);
        const closed = member.close().finally(() => this.#closing.delete(closed));
        this.#closing.add(closed);
      },
    });
  }
}

/** The gateway wrote it; a request that came past the gateway has none. */
function idOf(req: IncomingMessage): string {
  return req.headers['x-request-id']?.toString() ?? '';
}
