// What every session is given: the stages behind it, its limits and its clock.
import type { FrameLimits, LineMemory } from '@maru/stomp';
import type { People } from '../authorization/people.ts';
import type { Broker } from '../broker/broker.ts';
import type { Pace } from '../broker/catch-up-turns.ts';
import type { RoomListFeed } from '../broker/room-list-feed.ts';
import type { Turn } from '../broker/turn.ts';
import type { Mappings } from '../handlers/application-handler.ts';
import type { Interceptor } from '../handlers/interceptor.ts';
import type { TopicRules } from '../handlers/topic-rule.ts';
import type { Principal } from '../identity/principal.ts';
import type { Store } from '../store/store.ts';
import type { Counts } from '../telemetry/counts.ts';
import type { Logger } from '../telemetry/log.ts';
import type { SparseLog } from '../telemetry/sparse-log.ts';
import type { Clock } from './clock.ts';
import type { InboundRateLimits } from './inbound-rate.ts';
import type { Timing } from './liveness.ts';
import type { Session } from './session.ts';
import type { TransactionLimits } from './transactions.ts';
import type { UserSessions } from './user-sessions.ts';

export type SessionLimits = FrameLimits &
  InboundRateLimits &
  TransactionLimits & {
    /** Octets up to the end of the first frame. */
    readonly connectOctets: number;
    /** Octets of one WebSocket message; it may hold several frames. */
    readonly webSocketMessageOctets: number;
    readonly subscriptions: number;
    /** Messages that wait for an acknowledgement: the windows of all subscriptions together. */
    readonly unacknowledged: number;
    /** Frames begun and not yet answered; past it the socket is not read. */
    readonly inFlight: number;
    /** Octets that may wait for a session to read; past it what is behind waits in the log. */
    readonly outboundOctets: number;
  };

export type SessionServices = {
  readonly limits: SessionLimits;
  readonly timing: Timing;
  readonly clock: Clock;
  /** Header lines seen lately, for all decoders of the process. */
  readonly lines: LineMemory;
  readonly turn: Turn;
  /** How those who are behind read on, all sessions together. */
  readonly pace: Pace;
  readonly store: Store;
  readonly broker: Broker;
  readonly roomLists: RoomListFeed;
  readonly mappings: Mappings;
  readonly topics: TopicRules;
  readonly interceptors: readonly Interceptor[];
  readonly people: People;
  readonly users: UserSessions;
  readonly counts: Counts;
  readonly log: Logger;
  /** What failed on our side, a line each for what is new within a second. */
  readonly failures: SparseLog;
  /** Whether CONNECT's `passcode` may be the token, for clients that can set nothing else (STOMP 1.2 §CONNECT). */
  readonly takesPasscode: boolean;
  /** Errors: `token-invalid`, `token-expired`, `upstream-unavailable`. */
  verify(token: string): Promise<Principal>;
  isMember(roomId: string, userId: string): Promise<boolean>;
  /** Moves somebody's read marker, and tells whom it concerns. */
  readonly markRead: Store['markRead'];
  /** When a client that was sent away may come back; spread, so that not all come at once. */
  retryAfterMs(): number;
  onClosed(session: Session): void;
};
