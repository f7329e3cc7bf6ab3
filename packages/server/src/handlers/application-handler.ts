// An application destination (`/pub/…`) and what happens with what is sent there.
import { MaruError } from '@maru/contract';
import type { z } from 'zod';
import type { Principal } from '../identity/principal.ts';

/** Headers a RECEIPT carries beside `receipt-id`. */
export type ReceiptHeaders = readonly (readonly [name: string, value: string])[];

/**
 * `handle` begins its work before it returns (appends start in the order of the frames) and resolves when all that was
 * asked for is durable. It rejects with a MaruError.
 */
export type ApplicationHandler<Body = unknown> = {
  readonly destination: string;
  readonly schema: z.ZodType<Body>;
  handle(sender: Principal, body: Body): Promise<ReceiptHeaders>;
};

/** A handler whose body is parsed by its schema first: what the registry keeps. */
export type Mapping = {
  readonly destination: string;
  receive(sender: Principal, body: Uint8Array): Promise<ReceiptHeaders>;
};

export type Mappings = ReadonlyMap<string, Mapping>;

const utf8 = new TextDecoder('utf-8', { fatal: true });

export function mapHandler<Body>(handler: ApplicationHandler<Body>): Mapping {
  return {
    destination: handler.destination,
    receive: (sender, body) => handler.handle(sender, parseBody(handler.schema, body)),
  };
}

export function createMappings(mappings: readonly Mapping[]): Mappings {
  return new Map(mappings.map((mapping) => [mapping.destination, mapping]));
}

/** @throws MaruError `invalid-body`: not UTF-8, not JSON, or not what the schema takes; the message names the field. */
function parseBody<Body>(schema: z.ZodType<Body>, body: Uint8Array): Body {
  let json: unknown;
  try {
    json = JSON.parse(utf8.decode(body));
  } catch (cause) {
    throw new MaruError('invalid-body', { message: 'The body is not JSON in UTF-8', cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new MaruError('invalid-body', { message: describe(parsed.error) });
}

/** The first problem, named by its field; bounded, since it may quote names that the client made up. */
function describe(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return 'The body is not valid';
  const field = issue.path.join('.');
  return (field === '' ? issue.message : `${field}: ${issue.message}`).slice(0, 200);
}
