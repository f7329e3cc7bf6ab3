// What every session is given: the stages behind it, its limits and its clock.
import type { FrameLimits, LineMemory } from '@maru/stomp';
import type { People } from '../authorization/people.ts';
import type { Broker } from '../broker/broker.ts';
import type { Turn } from '../broker/turn.ts';
import type { Mappings } from '../handlers/application-handler.ts';
import type { Principal } from '../identity/principal.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Clock } from './clock.ts';
import type { Timing } from './liveness.ts';
import type { Session } from './session.ts';

export type SessionLimits = FrameLimits & {
  /** Octets of one WebSocket message; it may hold several frames. */
  readonly webSocketMessageOctets: number;
  readonly subscriptions: number;
  /** Frames begun and not yet answered; past it the socket is not read. */
  readonly inFlight: number;
  /** Octets waiting for a session that reads too slowly. */
  readonly outboundOctets: number;
};

export type SessionServices = {
  readonly limits: SessionLimits;
  readonly timing: Timing;
  readonly clock: Clock;
  /** Header lines seen lately, for all decoders of the process. */
  readonly lines: LineMemory;
  readonly turn: Turn;
  readonly broker: Broker;
  readonly mappings: Mappings;
  readonly people: People;
  readonly log: Logger;
  /** Errors: `token-invalid`, `token-expired`, `upstream-unavailable`. */
  verify(token: string): Promise<Principal>;
  /** When a client that was sent away may come back; spread, so that not all come at once. */
  retryAfterMs(): number;
  onClosed(session: Session): void;
};
