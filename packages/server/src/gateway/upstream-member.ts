// One address of an upstream: HTTP by a pool of connections, upgrades by a tunnel each, and how it fares.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Pool } from 'undici';
import { GATEWAY_HEADER } from '../http/leaving-gateway.ts';
import { inWaves } from '../http/waves.ts';
import { createExchange, requestBody } from './exchange.ts';
import { checkHealth } from './health-check.ts';
import { endToEnd } from './hop-by-hop.ts';
import { askToSendAway } from './leave.ts';
import {
  ejectionMs,
  type Health,
  type MemberEvent,
  type MemberState,
  NEW_MEMBER,
  next,
} from './member-state.ts';
import { Tunnel, type TunnelLimits } from './tunnel.ts';
import { nameOf, type UpstreamTarget } from './upstream-addresses.ts';
import { BAD_STATUSES, FAILURES, type Failure } from './upstream-failure.ts';

export type MemberLimits = TunnelLimits & {
  /** From the request's last byte to the answer's head. */
  readonly responseTimeoutMs: number;
  /** Between two pieces of an answer's body. */
  readonly bodyIdleTimeoutMs: number;
  readonly maxBodyOctets: number;
  /** Requests under way at once, each on its own connection: none waits. */
  readonly maxRequests: number;
  readonly maxTunnels: number;
};

export type CheckOptions = {
  /** From one check's end to the next; 0: none. A check has the time of a connection. */
  readonly everyMs: number;
  readonly path: string;
};

export type MemberOptions = {
  readonly target: UpstreamTarget;
  /** By which the service knows whom it is to send away when this gateway ends. */
  readonly gatewayId: string;
  readonly limits: MemberLimits;
  readonly check: CheckOptions;
  /** Whether no other member is healthy. */
  readonly isAlone: (member: UpstreamMember) => boolean;
  readonly onState: (member: UpstreamMember, why: string) => void;
  /** It was *leaving*, and the last of what it had is done. */
  readonly onLeft: (member: UpstreamMember) => void;
};

