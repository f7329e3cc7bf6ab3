// What embedding Maru in another program needs.
export { type Config, ConfigError, readConfig } from './config.ts';
export { ListenError } from './listen.ts';
export { createMaru, type Listening, type Maru, ROLES, type Role } from './main.ts';
export { createLog, type Logger } from './telemetry/log.ts';
