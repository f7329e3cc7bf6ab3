// Every check, in the order of the checklist's sections.
import type { Check } from '../check.ts';
import { ACKNOWLEDGING } from './acknowledging.ts';
import { BODIES } from './bodies.ts';
import { CONNECTING } from './connecting.ts';
import { ESCAPING } from './escaping.ts';
import { GRAMMAR } from './grammar.ts';
import { HEART_BEATING } from './heart-beating.ts';
import { LIMITS } from './limits.ts';
import { RECEIPTS } from './receipts.ts';
import { SENDING } from './sending.ts';
import { SUBSCRIBING } from './subscribing.ts';
import { TRANSACTIONS } from './transactions.ts';

const SECTIONS: readonly (readonly Check[])[] = [
  [...GRAMMAR, ...BODIES],
  ESCAPING,
  CONNECTING,
  HEART_BEATING,
  SENDING,
  SUBSCRIBING,
  ACKNOWLEDGING,
  TRANSACTIONS,
  RECEIPTS,
  LIMITS,
];

const byRow = (one: Check, other: Check): number => one.row.localeCompare(other.row);

export const CHECKS: readonly Check[] = SECTIONS.flatMap((section) => section.toSorted(byRow));
