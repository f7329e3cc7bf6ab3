// Does a reader miss anything whose connection is cut again and again? 12 readers, 3 rooms, writers that write at random.
// Run: node bench/resume.ts [--drops N] [--seed N] [--json FILE]
import { parseArgs } from 'node:util';
import { type ResumeResult, runResume } from '../packages/server/test/session/resume-run.ts';
import { beginReport } from './measuring/report.ts';

export type ResumeFigures = ResumeResult & { readonly seed: number };

const { values } = parseArgs({
  options: {
    drops: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() >>> 0) },
    json: { type: 'string' },
  },
});
const seed = Number(values.seed);
const endReport = beginReport<ResumeFigures>(values.json);

const result = await runResume({ drops: Number(values.drops), seed });
const text = (count: number): string => count.toLocaleString('en');
console.log(
  `${text(result.drops)} connections cut in ${(result.ms / 1_000).toFixed(0)} s, seed ${seed}: ` +
    `${text(result.entries)} entries, ${text(result.deliveries)} deliveries, ${text(result.pagesRead)} pages of the log read`,
);
const { lost, doubled, inverted, foreign } = result;
if (lost + doubled + inverted + foreign > 0) {
  throw new Error(
    `${lost} lost, ${doubled} doubled, ${inverted} out of order, ${foreign} not those of the log`,
  );
}
console.log('checked: each reader heard each log whole, each entry once, in order, with the body of the log');
endReport({ ...result, seed });
