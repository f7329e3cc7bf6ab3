// The metrics of one process in Prometheus' text format, read from plain numbers when somebody asks.
import type { Registry } from 'prom-client';
import { Counts } from './counts.ts';
import { type CounterName, type GaugeName, METRICS, type MetricName } from './metric-table.ts';

/** A series and its value now. */
export type Sample = { readonly labels?: Readonly<Record<string, string>>; readonly value: number };

const one = (value: number): readonly Sample[] => [{ value }];
const each = <Key extends string | number>(label: string, values: Iterable<readonly [Key, number]>) =>
  Array.from(values, ([key, value]): Sample => ({ labels: { [label]: String(key) }, value }));

/** Where each counter is counted. */
const COUNTED: Readonly<Record<CounterName, (counts: Counts) => readonly Sample[]>> = {
  maru_frames_received_total: (counts) => one(counts.framesReceived),
  maru_messages_delivered_total: (counts) => one(counts.messagesDelivered),
  maru_ephemeral_dropped_total: (counts) => one(counts.ephemeralDropped),
  maru_log_pages_read_total: (counts) => one(counts.pagesRead),
  maru_nacks_total: (counts) => one(counts.nacks),
  maru_reads_paused_total: (counts) => each('reason', Object.entries(counts.readsPaused)),
  maru_refusals_total: (counts) => each('code', counts.refusals),
  maru_session_closes_total: (counts) => each('code', counts.closes),
};

const GAUGES = (Object.keys(METRICS) as MetricName[]).filter(isGauge);

/**
 * One for each process. The metrics of Node itself are measured from the first `text()` on: until then nothing is loaded
 * and nothing runs.
 */
export class Metrics {
  readonly counts = new Counts();
  readonly #gauges = new Map<GaugeName, () => readonly Sample[]>();
  #registry: Promise<Registry> | undefined;

  /** Where a gauge is read. One that nobody has said this of isn't shown: its role runs elsewhere. */
  watch(name: GaugeName, read: () => readonly Sample[] | number): void {
    this.#gauges.set(name, () => {
      const value = read();
      return typeof value === 'number' ? one(value) : value;
    });
  }

  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    this.#registry ??= this.#open();
    const registry = await this.#registry;
    return { contentType: registry.contentType, body: await registry.metrics() };
  }

  async #open(): Promise<Registry> {
    const { collectDefaultMetrics, Counter, Gauge, Registry } = await import('prom-client');
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    for (const [name, read] of Object.entries(COUNTED) as [CounterName, (typeof COUNTED)[CounterName]][]) {
      const { counts } = this;
      new Counter({
        ...definitionOf(name),
        registers: [registry],
        collect() {
          this.reset();
          for (const { labels = {}, value } of read(counts)) this.inc(labels, value);
        },
      });
    }
    const gauges = this.#gauges;
    for (const name of GAUGES) {
      new Gauge({
        ...definitionOf(name),
        registers: [registry],
        collect() {
          this.reset();
          const read = gauges.get(name);
          // A gauge without labels is 0 until it is set, which would be said of a role that isn't here.
          if (read === undefined && METRICS[name].labels.length === 0) this.remove();
          for (const { labels = {}, value } of read?.() ?? []) this.set(labels, value);
        },
      });
    }
    return registry;
  }
}

function isGauge(name: MetricName): name is GaugeName {
  return METRICS[name].kind === 'gauge';
}

function definitionOf(name: MetricName): { name: string; help: string; labelNames: string[] } {
  const { help, labels } = METRICS[name];
  return { name, help, labelNames: [...labels] };
}