export class UpstreamMember {
  readonly name: string;
  readonly #options: MemberOptions;
  readonly #pool: Pool;
  readonly #tunnels = new Set<Tunnel>();
  readonly #closing = new AbortController();
  #requests = 0;
  #health: Health = NEW_MEMBER;
  #ejection: NodeJS.Timeout | undefined;
  #nextCheck: NodeJS.Timeout | undefined;
  #checking = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: MemberOptions) {
    this.#options = options;
    const { target, limits } = options;
    this.name = nameOf(target);
    this.#pool = new Pool('socketPath' in target ? 'http://localhost' : this.name, {
      ...('socketPath' in target && { socketPath: target.socketPath }),
      connect: { timeout: limits.connectTimeoutMs },
      connections: limits.maxRequests,
      headersTimeout: limits.responseTimeoutMs,
      bodyTimeout: limits.bodyIdleTimeoutMs,
      maxHeaderSize: limits.maxAnswerHeadOctets,
      allowH2: false,
    });
    void this.#check();
  }

  get state(): MemberState {
    return this.#health.state;
  }

  /** Under way. */
  get requests(): number {
    return this.#requests;
  }

  /** Open, or being opened. */
  get tunnels(): number {
    return this.#tunnels.size;
  }

  get isFullOfRequests(): boolean {
    return this.#requests >= this.#options.limits.maxRequests;
  }

  get isFullOfTunnels(): boolean {
    return this.#tunnels.size >= this.#options.limits.maxTunnels;
  }

  request(req: IncomingMessage, res: ServerResponse, onFailure: (failure: Failure) => void): void {
    this.#requests += 1;
    const body = requestBody(req, this.#options.limits.maxBodyOctets);
    const exchange = createExchange(res, {
      onStart: () => body.begin(),
      onAnswer: (status) => this.#judge(status, BAD_STATUSES.request),
      onFailure: (failure) => {
        this.#blame(failure);
        onFailure(failure);
      },
      onClose: () => {
        this.#requests -= 1;
        this.#leaveIfIdle();
      },
    });
    this.#pool.dispatch(
      {
        path: req.url ?? '/',
        method: req.method ?? 'GET',
        headers: endToEnd(req.rawHeaders),
        body: body.stream,
      },
      exchange,
    );
  }

  /** @param declines whether an answer that says the service can't be had is to be a failure, for another to be asked */
  upgrade(
    req: IncomingMessage,
    client: Duplex,
    head: Buffer,
    declines: () => boolean,
    onFailure: (failure: Failure) => void,
  ): void {
    const { target, limits, gatewayId } = this.#options;
    const tunnel = new Tunnel({
      target: 'socketPath' in target ? { path: target.socketPath } : target,
      limits,
      requestHead: upgradeHead(req, gatewayId),
      client,
      head,
      onAnswer: ({ status, saysWhen }) => {
        if (BAD_STATUSES.upgrade.has(status) && declines()) return false;
        if (!saysWhen || !BAD_STATUSES.upgrade.has(status)) this.#judge(status, BAD_STATUSES.upgrade);
        return true;
      },
      onFailure: (failure) => {
        this.#blame(failure);
        onFailure(failure);
      },
      onClose: () => {
        this.#tunnels.delete(tunnel);
        if (this.tunnels === 0) this.#onEmpty?.();
        this.#leaveIfIdle();
      },
    });
    this.#tunnels.add(tunnel);
  }

  /** The name no longer has its address: what it has goes on, and nothing new comes. */
  remove(): void {
    this.#tell('removed', 'its address is gone from the name');
    this.#leaveIfIdle();
  }

  /** The name has its address again. */
  restore(): void {
    if (this.state !== 'leaving') return;
    this.#tell('returned', 'its address is back in the name');
    void this.#check();
  }

  /**
   * Sends away who came through here, so many in a second: by the service, which answers what they had begun and says when to
   * come back; where it can't be asked, by cutting the tunnels. `told`: why they had to be cut.
   */
  async drain(perSecond: number, told: (problem: string) => void): Promise<void> {
    if (this.tunnels === 0) return;
    const { target, gatewayId, limits } = this.#options;
    // The waves come up to half their time late; then who doesn't answer the Close has `lingerMs`.
    const withinMs = (1_500 * this.tunnels) / perSecond + limits.lingerMs + limits.connectTimeoutMs;
    const problem = await askToSendAway(target, { gatewayId, perSecond, withinMs });
    if (problem === null) {
      // All are gone there; what they were sent last is on its way through here.
      await this.#emptied(limits.lingerMs);
    } else {
      told(problem);
    }
    await inWaves([...this.#tunnels], perSecond, (tunnel) => tunnel.destroy());
  }

  /** Cuts what is under way: whoever drains does so before. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#ejection);
    clearTimeout(this.#nextCheck);
    for (const tunnel of this.#tunnels) tunnel.destroy();
    await this.#pool.destroy();
  }

  async #emptied(withinMs: number): Promise<void> {
    if (this.tunnels === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#onEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #judge(status: number, bad: ReadonlySet<number>): void {
    if (bad.has(status)) this.#fail(`it answered ${status}`);
    else this.#tell('served', 'it answers');
  }

  #blame({ at, error }: Failure): void {
    if (!FAILURES[at].blames) return;
    this.#fail(error.cause instanceof Error ? error.cause.message : error.code);
  }

  #fail(why: string): void {
    this.#tell(this.#options.isAlone(this) ? 'failed-alone' : 'failed', why);
  }

  #tell(event: MemberEvent, why: string): void {
    const before = this.state;
    this.#health = next(this.#health, event);
    if (this.state === before || this.#closing.signal.aborted) return;
    clearTimeout(this.#ejection);
    if (this.state === 'ejected') {
      const ms = ejectionMs(this.#health.ejections, Math.random());
      this.#ejection = setTimeout(() => this.#tell('readmitted', 'it has been left alone'), ms);
      this.#ejection.unref();
    }
    this.#options.onState(this, why);
  }

  async #check(): Promise<void> {
    const { target, limits, check } = this.#options;
    const { signal } = this.#closing;
    if (check.everyMs === 0 || this.#checking) return;
    this.#checking = true;
    clearTimeout(this.#nextCheck);
    const problem = await checkHealth(target, check.path, limits.connectTimeoutMs, signal);
    this.#checking = false;
    if (signal.aborted) return;
    if (problem === null) this.#tell('check-passed', 'a check passed');
    else this.#tell('check-failed', problem);
    if (this.state === 'leaving') return;
    this.#nextCheck = setTimeout(() => void this.#check(), check.everyMs);
    this.#nextCheck.unref();
  }

  #leaveIfIdle(): void {
    if (this.state === 'leaving' && this.#requests === 0 && this.#tunnels.size === 0)
      this.#options.onLeft(this);
  }
}

/** The request is written anew from its parsed parts: nothing that a parser didn't see gets through. */
function upgradeHead(req: IncomingMessage, gatewayId: string): Buffer {
  const headers = endToEnd(req.rawHeaders);
  const lines = [`GET ${req.url} HTTP/1.1`, 'Connection: Upgrade', 'Upgrade: websocket'];
  const own = GATEWAY_HEADER.toLowerCase();
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() !== own) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  }
  lines.push(`${GATEWAY_HEADER}: ${gatewayId}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}
