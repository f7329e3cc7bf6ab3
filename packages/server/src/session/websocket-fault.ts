// What ws itself refuses, in the words of the registry: it closes without an ERROR, for there is no frame to answer.
import type { ErrorCode } from '@maru/contract';

type Fault = { readonly code: ErrorCode; readonly close: number };

/** Faults that are not plain violations of RFC 6455, by ws's names, with the close code that ws sends. */
const FAULTS: Readonly<Record<string, Fault>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: { code: 'frame-too-large', close: 1009 },
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: { code: 'frame-too-large', close: 1009 },
  WS_ERR_INVALID_UTF8: { code: 'invalid-utf8', close: 1007 },
  WS_ERR_TOO_MANY_BUFFERED_PARTS: { code: 'frame-too-large', close: 1008 },
};

/** `undefined`: no fault of what the client sent; the connection broke. */
export function faultOf(error: Error & { readonly code?: string }): Fault | undefined {
  const { code = '' } = error;
  if (!code.startsWith('WS_ERR_')) return undefined;
  return FAULTS[code] ?? { code: 'malformed-frame', close: 1002 };
}
