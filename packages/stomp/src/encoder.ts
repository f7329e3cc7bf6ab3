// Writes frames and header lines as octets. What cannot be written safely throws; nothing is replaced or left out.
import { COMMANDS, type Command } from './commands.ts';
import { FrameError } from './errors.ts';
import { escapeHeader } from './escape.ts';
import { NO_OCTETS } from './frame.ts';
import type { Version } from './version.ts';

const encoder = new TextEncoder();

/** One end of line: what is sent when there is no frame to send (STOMP 1.2 §Heart-beating). Not to be written to. */
export const HEART_BEAT: Uint8Array = encoder.encode('\n');

/**
 * One line of a frame that is neither CONNECT nor CONNECTED, with its LF, so that a head can be put together:
 * `'MESSAGE\n'` + lines + `'\n'`. No name or value, whoever made it, can become a second line.
 * @throws FrameError `malformed-header` for an empty name and for what the version has no escape for: NUL; in 1.0 also
 * LF, and a colon in a name. Whoever forwards foreign headers to a 1.0 session leaves such ones out first.
 */
export function encodeHeaderLine(name: string, value: string, version: Version): string {
  if (version === '1.0') return rawHeaderLine(name, value);
  if (name === '') throw new FrameError('malformed-header', 'A header name may not be empty');
  refuseOctets(['\0'], name, value);
  return `${escapeHeader(name, version)}:${escapeHeader(value, version)}\n`;
}

/**
 * A whole frame. A body that is not empty gets a content-length if the headers have none, so that it may hold NUL.
 * @throws FrameError `malformed-header` as encodeHeaderLine does, in CONNECT, STOMP and CONNECTED (never escaped) as for
 * 1.0 and for a CR as well; `body-not-allowed` for a body on another command than SEND, MESSAGE and ERROR;
 * `invalid-content-length` if the headers have one that is not the body's.
 */
export function encodeFrame(
  frame: {
    readonly command: Command;
    readonly headers: Iterable<readonly [string, string]>;
    readonly body?: Uint8Array | undefined;
  },
  version: Version,
): Uint8Array {
  const { command, headers, body = NO_OCTETS } = frame;
  const facts = COMMANDS[command];
  if (body.length > 0 && !facts.body) {
    throw new FrameError('body-not-allowed', `A ${command} frame may not have a body`);
  }
  let head = `${command}\n`;
  let contentLength: string | undefined;
  for (const [name, value] of headers) {
    if (name === 'content-length') contentLength ??= value;
    head += facts.escaped ? encodeHeaderLine(name, value, version) : connectHeaderLine(name, value);
  }
  if (contentLength === undefined) {
    if (body.length > 0) head += `content-length:${body.length}\n`;
  } else if (contentLength !== String(body.length)) {
    throw new FrameError('invalid-content-length', 'content-length is not the length of the body');
  }
  return assemble(encoder.encode(`${head}\n`), body);
}

function assemble(head: Uint8Array, body: Uint8Array): Uint8Array {
  const octets = new Uint8Array(head.length + body.length + 1);
  octets.set(head);
  octets.set(body, head.length);
  return octets; // The last octet is the NUL.
}

// Read before the version is known, when a CR may be half an end of line.
function connectHeaderLine(name: string, value: string): string {
  refuseOctets(['\r'], name, value);
  return rawHeaderLine(name, value);
}

function rawHeaderLine(name: string, value: string): string {
  if (name === '') throw new FrameError('malformed-header', 'A header name may not be empty');
  refuseOctets(['\n', '\0'], name, value);
  refuseOctets([':'], name);
  return `${name}:${value}\n`;
}

function refuseOctets(octets: readonly string[], ...texts: readonly string[]): void {
  if (texts.some((text) => octets.some((octet) => text.includes(octet)))) {
    throw new FrameError('malformed-header', 'A header holds an octet that cannot be written here');
  }
}
