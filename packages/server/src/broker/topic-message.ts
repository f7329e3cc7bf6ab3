// A publication as the tail of a MESSAGE frame: headers as each version can write them, and the body untouched.
import { encodeHeaderLine, type Version } from '@maru/stomp';
import type { Publication } from './broker.ts';

/**
 * All of a MESSAGE behind its own `subscription` header. STOMP 1.0 has no escapes: a user header that it can't write (LF;
 * a colon in the name) is left out for its subscribers, rather than becoming another header.
 * @throws FrameError for a header that no version can write (NUL, an empty name).
 */
export function encodeTopicTail(
  destination: string,
  messageId: string,
  { headers, contentType, body }: Publication,
  version: Version,
): Buffer {
  let head = encodeHeaderLine('destination', destination, version);
  head += encodeHeaderLine('message-id', messageId, version);
  if (contentType !== undefined && isWritable('content-type', contentType, version)) {
    head += encodeHeaderLine('content-type', contentType, version);
  }
  for (const [name, value] of headers) {
    if (isWritable(name, value, version)) head += encodeHeaderLine(name, value, version);
  }
  head += `content-length:${body.length}\n\n`;
  const octets = Buffer.byteLength(head);
  const tail = Buffer.allocUnsafe(octets + body.length + 1);
  tail.write(head, 0);
  tail.set(body, octets);
  tail[tail.length - 1] = 0;
  return tail;
}

/** Whether a header that is no NUL and has a name can be written in that version at all. */
export function isWritable(name: string, value: string, version: Version): boolean {
  return version !== '1.0' || !(name.includes(':') || name.includes('\n') || value.includes('\n'));
}
