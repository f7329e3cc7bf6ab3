// How much a metric grows while something happens: what an operator sees of a limit.
import type { ErrorCode } from '@maru/contract';
import type { Chat } from './chat-fixture.ts';

/** @param series such as `maru_reads_paused_total{reason="rate"}` */
export async function growthOf(
  chat: Chat,
  series: string,
  happening: () => Promise<unknown>,
): Promise<number> {
  const before = await chat.metric(series);
  await happening();
  return (await chat.metric(series)) - before;
}

/** How often something is refused with this code meanwhile. */
export function refusalsDuring(
  chat: Chat,
  code: ErrorCode,
  happening: () => Promise<unknown>,
): Promise<number> {
  return growthOf(chat, `maru_refusals_total{code="${code}"}`, happening);
}

/** Resolves when a metric is so high. */
export async function reaches(chat: Chat, series: string, least: number): Promise<void> {
  while ((await chat.metric(series)) < least) await new Promise((resolve) => setImmediate(resolve));
}
