// Ann's chat client at a scripted gateway, for one test at a time.
import type { ChatMessage, RoomEntry } from '@maru/contract';
import { afterEach, beforeEach, vi } from 'vitest';
import { Account } from '../src/account.ts';
import type { BackoffOptions } from '../src/backoff.ts';
import { ChatClient } from '../src/chat-client.ts';
import type { ConnectionState, ConnectionStatus } from '../src/connection-state.ts';
import { RestClient } from '../src/rest-client.ts';
import type { RoomHandlers } from '../src/room-subscription.ts';
import { ScriptedGateway } from './scripted-gateway.ts';

/** All of it is made anew for each test. */
export class Ann {
  gateway = new ScriptedGateway();
  client!: ChatClient;
  rest!: RestClient;
  statuses: ConnectionStatus[] = [];
  /** What was delivered of the room since the last reset. */
  entries: (RoomEntry | ChatMessage)[] = [];
  resets = 0;

  async open(backoff: BackoffOptions = { baseMs: 20, capMs: 50 }): Promise<void> {
    this.gateway = new ScriptedGateway();
    const gatewayUrl = await this.gateway.open();
    let stored: string | null = 'session-1';
    const storage = {
      read: () => stored,
      write: (token: string | null) => {
        stored = token;
      },
    };
    const tokens = new Account({ gatewayUrl, storage });
    this.rest = new RestClient({ gatewayUrl, tokens });
    this.client = new ChatClient({ gatewayUrl, tokens, rest: this.rest, backoff });
    this.statuses = [];
    this.entries = [];
    this.resets = 0;
    this.client.onStatus((status) => this.statuses.push(status));
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.gateway.close();
  }

  /** Resolves when the client comes to this state. */
  reach(state: ConnectionState): Promise<void> {
    return new Promise((resolve) => {
      const remove = this.client.onStatus((status) => {
        if (status.state !== state) return;
        remove();
        resolve();
      });
    });
  }

  /** Follows the room and resolves when the first load is done. */
  follow(handlers: Partial<RoomHandlers> = {}): Promise<{ hasEarlier: boolean }> {
    return new Promise((resolve, reject) => {
      this.client.subscribeRoom('r1', {
        onEntry: (entry) => this.entries.push(entry),
        onReset: () => {
          this.resets += 1;
          this.entries = [];
        },
        onReady: resolve,
        onRefused: (code) => reject(new Error(code)),
        ...handlers,
      });
      this.client.connect();
    });
  }

  get seqs(): number[] {
    return this.entries.map(({ seq }) => seq);
  }

  /** What history shows, message by message. */
  get contents(): (string | null)[] {
    return this.gateway.log.page('u1').messages.map(({ content }) => content);
  }

  /** The frames that came for a destination. */
  framesTo(destination: string): unknown[] {
    return this.gateway.frames
      .filter(({ headers, command }) => command === 'SEND' && headers.destination === destination)
      .map(({ body }) => JSON.parse(body) as unknown);
  }
}

export function useAnn(): Ann {
  const ann = new Ann();
  beforeEach(() => ann.open());
  afterEach(() => ann.close());
  return ann;
}

/** Waits until it no longer throws, also on a machine that has much else to do. */
export const eventually = (assert: () => void) => vi.waitFor(assert, { timeout: 10_000, interval: 10 });

/** Waits until what other tasks have begun has had a turn. */
export const turn = () => new Promise((resolve) => setImmediate(resolve));

/** The whole numbers from one to another. */
export const upTo = (last: number, first = 1) =>
  Array.from({ length: last - first + 1 }, (_, i) => i + first);
