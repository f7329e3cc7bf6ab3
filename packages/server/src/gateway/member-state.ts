// Whether one address of an upstream gets requests: states and events as a table, without clock or socket.

/** *healthy* gets requests; *ejected* (it failed those it got) and *unhealthy* (it fails checks) only if nobody is healthy; *leaving* none. */
export type MemberState = 'healthy' | 'ejected' | 'unhealthy' | 'leaving';

export type MemberEvent =
  /** An answer began that isn't one of a service that can't be had. */
  | 'served'
  /** A request or an upgrade got no such answer. */
  | 'failed'
  /** The same, and no other member is healthy. */
  | 'failed-alone'
  | 'check-passed'
  | 'check-failed'
  /** The time of an ejection is over. */
  | 'readmitted'
  /** The name no longer has this address, and then has it again. */
  | 'removed'
  | 'returned';

export type Health = {
  readonly state: MemberState;
  /** Failures since something was served. */
  readonly failures: number;
  /** Checks failed since one passed. */
  readonly failedChecks: number;
  /** Ejections since something was served: each is longer than the one before. */
  readonly ejections: number;
};

/** | bound | at it |
 *  |---|---|
 *  | `EJECT_AFTER` failures in a row | *ejected*; who is the last that is healthy stays, with one failure less than that |
 *  | `DOWN_AFTER` checks failed in a row | *unhealthy*, until one passes |
 *  | `MAX_EJECTION_MS` | no ejection is longer |
 */
export const EJECT_AFTER = 3;
export const DOWN_AFTER = 2;
const EJECTION_MS = 5_000;
const MAX_EJECTION_MS = 60_000;

export const NEW_MEMBER: Health = { state: 'healthy', failures: 0, failedChecks: 0, ejections: 0 };

type Step = (health: Health) => Health;

const stay: Step = (health) => health;
const leave: Step = (health) => ({ ...health, state: 'leaving' });
const admit: Step = (health) => ({ ...health, state: 'healthy', failures: 0 });
const passCheck: Step = (health) => ({ ...health, failedChecks: 0 });

const failCheck: Step = (health) => {
  const failedChecks = Math.min(health.failedChecks + 1, DOWN_AFTER);
  return { ...health, failedChecks, state: failedChecks === DOWN_AFTER ? 'unhealthy' : health.state };
};

const fail: Step = (health) => {
  const failures = health.failures + 1;
  if (failures < EJECT_AFTER) return { ...health, failures };
  return { ...health, state: 'ejected', failures: 0, ejections: health.ejections + 1 };
};

export const TRANSITIONS: Readonly<Record<MemberState, Readonly<Record<MemberEvent, Step>>>> = {
  healthy: {
    served: (health) => ({ ...health, failures: 0, ejections: 0 }),
    failed: fail,
    'failed-alone': (health) => ({ ...health, failures: Math.min(health.failures + 1, EJECT_AFTER - 1) }),
    'check-passed': passCheck,
    'check-failed': failCheck,
    readmitted: stay,
    removed: leave,
    returned: stay,
  },
  ejected: {
    // What it served was begun before, or because nobody was healthy: its time is not shortened by it.
    served: stay,
    failed: stay,
    'failed-alone': stay,
    'check-passed': passCheck,
    'check-failed': failCheck,
    readmitted: admit,
    removed: leave,
    returned: stay,
  },
  unhealthy: {
    served: stay,
    failed: stay,
    'failed-alone': stay,
    'check-passed': (health) => admit(passCheck(health)),
    'check-failed': stay,
    readmitted: stay,
    removed: leave,
    returned: stay,
  },
  leaving: {
    served: stay,
    failed: stay,
    'failed-alone': stay,
    'check-passed': stay,
    'check-failed': stay,
    readmitted: stay,
    removed: stay,
    returned: () => NEW_MEMBER,
  },
};

export function next(health: Health, event: MemberEvent): Health {
  return TRANSITIONS[health.state][event](health);
}

/** Between four fifths and all of it, so that several gateways don't come back to it at once. */
export function ejectionMs(ejections: number, random: number): number {
  return Math.min(EJECTION_MS * ejections, MAX_EJECTION_MS) * (0.8 + 0.2 * random);
}
