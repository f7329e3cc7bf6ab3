// Where a SEND goes: to a handler, or straight to a topic that takes it. Looked at when it comes, run now or at COMMIT.
import { MaruError } from '@maru/contract';
import { isWritable } from '../broker/topic-message.ts';
import type { HandlerResult, Handling, Mapping, ReceiptHeaders } from '../handlers/application-handler.ts';
import type { Matched } from '../handlers/destination-template.ts';
import { type HeadersLike, headerList, messageOf, publicationOf } from '../handlers/message.ts';
import { newMessageOf, requireChatMessage, sendMessage } from '../handlers/send-message.ts';
import { declaredTopic, type TopicRule } from '../handlers/topic-rule.ts';
import type { UnitOfWork } from '../handlers/unit-of-work.ts';
import type { Principal } from '../identity/principal.ts';
import { header } from './commands/required.ts';
import type { ClientFrame, Session } from './session.ts';

/** Takes down in `work` what is to be kept and published. */
export type Sending = {
  /** The frames behind it don't wait for it. */
  readonly isConcurrent: boolean;
  run(work: UnitOfWork): ReceiptHeaders | Promise<ReceiptHeaders>;
};

const NO_HEADERS: ReceiptHeaders = [];

/** Everything about a SEND that can be refused before it takes effect. Throws or rejects with a MaruError. */
export function prepareSending(
  session: Session,
  principal: Principal,
  frame: ClientFrame,
): Sending | Promise<Sending> {
  const destination = header(frame, 'destination');
  const mapped = session.services.mappings.find(destination);
  if (mapped !== undefined) return handled(session, principal, frame, mapped);
  const topic = session.services.topics.find(destination);
  if (topic !== undefined) return relayed(session, principal, frame, topic);
  throw new MaruError('unknown-destination');
}

/** The contract's reading of an absent content-type on a destination that takes JSON: JSON. */
function requireJson(contentType: string | undefined): void {
  if (contentType !== undefined && !/^application\/json\s*(;|$)/i.test(contentType)) {
    throw new MaruError('unsupported-content-type');
  }
}

function handled(
  session: Session,
  principal: Principal,
  frame: ClientFrame,
  { item: mapping, parameters }: Matched<Mapping>,
): Sending {
  if (mapping.isJson) requireJson(frame.headers.get('content-type'));
  const body = mapping.parse(frame.body);
  const { services } = session;
  return {
    isConcurrent: mapping.isConcurrent,
    run: (work) => {
      let isDone = false;
      const handling: Handling<unknown> = {
        principal,
        body,
        parameters,
        get message() {
          return messageOf(frame.headers, frame.body);
        },
        session: { id: session.id, renew: (token) => session.renew(token) },
        append: (message) => {
          if (isDone) return tooLate(session, mapping, 'append');
          // The body of Maru's own was checked by its schema already.
          if (mapping !== sendMessage) requireChatMessage(message);
          work.appends.push(newMessageOf(principal, message));
        },
        publish: (destination, message, { to } = {}) => {
          if (isDone) return tooLate(session, mapping, 'publish');
          const topic = declaredTopic(services.topics, destination, to);
          work.publications.push({ topic, publication: publicationOf(message) });
        },
        isMember: (roomId) => services.isMember(roomId, principal.userId),
      };
      const finish = (result: HandlerResult): ReceiptHeaders => {
        isDone = true;
        return result === undefined ? NO_HEADERS : receiptHeaders(session, mapping, result);
      };
      const result = mapping.handle(handling);
      return result instanceof Promise ? result.then(finish) : finish(result);
    },
  };
}

/** What a handler forgot to wait for: its SEND is answered already. An Error thrown there might end the process. */
function tooLate(session: Session, { destination }: Mapping, what: string): void {
  session.services.log.error(
    { session: session.id, destination },
    `${what} was called after the handler was done: nothing comes of it; does an await lack?`,
  );
}

/** Checked before anything takes effect. @throws TypeError */
function receiptHeaders(
  { version = '1.2' }: Session,
  { destination }: Mapping,
  result: HeadersLike,
): ReceiptHeaders {
  try {
    return headerList(result).filter(([name, value]) => isWritable(name, value, version));
  } catch (cause) {
    throw new TypeError(`what the handler of ${destination} returned cannot go on a RECEIPT`, { cause });
  }
}

/** Passed on as it came; who sent it is said by the server (S03, S06, S07, U11). */
async function relayed(
  session: Session,
  principal: Principal,
  frame: ClientFrame,
  { item: rule, parameters }: Matched<TopicRule>,
): Promise<Sending> {
  const { services } = session;
  const isMember = (roomId: string) => services.isMember(roomId, principal.userId);
  const may = await rule.maySend?.({ principal, parameters, isMember });
  if (may !== true) throw new MaruError('access-denied');
  const { headers, ...message } = messageOf(frame.headers, frame.body);
  const publication = { ...message, headers: [...headers, ['sender-id', principal.userId] as const] };
  const topic = { destination: header(frame, 'destination'), userId: null };
  return {
    isConcurrent: false,
    run: (work) => {
      work.publications.push({ topic, publication });
      return NO_HEADERS;
    },
  };
}
