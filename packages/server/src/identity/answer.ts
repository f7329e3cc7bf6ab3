// Answers of the identity service: better-auth's, made fit to leave, and its own refusals in the same shape.
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { MaruError } from '@maru/contract';

export type Answer = {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly body: string;
};

/** CORS is the gateway's; the length is the answer's own, counted anew. */
const DROPPED_RESPONSE_HEADER =
  /^(access-control-.*|content-length|transfer-encoding|connection|set-cookie)$/;

export async function answerOf(response: Response): Promise<Answer> {
  const headers: Answer['headers'] = {};
  for (const [name, value] of response.headers) {
    if (!DROPPED_RESPONSE_HEADER.test(name)) headers[name] = value;
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) headers['set-cookie'] = cookies;
  headers['cache-control'] ??= 'no-store';
  const body = await response.text();
  if (response.status < 400) return { status: response.status, headers, body };
  headers['content-type'] = 'application/json';
  if (response.status === 401) headers['www-authenticate'] ??= 'Bearer';
  return { status: response.status, headers, body: errorBody(response.status, body) };
}

/** better-auth's own `code` and `message`; some of its refusals lack one, a 500 may say too much. */
function errorBody(status: number, body: string): string {
  if (status >= 500) return refusal(new MaruError('internal')).body;
  let code: unknown;
  let message: unknown;
  try {
    ({ code, message } = JSON.parse(body));
  } catch {
    // Not JSON, or null: the status says all there is.
  }
  const phrase = STATUS_CODES[status] ?? 'Refused';
  return JSON.stringify({
    code: typeof code === 'string' ? code : phrase.toUpperCase().replaceAll(/[^A-Z]+/g, '_'),
    message: typeof message === 'string' ? message : phrase,
  });
}

export function refusal(error: MaruError, headers: Record<string, string> = {}): Answer {
  return {
    status: error.status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify({ code: error.code, message: error.message }),
  };
}

export function refuseUpgrade(socket: Duplex): void {
  const { status, body } = refusal(new MaruError('not-found'));
  // The caller has done with the socket, so a reset of the other side is ours to bear.
  socket.on('error', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
