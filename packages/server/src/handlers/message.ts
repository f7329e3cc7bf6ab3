// What a SEND carries besides its destination, as handlers see it and may pass it on.
import type { FrameHeaders } from '@maru/stomp';
import type { Publication } from '../broker/broker.ts';

/**
 * Headers of a SEND that never reach a subscriber as the client wrote them: the server's own on a MESSAGE, and those that
 * are between the client and the server alone (S04).
 */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'destination',
  'content-length',
  'content-type',
  'receipt',
  'receipt-id',
  'transaction',
  'subscription',
  'message-id',
  'ack',
  'session',
  'server',
  'version',
  'heart-beat',
  'user-name',
  'sender-id',
  'seq',
  'log-epoch',
  'redelivered',
  'login',
  'passcode',
  'authorization',
]);

/** User headers, content type and body of a SEND; of a repeated header the first entry (STOMP 1.2 §Repeated Header Entries). */
export function messageOf(headers: FrameHeaders, body: Uint8Array): Publication {
  const kept = new Map<string, string>();
  for (const [name, value] of headers) {
    if (!OWN_HEADERS.has(name.toLowerCase()) && !kept.has(name)) kept.set(name, value);
  }
  return { headers: [...kept], contentType: headers.get('content-type'), body };
}

const encoder = new TextEncoder();

export type HeaderList = Publication['headers'];

/** Headers as a team's code gives them. */
export type HeadersLike = HeaderList | Readonly<Record<string, string>>;

/** What a handler publishes: octets, text or JSON; a message that came may be given as it is. */
export type Publishable = {
  readonly headers?: HeadersLike;
  /** Absent: `application/json` for `json`, `text/plain` in UTF-8 for a text, none for octets. */
  readonly contentType?: string | undefined;
} & ({ readonly body: Uint8Array | string } | { readonly json: unknown });

/** @throws TypeError for a header that only the server sets, for one that cannot be written, and for what is no body. */
export function publicationOf(publishable: Publishable): Publication {
  const headers = headerList(publishable.headers);
  for (const [name] of headers) {
    if (OWN_HEADERS.has(name.toLowerCase())) throw new TypeError(`the header ${name} is the server's own`);
  }
  const { contentType } = publishable;
  if (contentType !== undefined) requireWritable('content-type', contentType);
  if ('json' in publishable) {
    const text: string | undefined = JSON.stringify(publishable.json);
    if (text === undefined) throw new TypeError('what is published as json has no JSON');
    return { headers, contentType: contentType ?? 'application/json', body: encoder.encode(text) };
  }
  const { body } = publishable;
  if (typeof body === 'string') {
    return { headers, contentType: contentType ?? 'text/plain;charset=utf-8', body: encoder.encode(body) };
  }
  if (!(body instanceof Uint8Array)) throw new TypeError('a body is a string or a Uint8Array');
  return { headers, contentType, body };
}

/** @throws TypeError for a header that no version of STOMP can write. */
export function headerList(headers: HeadersLike = []): HeaderList {
  if (typeof headers !== 'object')
    throw new TypeError(`headers are an object or a list, not a ${typeof headers}`);
  const list = isList(headers) ? headers : Object.entries(headers);
  for (const [name, value] of list) requireWritable(name, value);
  return list;
}

function requireWritable(name: string, value: string): void {
  if (typeof name !== 'string' || typeof value !== 'string' || name === '') {
    throw new TypeError(`a header is a name and a text, not ${name}: ${typeof value}`);
  }
  if (name.includes('\0') || value.includes('\0')) throw new TypeError('a header cannot hold a NUL');
}

function isList(headers: HeadersLike): headers is HeaderList {
  return Array.isArray(headers);
}
