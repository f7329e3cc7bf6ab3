// What the package offers.
export {
  type ClientCommand,
  COMMANDS,
  type Command,
  type CommandOf,
  factsOf,
  missingHeader,
  type Sender,
  type ServerCommand,
} from './commands.ts';
export { FrameDecoder, type FrameDecoderOptions } from './decoder.ts';
export { encodeFrame, encodeHeaderLine, HEART_BEAT } from './encoder.ts';
export { FrameError, type FrameErrorCode } from './errors.ts';
export { escapeHeader, unescapeHeader } from './escape.ts';
export type { Frame } from './frame.ts';
export { FrameHeaders } from './headers.ts';
export {
  clampHeartBeat,
  formatHeartBeat,
  type HeartBeat,
  type HeartBeatPeriods,
  NO_HEART_BEAT,
  negotiateHeartBeat,
  parseHeartBeat,
} from './heart-beat.ts';
export { DEFAULT_FRAME_LIMITS, type FrameLimits } from './limits.ts';
export { LineMemory } from './line-memory.ts';
export { negotiateVersion, SUPPORTED_VERSIONS, type Version } from './version.ts';
