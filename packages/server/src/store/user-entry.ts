// The entry of a person: under one id, issuer and subject, by the name they have now.
import { wordsOfName } from './name-words.ts';
import { encodeError } from './wire-error.ts';
import type { WriteStatements } from './write-statements.ts';
import type { WriteOperations } from './writes.ts';

export function createUserEntry(statements: WriteStatements): WriteOperations['enterUser'] {
  const { findUser, findSubject, enterUser, insertUserWord, deleteUserWord } = statements;
  return ({ userId, issuer, subject, name }) => {
    const known = findUser.get(userId);
    if (known?.issuer === issuer && known.subject === subject && known.name === name) {
      return { value: null, committed: [] };
    }
    const namesake = findSubject.get(issuer, subject)?.user_id;
    if (namesake !== undefined && namesake !== userId) {
      return { error: encodeError(new Error('this issuer and subject are entered under another user id')) };
    }
    enterUser.run(userId, issuer, subject, name);
    for (const word of known === undefined ? [] : wordsOfName(String(known.name))) {
      deleteUserWord.run(word, userId);
    }
    for (const word of wordsOfName(name)) insertUserWord.run(word, userId);
    return { value: null, committed: [] };
  };
}
