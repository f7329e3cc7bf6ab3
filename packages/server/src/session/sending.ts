// Where a SEND goes: to a handler, or straight to a topic that takes it. Looked at when it comes, run now or at COMMIT.
import { MaruError } from '@maru/contract';
import type { Mapping, ReceiptHeaders } from '../handlers/application-handler.ts';
import type { Matched } from '../handlers/destination-template.ts';
import { messageOf } from '../handlers/message.ts';
import { subjectOf, type TopicRule } from '../handlers/topic-rule.ts';
import type { UnitOfWork } from '../handlers/unit-of-work.ts';
import type { Principal } from '../identity/principal.ts';
import { header } from './commands/required.ts';
import { runHandler } from './frame-handling.ts';
import type { ClientFrame, Session } from './session.ts';

/** Takes down in `work` what is to be kept and published. */
export type Sending = {
  /** The frames behind it don't wait for it. */
  readonly isConcurrent: boolean;
  run(work: UnitOfWork): ReceiptHeaders | Promise<ReceiptHeaders>;
};

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
  const sent = { principal, frame, parameters, body: mapping.parse(frame.body) };
  return {
    isConcurrent: mapping.isConcurrent,
    run: (work) => runHandler(session, work, mapping, sent),
  };
}

/** Passed on as it came; who sent it is said by the server (S03, S06, S07, U11). */
async function relayed(
  session: Session,
  principal: Principal,
  frame: ClientFrame,
  { item: rule, parameters }: Matched<TopicRule>,
): Promise<Sending> {
  const may = await rule.maySend?.(subjectOf(session.services, principal, parameters));
  if (may !== true) throw new MaruError('access-denied');
  const { headers, ...message } = messageOf(frame.headers, frame.body);
  const publication = { ...message, headers: [...headers, ['sender-id', principal.userId] as const] };
  const topic = { destination: header(frame, 'destination'), userId: null };
  return {
    isConcurrent: false,
    run: (work) => {
      work.publications.push({ topic, publication });
      return [];
    },
  };
}
