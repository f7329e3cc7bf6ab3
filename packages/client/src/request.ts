// One JSON request: fetch with a deadline, and every failure as a ClientError.
import { ClientError, knownCode } from './client-error.ts';

export type JsonRequest = {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly token?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
};

const REQUEST_DEADLINE_MS = 15_000;

/** The parsed answer (`null` if it had no body). The servers are ours: `T` is what the contract promises. */
export async function requestJson<T>(url: string, request: JsonRequest = {}): Promise<T> {
  const deadline = AbortSignal.timeout(REQUEST_DEADLINE_MS);
  const init: RequestInit = {
    method: request.method ?? 'GET',
    headers: {
      ...(request.token === undefined ? {} : { Authorization: `Bearer ${request.token}` }),
      ...(request.body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    // Bearer tokens only: with cookies another page could act in this person's name.
    credentials: 'omit',
    cache: 'no-store',
    signal: request.signal === undefined ? deadline : AbortSignal.any([request.signal, deadline]),
    ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
  };

  let status: number;
  let ok: boolean;
  let text: string;
  try {
    const response = await fetch(url, init);
    ({ status, ok } = response);
    text = await response.text();
  } catch (cause) {
    throw new ClientError('network', 'The server cannot be reached', { cause });
  }

  let answer: unknown = null;
  try {
    if (text !== '') answer = JSON.parse(text);
  } catch (cause) {
    throw new ClientError('unexpected-answer', `The server answered ${status} with no JSON`, {
      status,
      cause,
    });
  }
  if (ok) return answer as T;
  throw failure(status, answer);
}

function failure(status: number, answer: unknown): ClientError {
  const { code, message } = (answer ?? {}) as { code?: unknown; message?: unknown };
  return new ClientError(
    // better-auth's limiter answers 429 without a code.
    status === 429 ? 'too-many-requests' : knownCode(code),
    typeof message === 'string' ? message : `The server answered ${status}`,
    { status },
  );
}
