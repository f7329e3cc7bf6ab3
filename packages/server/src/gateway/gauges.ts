// What of the upstreams is read anew for each question for metrics.
import type { Metrics } from '../telemetry/metrics.ts';
import type { UpstreamGroup } from './upstream-group.ts';

export function watchUpstreams(metrics: Metrics, groups: readonly UpstreamGroup[]): void {
  metrics.watch('maru_upstream_members', () =>
    groups.flatMap((group) =>
      Object.entries(group.countStates()).map(([state, value]) => ({
        labels: { upstream: group.name, state },
        value,
      })),
    ),
  );
  metrics.watch('maru_upstream_tunnels', () =>
    groups.flatMap((group) =>
      group.members.map((member) => ({
        labels: { upstream: group.name, address: member.name },
        value: member.tunnels,
      })),
    ),
  );
}
