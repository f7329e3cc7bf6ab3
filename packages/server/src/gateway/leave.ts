// The question that a gateway which ends has for a service: to send away whoever came through it.
import { request } from 'node:http';
import { GATEWAY_HEADER, leaveTarget } from '../http/leaving-gateway.ts';
import type { UpstreamTarget } from './upstream-addresses.ts';

export type Leave = {
  readonly gatewayId: string;
  readonly perSecond: number;
  readonly withinMs: number;
};

/** `null`: they are gone. A sentence: they aren't, as of a service that knows nothing of this, or is gone itself. */
export function askToSendAway(target: UpstreamTarget, leave: Leave): Promise<string | null> {
  return new Promise((resolve) => {
    const asked = request({
      ...target,
      method: 'DELETE',
      path: leaveTarget(leave.perSecond),
      agent: false,
      headers: { Host: 'localhost', Connection: 'close', [GATEWAY_HEADER]: leave.gatewayId },
    });
    const timer = setTimeout(() => end(`no answer within ${leave.withinMs} ms`), leave.withinMs);
    const end = (problem: string | null): void => {
      clearTimeout(timer);
      asked.destroy();
      resolve(problem);
    };
    asked.once('response', ({ statusCode }) => end(statusCode === 204 ? null : `it answered ${statusCode}`));
    // An error after the end is of the connection that was let go.
    asked.on('error', (error) => end(error.message));
    asked.end();
  });
}
