// The reactions to a message: what there is of each, and one's own to add or take away.
import type { ChatMessage } from '@maru/contract';
import { button, element } from './element.ts';
import type { Texts } from './texts.ts';

type Reactions = NonNullable<ChatMessage['reactions']>;

export type ReactionChips = { readonly root: HTMLElement; show(reactions: Reactions): void };

export function createReactionChips(
  texts: Texts,
  onToggle: (emoji: string, remove: boolean) => Promise<void>,
): ReactionChips {
  const root = element('div', { class: 'chips', role: 'group', 'aria-label': texts.reactions, hidden: true });
  const chips = new Map<string, { readonly root: HTMLButtonElement; readonly count: HTMLElement }>();

  function chipOf(emoji: string) {
    const count = element('span', { class: 'count' });
    const chip = button('', { class: 'chip' }, () => {
      const remove = chip.getAttribute('aria-pressed') === 'true';
      chip.disabled = true;
      const done = () => {
        chip.disabled = false;
      };
      // What failed shows by the chip's staying as it was.
      void onToggle(emoji, remove).then(done, done);
    });
    chip.append(emoji, ' ', count);
    return { root: chip, count };
  }

  return {
    root,
    show(reactions) {
      for (const [emoji, chip] of chips) {
        if (reactions.some((reaction) => reaction.emoji === emoji)) continue;
        chip.root.remove();
        chips.delete(emoji);
      }
      // Kept where they are: a chip that is made anew loses the focus of whoever pressed it.
      for (const { emoji, count, mine } of reactions) {
        const chip = chips.get(emoji) ?? chipOf(emoji);
        if (!chips.has(emoji)) root.append(chip.root);
        chips.set(emoji, chip);
        chip.count.textContent = String(count);
        chip.root.setAttribute('aria-pressed', String(mine));
        chip.root.setAttribute('aria-label', texts.reaction(emoji, count));
      }
      root.hidden = reactions.length === 0;
    },
  };
}
