// What one step of the schema on PostgreSQL is.

export type PostgresMigration = {
  /** Recorded in the database; begins with the step's number. */
  readonly name: string;
  /**
   * `expand`: a Maru that doesn't know the step works with it, so it is made while the older one runs. `contract`: it
   * doesn't; the step is made when none is left, and one that doesn't know it refuses to start.
   */
  readonly kind: 'expand' | 'contract';
  readonly sql: string;
};
