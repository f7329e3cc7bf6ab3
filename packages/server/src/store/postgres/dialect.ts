// A statement written for SQLite, as PostgreSQL takes it.

/**
 * What differs, and all of it: the numbers of parameters; INDEXED BY and CROSS JOIN, by which SQLite is held to a plan
 * (PostgreSQL's planner is held by the settings of the connection, connection.ts); lists given as JSON, of ids and of numbers.
 */
function forPostgres(sql: string): string {
  let count = 0;
  return sql
    .replaceAll(
      'room_id IN (SELECT value FROM json_each(?1))',
      'room_id = ANY (ARRAY(SELECT json_array_elements_text(?1::json)))',
    )
    .replaceAll(/ INDEXED BY \w+/g, '')
    .replaceAll(/\bCROSS JOIN\b/g, 'JOIN')
    .replaceAll(
      /\bIN \(SELECT value FROM json_each\((\?\d*)\)\)/g,
      '= ANY (ARRAY(SELECT value::bigint FROM json_array_elements_text($1::json)))',
    )
    .replaceAll(/\?(\d*)/g, (_, number: string) => {
      count += 1;
      return `$${number === '' ? count : number}`;
    });
}

export function tableForPostgres<Name extends string>(table: { readonly [K in Name]: string }) {
  const texts = Object.entries<string>(table).map(([name, sql]) => [name, forPostgres(sql)]);
  return Object.fromEntries(texts) as { readonly [K in Name]: string };
}
