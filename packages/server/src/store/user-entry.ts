// The entry of a person: under one id, issuer and subject, by the name they have now.
import { wordsOfName } from './name-words.ts';
import { row, run } from './steps.ts';
import { encodeError } from './wire-error.ts';
import type { WriteSql } from './write-sql.ts';
import type { WriteRules } from './writes.ts';

export function createUserEntry(sql: WriteSql): WriteRules['enterUser'] {
  const { findUser, findSubject, enterUser, insertUserWord, deleteUserWord } = sql;
  return function* ({ userId, issuer, subject, name }) {
    const known = yield* row<UserRow>(findUser, userId);
    if (known?.issuer === issuer && known.subject === subject && known.name === name) {
      return { value: null, committed: [] };
    }
    const namesake = (yield* row<{ user_id: string }>(findSubject, issuer, subject))?.user_id;
    if (namesake !== undefined && namesake !== userId) {
      return { error: encodeError(new Error('this issuer and subject are entered under another user id')) };
    }
    yield* run(enterUser, userId, issuer, subject, name);
    for (const word of known === undefined ? [] : wordsOfName(known.name)) {
      yield* run(deleteUserWord, word, userId);
    }
    for (const word of wordsOfName(name)) yield* run(insertUserWord, word, userId);
    return { value: null, committed: [] };
  };
}

type UserRow = { readonly issuer: string; readonly subject: string; readonly name: string };
