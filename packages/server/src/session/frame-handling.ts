// One SEND as its handler sees it, and what the handler asks for taken down in a unit of work.
import type { Publication } from '../broker/broker.ts';
import { isWritable } from '../broker/topic-message.ts';
import type { HandlerResult, Handling, Mapping, ReceiptHeaders } from '../handlers/application-handler.ts';
import type { Parameters } from '../handlers/destination-template.ts';
import { type HeadersLike, headerList, messageOf, publicationOf } from '../handlers/message.ts';
import { newChangeOf } from '../handlers/message-change.ts';
import { newMessageOf, requireChatMessage, sendMessage } from '../handlers/send-message.ts';
import { declaredTopic } from '../handlers/topic-rule.ts';
import type { UnitOfWork } from '../handlers/unit-of-work.ts';
import type { Principal } from '../identity/principal.ts';
import type { ClientFrame, Session } from './session.ts';

const NO_HEADERS: ReceiptHeaders = [];

/** Runs the handler. @returns headers for the RECEIPT */
export function runHandler(
  session: Session,
  work: UnitOfWork,
  mapping: Mapping,
  sent: Sent,
): ReceiptHeaders | Promise<ReceiptHeaders> {
  const handling = new FrameHandling(session, work, mapping, sent);
  const result = mapping.handle(handling);
  if (result instanceof Promise) return result.then((later) => handling.finish(later));
  return handling.finish(result);
}

export type Sent = {
  readonly principal: Principal;
  readonly frame: ClientFrame;
  readonly parameters: Parameters;
  /** As the handler's schema parsed it. */
  readonly body: unknown;
};

/**
 * States: *taking down* → *done* (`finish`; what is asked for later is not done). Its functions are its own, not its class's:
 * handlers take them out of it. Made for every SEND: an object literal with a getter costs Node 1 µs, this a twentieth.
 */
class FrameHandling implements Handling<unknown> {
  readonly principal: Principal;
  readonly body: unknown;
  readonly parameters: Parameters;
  readonly session: Handling<unknown>['session'];
  readonly append: Handling<unknown>['append'];
  readonly change: Handling<unknown>['change'];
  readonly publish: Handling<unknown>['publish'];
  readonly signal: Handling<unknown>['signal'];
  readonly markRead: Handling<unknown>['markRead'];
  readonly isMember: Handling<unknown>['isMember'];
  readonly finish: (result: HandlerResult) => ReceiptHeaders;
  readonly #frame: ClientFrame;

  constructor(session: Session, work: UnitOfWork, mapping: Mapping, sent: Sent) {
    const { services } = session;
    const { principal, frame, parameters, body } = sent;
    let isDone = false;
    this.principal = principal;
    this.body = body;
    this.parameters = parameters;
    this.#frame = frame;
    this.session = { id: session.id, renew: (token) => session.renew(token) };
    this.append = (message) => {
      if (isDone) return tooLate(session, mapping, 'append');
      // The body of Maru's own was checked by its schema already.
      if (mapping !== sendMessage) requireChatMessage(message);
      work.appends.push(newMessageOf(principal, message));
    };
    this.change = (change) => {
      if (isDone) return tooLate(session, mapping, 'change');
      work.appends.push(newChangeOf(principal, change));
    };
    this.publish = (destination, message, { to } = {}) => {
      if (isDone) return tooLate(session, mapping, 'publish');
      const topic = declaredTopic(services.topics, destination, to);
      work.publications.push({ topic, publication: publicationOf(message) });
    };
    this.signal = (signal) => {
      if (isDone) return tooLate(session, mapping, 'signal');
      work.publications.push({ signal });
    };
    this.markRead = (roomId, seq) => services.markRead(roomId, principal.userId, seq);
    this.isMember = (roomId) => services.isMember(roomId, principal.userId);
    this.finish = (result) => {
      isDone = true;
      return result === undefined ? NO_HEADERS : receiptHeaders(session, mapping, result);
    };
  }

  get message(): Publication {
    return messageOf(this.#frame.headers, this.#frame.body);
  }
}

/** What a handler forgot to wait for: its SEND is answered already. An Error thrown there might end the process. */
function tooLate(session: Session, { destination }: Mapping, what: string): void {
  session.services.log.error(
    { session: session.id, destination },
    `${what} was called after the handler was done: nothing comes of it; does an await lack?`,
  );
}

const SERVERS_OWN: ReadonlySet<string> = new Set(['receipt-id', 'content-length']);

/** Checked before anything takes effect. @throws TypeError */
function receiptHeaders(
  { version = '1.2' }: Session,
  { destination }: Mapping,
  result: HeadersLike,
): ReceiptHeaders {
  try {
    const headers = headerList(result);
    const own = headers.find(([name]) => SERVERS_OWN.has(name));
    if (own !== undefined) throw new TypeError(`${own[0]} is the server's own`);
    return headers.filter(([name, value]) => isWritable(name, value, version));
  } catch (cause) {
    throw new TypeError(`what the handler of ${destination} returned cannot go on a RECEIPT`, { cause });
  }
}
