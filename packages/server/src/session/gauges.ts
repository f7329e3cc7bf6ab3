// What of sessions, subscriptions and the database is read anew for each question for metrics.
import type { Broker } from '../broker/broker.ts';
import type { Store } from '../store/store.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Endpoint } from './endpoint.ts';

export function watchSessions(metrics: Metrics, endpoint: Endpoint, broker: Broker, store: Store): void {
  metrics.watch('maru_sessions', () =>
    Object.entries(endpoint.countStates()).map(([state, value]) => ({ labels: { state }, value })),
  );
  metrics.watch('maru_subscriptions', () => broker.subscriptions);
  metrics.watch('maru_subscriptions_behind', () => broker.behind);
  metrics.watch('maru_append_pending', () => store.pending);
  metrics.watch('maru_outbound_octets', () => endpoint.outboundOctets.all);
  metrics.watch('maru_outbound_octets_max', () => endpoint.outboundOctets.most);
}
