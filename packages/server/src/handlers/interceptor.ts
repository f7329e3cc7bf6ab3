// A look at each frame before it is acted on, as a team's own rules, counters or audits need it.
import type { ClientCommand, Frame } from '@maru/stomp';
import type { Principal } from '../identity/principal.ts';

export type InterceptorContext = {
  readonly sessionId: string;
  /** `null` before CONNECT was accepted. */
  readonly principal: Principal | null;
};

/**
 * Called for every frame a client sends, heart-beats aside, in the order they come, before the access rules; the frames
 * behind it wait while it does. Throws or rejects with a MaruError to refuse the frame. A frame that it returns takes the
 * place of the one that came; its command must be the same.
 */
export type Interceptor = {
  intercept(frame: Frame<ClientCommand>, context: InterceptorContext): Intercepted | Promise<Intercepted>;
};

// biome-ignore lint/suspicious/noConfusingVoidType: an interceptor that only looks returns nothing
export type Intercepted = Frame<ClientCommand> | void;
