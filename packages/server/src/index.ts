// What embedding Maru in another program needs, and what a module of own handlers does.
export { type ErrorCode, MaruError } from '@maru/contract';
export { type ClientCommand, type Frame, FrameHeaders } from '@maru/stomp';
export type { Publication } from './broker/broker.ts';
export { type Config, ConfigError, readConfig } from './config.ts';
export type { GivenSettings } from './config-schema.ts';
export {
  type ApplicationHandler,
  type ChatMessage,
  type HandlerResult,
  type Handling,
  type Mapping,
  type MessageChange,
  mapDestination,
  type ReceiptHeaders,
} from './handlers/application-handler.ts';
export type { Parameters, ParametersOf } from './handlers/destination-template.ts';
export { defineHandlers, type HandlerModule } from './handlers/handler-module.ts';
export type { Intercepted, Interceptor, InterceptorContext } from './handlers/interceptor.ts';
export type { HeadersLike, Publishable } from './handlers/message.ts';
export type { Subject, TopicRule } from './handlers/topic-rule.ts';
export type { Principal } from './identity/principal.ts';
export { ListenError } from './listen.ts';
export { createMaru } from './main.ts';
export { type Listening, type Maru, type MaruOptions, ROLES, type Role } from './maru.ts';
export { createLog, type Logger } from './telemetry/log.ts';
