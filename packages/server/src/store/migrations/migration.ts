// What one step of the schema is.
export type Migration = {
  /** Recorded in the database; begins with the step's number. */
  readonly name: string;
  readonly sql: string;
};
