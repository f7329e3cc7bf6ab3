// What entries make of messages is what history shows, wherever a page was cut and however much the two overlap.
import type { ChatMessage, RoomEntry } from '@maru/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RoomMessages } from '../src/room-messages.ts';
import { type Actor, ANN, BO, ScriptedLog } from './scripted-log.ts';

type Step = { what: 'create' | 'edit' | 'delete' | 'react' | 'unreact' | 'join'; by: Actor; at: number };

const anyStep: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom('create', 'create', 'edit', 'delete', 'react', 'react', 'unreact', 'join'),
  by: fc.constantFrom(ANN, BO),
  at: fc.nat(1000),
});

/** Does it to the log; `null` if it changed nothing. */
function take(log: ScriptedLog, { what, by, at }: Step): RoomEntry | null {
  const messages = log.entries.filter((entry) => entry.type === 'message.created');
  const messageId = messages[at % Math.max(1, messages.length)]?.messageId ?? 'none';
  const emoji = ['👍', '❤️', '🎉'][at % 3] ?? '';
  switch (what) {
    case 'create':
      return log.create(by, `said ${at}`);
    case 'edit':
      return log.edit(by, messageId, `better ${at}`);
    case 'delete':
      return log.delete(by, messageId);
    case 'join':
      return log.join(by);
    default:
      return log.react(by, messageId, emoji, what === 'unreact');
  }
}

/** Which emoji comes first is history's to say; here only what there is of each. */
const plain = (messages: readonly ChatMessage[]) =>
  messages.map(({ reactions = [], ...rest }) => ({
    ...rest,
    reactions: reactions.toSorted((a, b) => a.emoji.localeCompare(b.emoji)),
  }));

describe('messages of a room', () => {
  test('a page and all entries after it, also ones that are in it already, are what history shows in the end', () => {
    fc.assert(
      fc.property(
        fc.array(anyStep, { maxLength: 60 }),
        fc.nat(),
        fc.nat(),
        fc.boolean(),
        (steps, cutAt, overlap, isReplayed) => {
          const log = new ScriptedLog();
          const cut = cutAt % (steps.length + 1);
          for (const step of steps.slice(0, cut)) take(log, step);
          const page = log.page(ANN.userId);
          const pageHead = log.head;
          const live = steps.slice(cut).flatMap((step) => take(log, step) ?? []);
          // What comes live has what there was then; what is replayed is what the log has kept.
          const from = pageHead - (overlap % (pageHead + 1));
          const entries = isReplayed
            ? log.entries.slice(from)
            : [...log.entries.slice(from, pageHead), ...live];

          const messages = new RoomMessages(ANN.userId);
          for (const message of page.messages) messages.apply(message, pageHead);
          for (const entry of entries) messages.apply(entry);
          const expected = log.page(ANN.userId).messages;
          expect(plain(expected.map(({ messageId }) => messages.get(messageId) as ChatMessage))).toEqual(
            plain(expected),
          );
        },
      ),
    );
  });

  test('an earlier page is right whatever comes live between asking for it and its coming', () => {
    fc.assert(
      fc.property(
        fc.array(anyStep, { maxLength: 40 }),
        fc.array(anyStep, { maxLength: 15 }),
        fc.array(anyStep, { maxLength: 15 }),
        fc.array(anyStep, { maxLength: 15 }),
        fc.integer({ min: 1, max: 5 }),
        (before, asked, read, after, limit) => {
          const log = new ScriptedLog();
          for (const step of before) take(log, step);
          const newest = log.page(ANN.userId, { limit });
          const messages = new RoomMessages(ANN.userId);
          for (const message of newest.messages) messages.apply(message, log.head);
          const first = newest.messages[0]?.seq;

          const live = (steps: readonly Step[]) => {
            for (const step of steps) {
              const entry = take(log, step);
              if (entry !== null) messages.apply(entry);
            }
          };
          const page = messages.awaitPage();
          live(asked);
          // The server reads the page here …
          const earlier = first === undefined ? { messages: [] } : log.page(ANN.userId, { before: first });
          const asOf = log.head;
          live(read);
          // … and here it comes.
          const added = page.add(earlier.messages, asOf);
          expect(added.map(({ seq }) => seq)).toEqual(earlier.messages.map(({ seq }) => seq));
          live(after);

          const expected = log.page(ANN.userId).messages;
          expect(plain(expected.map(({ messageId }) => messages.get(messageId) as ChatMessage))).toEqual(
            plain(expected),
          );
        },
      ),
    );
  });

  test('one says what changed, and nothing where nothing did', () => {
    const log = new ScriptedLog();
    const { messageId, seq } = log.create(BO, 'hello');
    const messages = new RoomMessages(ANN.userId);
    const created = log.entries[0] as RoomEntry;
    expect(messages.apply(created)).toMatchObject({ messageId, content: 'hello' });
    expect(messages.apply(created)).toBeNull();
    const liked = log.react(ANN, messageId, '👍') as RoomEntry;
    expect(messages.apply(liked)?.reactions).toEqual([{ emoji: '👍', count: 1, mine: true }]);
    expect(messages.apply(liked)).toBeNull();
    expect(messages.apply(log.join(ANN))).toBeNull();
    const unliked = log.react(ANN, messageId, '👍', true) as RoomEntry;
    expect(messages.apply(unliked)).not.toHaveProperty('reactions');
    const gone = log.delete(BO, messageId) as RoomEntry;
    expect(messages.apply(gone)).toMatchObject({ seq, content: null, deleted: true });
    // The log keeps what happened to it before; of that nothing comes back.
    expect(messages.apply({ ...liked, seq: gone.seq + 1 })).toBeNull();
  });

  test('after a reset nothing of what was known counts', () => {
    const old = new ScriptedLog();
    const { messageId } = old.create(BO, 'old');
    const messages = new RoomMessages(ANN.userId);
    messages.apply(old.entries[0] as RoomEntry);
    messages.clear();
    expect(messages.get(messageId)).toBeUndefined();
    const replaced = new ScriptedLog('e2');
    replaced.create(BO, 'new');
    expect(messages.apply(replaced.entries[0] as RoomEntry)).toMatchObject({ messageId, content: 'new' });
  });
});
