// An application destination (`/pub/…`) and what happens with what is sent there. Built-in and own handlers are alike.
import {
  type DeleteMessage,
  type EditMessage,
  MaruError,
  type ReactToMessage,
  type Reading,
  type RoomSignal,
} from '@maru/contract';
import type { z } from 'zod';
import type { Publication } from '../broker/broker.ts';
import type { Principal } from '../identity/principal.ts';
import { DestinationTable, type ParametersOf } from './destination-template.ts';
import type { HeaderList, HeadersLike, Publishable } from './message.ts';

/** Headers a RECEIPT carries beside `receipt-id`. */
export type ReceiptHeaders = HeaderList;

/** A chat message to append; its sender is the session's person. */
export type ChatMessage = {
  readonly roomId: string;
  readonly content: string;
  readonly clientMessageId?: string | undefined;
  readonly replyTo?: string | undefined;
  /** User ids of members of the room. */
  readonly mentions?: readonly string[] | undefined;
};

/** What is to become of a message that a room has; who wants it is the session's person. */
export type MessageChange =
  | Readonly<EditMessage & { kind: 'edit' }>
  | Readonly<DeleteMessage & { kind: 'delete' }>
  | Readonly<ReactToMessage & { kind: 'react' }>;

/** One message that came, and what can be done with it. */
export type Handling<Body, Destination extends string = string> = {
  /** Who sent it: the session's person, whatever the message says. */
  readonly principal: Principal;
  /** As the schema parsed it; without a schema the octets as they came. */
  readonly body: Body;
  /** User headers, content type and octets: what `publish` takes to pass it on unchanged. */
  readonly message: Publication;
  /** What the `{…}` of the destination stood for. */
  readonly parameters: ParametersOf<Destination>;
  readonly session: {
    readonly id: string;
    /** Puts the session on a newer token of the same person. Rejects as CONNECT is refused; `token-subject-mismatch`. */
    renew(accessToken: string): Promise<void>;
  };
  /**
   * Appends to a room's log, when the handler is done; in a transaction at COMMIT, all or nothing.
   * @throws MaruError `invalid-body` for what no chat message can be.
   */
  append(message: ChatMessage): void;
  /**
   * Edits a message, deletes it or reacts to it: an entry of the room's log, as durable and as atomic as what is appended.
   * @throws MaruError `invalid-body` for what no client could ask for either.
   */
  change(change: MessageChange): void;
  /**
   * Publishes on a topic that was declared, when the handler is done and what it appended is durable. A `/user/queue/…`
   * topic needs `to`: the user id of whose it is. @throws TypeError if no module declared the topic, or for headers that
   * are the server's own.
   */
  publish(destination: string, message: Publishable, options?: { readonly to?: string }): void;
  /** Tells who listens to the room what it doesn't keep, when the handler is done; in its turn with what it publishes. */
  signal(signal: RoomSignal): void;
  /**
   * Moves the sender's read marker, at once. @returns where they stand then, and whether it moved. Rejects with
   * `room-not-found`, `not-a-member`.
   */
  markRead(roomId: string, seq: number): Promise<Reading & { readonly moved: boolean }>;
  isMember(roomId: string): Promise<boolean>;
};

/** What a handler may return: headers for the RECEIPT. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler that returns nothing is the usual one
export type HandlerResult = HeadersLike | void;

/** What a body is after its schema; the octets themselves where there is none. */
type BodyOf<Schema> = Schema extends z.ZodType ? z.output<Schema> : Uint8Array;

/**
 * `handle` throws or rejects with a MaruError to refuse (`refused` takes a message of its own); any other error is
 * logged and told as `internal`. What it has asked for takes effect if it is done without one.
 */
export type ApplicationHandler<
  Schema extends z.ZodType | undefined = undefined,
  Destination extends string = string,
> = {
  readonly destination: Destination;
  /** The body is JSON of this shape; nothing in it is asynchronous. Absent: any octets. */
  readonly schema?: Schema;
  /**
   * Absent: while `handle` waits, the session's next frames wait too, so all takes effect in the order it was sent. `true`:
   * they go on, and what this one asks for takes effect when it is done; for slow work whose place doesn't matter.
   */
  readonly isConcurrent?: boolean;
  handle(handling: Handling<BodyOf<Schema>, Destination>): HandlerResult | Promise<HandlerResult>;
};

/** A handler whose body is parsed by its schema first: what the registry keeps. */
export type Mapping = {
  readonly destination: string;
  /** JSON alone is taken; an absent content-type means it. */
  readonly isJson: boolean;
  readonly isConcurrent: boolean;
  /** @throws MaruError `invalid-body` */
  parse(body: Uint8Array): unknown;
  handle(handling: Handling<unknown>): HandlerResult | Promise<HandlerResult>;
};

const utf8 = new TextDecoder('utf-8', { fatal: true });

const PARTS = new Set(['destination', 'schema', 'isConcurrent', 'handle']);

/**
 * `mapDestination({ destination: '/pub/wave/{room}', schema: z.strictObject({…}), handle: ({ body, publish }) => … })`
 * @throws TypeError for what the compiler would have refused.
 */
export function mapDestination<
  const Destination extends string,
  Schema extends z.ZodType | undefined = undefined,
>(handler: ApplicationHandler<Schema, Destination>): Mapping {
  const { destination, schema, isConcurrent = false } = handler;
  const unknown = Object.keys(handler).find((key) => !PARTS.has(key));
  if (unknown !== undefined) {
    throw new TypeError(`mapDestination takes ${[...PARTS].join(', ')}, not ${unknown}`);
  }
  if (typeof handler.handle !== 'function') throw new TypeError(`${destination} has no function handle`);
  if (schema !== undefined && typeof schema.safeParse !== 'function') {
    throw new TypeError(`the schema of ${destination} is not one of zod's`);
  }
  return {
    destination,
    isJson: schema !== undefined,
    isConcurrent,
    parse: (body) => (schema === undefined ? body : parseBody(schema, body)),
    // What `parse` gave is what the handler's own schema makes; the parameters are those of its own destination.
    handle: (handling) => handler.handle(handling as unknown as Handling<BodyOf<Schema>, Destination>),
  };
}

export type Mappings = DestinationTable<Mapping>;

/** @throws TypeError for a destination that is not below /pub/, is built in, or is defined twice. */
export function createMappings(builtIn: readonly Mapping[], own: readonly Mapping[]): Mappings {
  for (const { destination } of own) {
    if (typeof destination !== 'string' || !destination.startsWith('/pub/')) {
      throw new TypeError(`${destination} is no application destination; those begin with /pub/`);
    }
    if (builtIn.some((mapping) => mapping.destination === destination)) {
      throw new TypeError(`${destination} is Maru's own`);
    }
  }
  return new DestinationTable([...builtIn, ...own]);
}

/** The message names the field. */
function parseBody(schema: z.ZodType, body: Uint8Array): unknown {
  let json: unknown;
  try {
    json = JSON.parse(utf8.decode(body));
  } catch (cause) {
    throw new MaruError('invalid-body', { message: 'The body is not JSON in UTF-8', cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new MaruError('invalid-body', { message: describeProblem(parsed.error) });
}

/** The first problem, named by its field; bounded, since it may quote names that the client made up. */
export function describeProblem(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return 'The body is not valid';
  const field = issue.path.join('.');
  return (field === '' ? issue.message : `${field}: ${issue.message}`).slice(0, 200);
}
