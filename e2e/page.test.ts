// What the page does with messages and rooms: two browsers and what each sees of the other's doing.
import type { MemberPage } from '@maru/contract';
import { describe, expect, it } from 'vitest';
import type { ChatPage } from './chat-page.ts';
import { usePages } from './pages.ts';
import { call, createRoom, signUp } from './people.ts';
import { useMaru } from './topology.ts';

describe('on the page', () => {
  const maru = useMaru('together');
  const { openPage, openRoom } = usePages(maru);

  it('an edited, a deleted and a liked message look the same to both, also after a reload', async () => {
    const { ann, bo } = await openRoom('The workshop');
    for (const content of ['Hello wrold', 'Not for here', 'Tea is ready']) await ann.write(content);
    await bo.see('Tea is ready');
    await ann.edit('Hello wrold', 'Hello world');
    await ann.delete('Not for here');
    await bo.act('Tea is ready', 'React with 👍');
    await ann.line('Tea is ready').getByRole('button', { name: '👍, 1 person' }).click();
    await bo.act('Tea is ready', 'React with 🎉');
    await ann.line('Tea is ready').getByRole('button', { name: '🎉, 1 person' }).click();
    await bo.line('Tea is ready').getByRole('button', { name: '🎉, 2 people' }).click();
    const outcomes = [
      { content: 'Hello world', edited: true, reactions: [] },
      { content: 'Message deleted', edited: false, reactions: [] },
      { content: 'Tea is ready', edited: false, reactions: ['👍 2', '🎉 1'] },
    ];
    for (const page of [ann, bo]) {
      await expect.poll(() => page.outcomes(), { timeout: 10_000 }).toEqual(outcomes);
    }
    // Whose the reactions are is for each to see.
    const pressed = (page: ChatPage) =>
      page
        .line('Tea is ready')
        .locator('.chip')
        .evaluateAll((chips) => chips.map((chip) => chip.getAttribute('aria-pressed')));
    expect([await pressed(ann), await pressed(bo)]).toEqual([
      ['true', 'true'],
      ['true', 'false'],
    ]);
    // Another's message has no way to edit it, and only who owns the room may delete it.
    await bo.line('Hello world').getByRole('button', { name: 'Actions for this message' }).click();
    expect(
      await bo
        .line('Hello world')
        .getByRole('button', { name: /^(Edit|Delete)$/ })
        .count(),
    ).toBe(0);
    await bo.page.reload();
    await bo.seeRoom('The workshop');
    await expect.poll(() => bo.outcomes()).toEqual(outcomes);
    for (const page of [ann, bo]) expect(page.complaints).toEqual([]);
  });

  it('what is unread is counted in the list until it is seen, and who types is named', async () => {
    const { ann, bo } = await openRoom('The cellar');
    await ann.createRoom('The attic');
    for (const content of ['one', 'two', 'three']) await bo.write(content);
    await ann.room('The cellar').getByText('3 unread').waitFor();
    await ann.room('The cellar').getByText('Bo: three').waitFor();
    await ann.openRoom('The cellar');
    await ann.see('three');
    await ann.openRoom('The attic');
    await ann.room('The cellar').getByText('Bo: three').waitFor();
    await ann.room('The cellar').getByText('unread').waitFor({ state: 'detached' });
    // Also as the server has it.
    await ann.page.reload();
    await ann.seeRoom('The attic');
    await ann.room('The cellar').getByText('Bo: three').waitFor();
    expect(await ann.room('The cellar').getByText('unread').count()).toBe(0);

    await ann.openRoom('The cellar');
    await bo.page.getByRole('textbox', { name: 'Message' }).pressSequentially('four');
    await ann.page.getByText('Bo is typing…').waitFor();
    await bo.page.keyboard.press('Enter');
    await ann.see('four');
    await ann.page.getByText('Bo is typing…').waitFor({ state: 'detached' });
    for (const page of [ann, bo]) expect(page.complaints).toEqual([]);
  });

  it('somebody is found by name and written to alone; what was said is found by its words', async () => {
    const { ann, bo } = await openRoom('The garden');
    const name = 'Cy';
    const cy = await openPage();
    await cy.signUp(name);
    const search = ann.page.getByRole('searchbox', { name: 'Search people and messages' });
    await search.fill(name);
    await ann.page.getByRole('button', { name: `Write to ${name}` }).click();
    await ann.seeRoom(name);
    await ann.write('Just between us: the plums are ripe');
    await cy.openRoom('Ann');
    await cy.see('Just between us: the plums are ripe');
    await cy.write('그럼 자두 따러 갈게요');
    await ann.see('그럼 자두 따러 갈게요');

    await ann.openRoom('The garden');
    await search.fill('자두');
    await ann.page.getByRole('link', { name: '그럼 자두 따러 갈게요' }).click();
    await ann.seeRoom(name);
    await bo.page.getByRole('searchbox').fill('plums');
    await bo.page.getByText('Nothing found.').waitFor();
    for (const page of [ann, bo, cy]) expect(page.complaints).toEqual([]);
  });

  it('a room that is renamed says so; who is taken out of it, and who sees it deleted, is told', async () => {
    const dee = await signUp(maru, 'Dee');
    const roomId = await createRoom(maru, dee);
    const [ann, bo] = [await openPage(), await openPage()];
    await ann.signUp('Ann');
    await bo.signUp('Bo');
    for (const page of [ann, bo]) await page.joinRoom('Room of Dee');
    await call(maru, dee, `PATCH /api/rooms/${roomId}`, { name: 'The loft' });
    await ann.page.getByRole('heading', { name: 'The loft', level: 2 }).waitFor();
    await ann.see('Dee renamed the room to “The loft”');
    await ann.room('The loft').waitFor();

    const { members } = await call<MemberPage>(maru, dee, `GET /api/rooms/${roomId}/members`);
    const annId = members.find(({ name }) => name === 'Ann')?.userId;
    await call(maru, dee, `DELETE /api/rooms/${roomId}/members/${annId}`);
    await ann.page.getByRole('alert').getByText('You can no longer read this room.').waitFor();
    await bo.see('Ann left');
    await bo.page.getByRole('region', { name: 'The loft' }).getByText('2 people').waitFor();
    await call(maru, dee, `DELETE /api/rooms/${roomId}`);
    await bo.page.getByRole('alert').getByText('This room has been deleted.').waitFor();
    for (const page of [ann, bo]) {
      await page.room('The loft').waitFor({ state: 'detached' });
      expect(page.complaints).toEqual([]);
    }
  });
});
