// The metrics of a process, as Prometheus reads them.
import { expect, test } from 'vitest';
import { METRICS } from '../../src/telemetry/metric-table.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';

/** The lines of Maru's own series. */
async function series(metrics: Metrics): Promise<string[]> {
  const { body } = await metrics.text();
  return body.split('\n').filter((line) => line.startsWith('maru_'));
}

test('every metric of the table has its help and its kind, and those of Node itself are there', async () => {
  const { body, contentType } = await new Metrics().text();
  expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  for (const [name, { kind, help }] of Object.entries(METRICS)) {
    expect(body).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`);
  }
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'nodejs_eventloop_lag_seconds',
  ])
    expect(body).toMatch(new RegExp(`^${name} `, 'm'));
});

test('counters say what was counted so far, also on the second reading, and before the first', async () => {
  const metrics = new Metrics();
  const { counts } = metrics;
  counts.framesReceived += 3;
  counts.readsPaused.rate += 1;
  counts.refused('overloaded');
  expect(await series(metrics)).toEqual(
    expect.arrayContaining([
      'maru_frames_received_total 3',
      'maru_reads_paused_total{reason="in-flight"} 0',
      'maru_reads_paused_total{reason="rate"} 1',
      'maru_refusals_total{code="overloaded"} 1',
      'maru_nacks_total 0',
    ]),
  );
  counts.framesReceived += 1;
  counts.refused('overloaded');
  counts.refused('too-slow');
  expect(await series(metrics)).toEqual(
    expect.arrayContaining([
      'maru_frames_received_total 4',
      'maru_refusals_total{code="overloaded"} 2',
      'maru_refusals_total{code="too-slow"} 1',
    ]),
  );
});

test('close codes that only applications know are one series, however many a client makes up', async () => {
  const metrics = new Metrics();
  for (let code = 3000; code < 5000; code++) metrics.counts.closed(code);
  metrics.counts.closed(1000);
  const closes = (await series(metrics)).filter((line) => line.startsWith('maru_session_closes_total'));
  expect(closes.sort()).toEqual([
    'maru_session_closes_total{code="1000"} 1',
    'maru_session_closes_total{code="own"} 2000',
  ]);
});

test('a gauge is read anew each time; one of a role that runs elsewhere is not shown', async () => {
  const metrics = new Metrics();
  let pending = 7;
  expect((await series(metrics)).filter((line) => line.startsWith('maru_append_pending'))).toEqual([]);
  metrics.watch('maru_append_pending', () => pending);
  metrics.watch('maru_sessions', () => [
    { labels: { state: 'connected' }, value: 2 },
    { labels: { state: 'closing' }, value: 1 },
  ]);
  expect(await series(metrics)).toEqual(
    expect.arrayContaining([
      'maru_append_pending 7',
      'maru_sessions{state="connected"} 2',
      'maru_sessions{state="closing"} 1',
    ]),
  );
  pending = 0;
  expect(await series(metrics)).toContain('maru_append_pending 0');
  expect((await series(metrics)).filter((line) => line.startsWith('maru_subscriptions'))).toEqual([]);
});

test('two of them in one process know nothing of each other', async () => {
  const [one, other] = [new Metrics(), new Metrics()];
  one.counts.nacks += 5;
  expect(await series(one)).toContain('maru_nacks_total 5');
  expect(await series(other)).toContain('maru_nacks_total 0');
});
