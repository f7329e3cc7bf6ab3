// What a check is: one sentence of a checklist row, and how to see from outside whether a server keeps it.
import type { Peer } from './peer.ts';
import type { Version } from './stomp-frame.ts';

export type Level = 'MUST' | 'SHOULD' | 'MAY';

export type Check = {
  /** Of the checklist: `F01`. */
  readonly row: string;
  readonly level: Level;
  /** Not in the STOMP specification: a choice of Maru's contract, which no other server has to share. */
  readonly ours?: true;
  readonly versions: readonly Version[];
  /** It mostly waits for time to pass. */
  readonly waits?: true;
  /** What the server has to do, as a sentence. */
  readonly requirement: string;
  /** Resolves, perhaps with what was seen; throws Unmet or Unseen. */
  run(peer: Peer, version: Version): Promise<string | undefined> | Promise<void>;
};

export const ALL: readonly Version[] = ['1.0', '1.1', '1.2'];
export const SINCE_1_1: readonly Version[] = ['1.1', '1.2'];
export const ONLY_1_0: readonly Version[] = ['1.0'];
export const ONLY_1_1: readonly Version[] = ['1.1'];
export const ONLY_1_2: readonly Version[] = ['1.2'];
