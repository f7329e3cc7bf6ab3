// The way in for handlers: Maru's own and those of a team's modules, in one set of tables.
import { createMappings, type Mappings } from './application-handler.ts';
import { deleteMessage } from './delete-message.ts';
import { editMessage } from './edit-message.ts';
import { checkHandlerModule, type HandlerModule } from './handler-module.ts';
import type { Interceptor } from './interceptor.ts';
import { markRead } from './mark-read.ts';
import { reactToMessage } from './react-to-message.ts';
import { renewToken } from './renew-token.ts';
import { sendMessage } from './send-message.ts';
import { createTopicRules, type TopicRules } from './topic-rule.ts';
import { typing } from './typing.ts';

export type Door = {
  readonly mappings: Mappings;
  readonly topics: TopicRules;
  readonly interceptors: readonly Interceptor[];
};

const BUILT_IN: HandlerModule = {
  destinations: [sendMessage, editMessage, deleteMessage, reactToMessage, typing, markRead, renewToken],
};

/** @throws Error for a destination that is none, is one of Maru's own, or is defined twice; for what is no handler module. */
export function createDoor(own: readonly HandlerModule[]): Door {
  const modules = own.map((module) => checkHandlerModule(module, 'a module'));
  try {
    return {
      mappings: createMappings(
        BUILT_IN.destinations ?? [],
        modules.flatMap(({ destinations = [] }) => destinations),
      ),
      topics: createTopicRules(modules.flatMap(({ topics = [] }) => topics)),
      interceptors: modules.flatMap(({ interceptors = [] }) => interceptors),
    };
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new Error(`handlers: ${cause.message}`, { cause });
  }
}
