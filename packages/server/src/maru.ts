// Maru as whoever starts it sees it: what may be said, and what comes back.
import type { Config } from './config.ts';
import type { GivenSettings } from './config-schema.ts';
import type { HandlerModule } from './handlers/handler-module.ts';
import type { Logger } from './telemetry/log.ts';

export const ROLES = ['identity', 'chat', 'gateway', 'web'] as const;
export type Role = (typeof ROLES)[number];

/** Roles in processes of their own meet on one machine: the port of whoever of them comes first serves the process. */
export const OPERATIONS_PORTS: Readonly<Record<Role, number>> = {
  gateway: 9090,
  chat: 9091,
  identity: 9092,
  web: 9093,
};

/** What listens where: `host:port` of each role that runs here, and of what tells how the process fares. */
export type Listening = Partial<
  Record<Role | 'operations', { readonly hosts: readonly string[]; readonly port: number }>
>;

export type MaruOptions = {
  /** As in maru.yaml. Neither that file nor MARU_* variables are read; left out, every setting has its default. */
  readonly settings?: GivenSettings;
  /** In place of `settings`: what `readConfig` has read from wherever it was told to. */
  readonly config?: Config;
  /** Own destinations, topics and interceptors, beside those of the modules in the setting `handlers`. */
  readonly handlers?: readonly HandlerModule[];
  /** What runs in this process. Default: all of them. */
  readonly roles?: readonly Role[];
  /** Default: JSON lines on standard error, from the level of the settings. */
  readonly log?: Logger;
  /** A part has failed so that nothing works any more (a database thread died). Default: thrown, uncaught. */
  readonly onFatal?: (error: Error) => void;
};

export type Maru = {
  /**
   * Resolves when all roles listen. Once only.
   * Rejects with ListenError or an Error whose message says what to do; nothing is left running then.
   */
  start(): Promise<Listening>;
  /** Sends clients away, answers what is under way, commits what waits, closes the databases. May be called again. */
  close(): Promise<void>;
};
