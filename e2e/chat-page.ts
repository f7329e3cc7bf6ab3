// A person at the page: what they do there, and what they see.
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';

/** The words by which things on the page are found. */
const WORDS = {
  en: { name: 'Name', email: 'Email', password: 'Password', signUp: 'Create account', message: 'Message' },
  ko: { name: '이름', email: '이메일', password: '비밀번호', signUp: '가입하기', message: '메시지 입력' },
} as const;

const TO_SIGN_UP = { en: 'New here? Create an account', ko: '처음이신가요? 계정 만들기' } as const;

export type Line = { readonly sender: string; readonly content: string; readonly time: string };

/** What came of a message. */
export type Outcome = {
  readonly content: string;
  readonly edited: boolean;
  /** As the chips say it: `👍 2`. */
  readonly reactions: readonly string[];
};

const PATIENCE_MS = 20_000;
/** Longer than a lost connection ever waits for its next try here. */
const RECONNECT_PATIENCE_MS = 40_000;

let peopleMade = 0;

export class ChatPage {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the browser complained of: errors of scripts, refused requests, violations of the page's policy. */
  readonly complaints: string[] = [];
  readonly #language: 'en' | 'ko';

  private constructor(context: BrowserContext, page: Page, language: 'en' | 'ko') {
    this.context = context;
    this.page = page;
    this.#language = language;
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(String(error)));
  }

  /** A browser of their own: nothing is shared with other people's. */
  static async open(browser: Browser, url: string, language: 'en' | 'ko' = 'en'): Promise<ChatPage> {
    const context = await browser.newContext({ locale: language === 'ko' ? 'ko-KR' : 'en-GB' });
    context.setDefaultTimeout(PATIENCE_MS);
    const chat = new ChatPage(context, await context.newPage(), language);
    await chat.page.goto(url);
    return chat;
  }

  async signUp(name: string): Promise<void> {
    const words = WORDS[this.#language];
    const { page } = this;
    peopleMade += 1;
    await page.getByRole('button', { name: TO_SIGN_UP[this.#language] }).click();
    await page.getByLabel(words.name, { exact: true }).fill(name);
    await page.getByLabel(words.email).fill(`page-${process.pid}-${peopleMade}@example.com`);
    await page.getByLabel(words.password).fill('correct horse battery');
    await page.getByRole('button', { name: words.signUp, exact: true }).click();
    await page.getByRole('navigation').getByText(name).waitFor();
  }

  async createRoom(name: string): Promise<void> {
    const { page } = this;
    await page.getByRole('button', { name: 'New room' }).click();
    await page.getByLabel('Room name').fill(name);
    await page.getByRole('button', { name: 'Create room' }).click();
    await this.seeRoom(name);
  }

  async joinRoom(name: string): Promise<void> {
    await this.page.getByRole('button', { name: `Join ${name}` }).click();
    await this.seeRoom(name);
  }

  /** The room is open and all that was said in it so far is shown. */
  async seeRoom(name: string): Promise<void> {
    await this.page.getByRole('heading', { name, level: 2 }).waitFor();
    await this.page.locator('[role=log][aria-busy=false]').waitFor();
  }

  /** Types it and presses Enter. */
  async write(content: string): Promise<void> {
    const composer = this.page.getByRole('textbox', { name: WORDS[this.#language].message });
    await composer.fill(content);
    await composer.press('Enter');
  }

  async see(text: string): Promise<void> {
    await this.page.getByRole('log').getByText(text, { exact: true }).waitFor();
  }

  /** What is said of the connection. */
  async seeStatus(text: string): Promise<void> {
    await this.page.getByRole('status').getByText(text).waitFor({ timeout: RECONNECT_PATIENCE_MS });
  }

  /** Every line of the room from the first to the last; those not stored yet have no time. */
  lines(): Promise<Line[]> {
    return this.page.locator('[role=log] li.line').evaluateAll((items) =>
      items.map((item) => ({
        sender: item.querySelector('.sender')?.textContent ?? '',
        content: item.querySelector('.bubble')?.textContent ?? '',
        time: item.querySelector('time')?.textContent ?? '',
      })),
    );
  }

  async contents(): Promise<string[]> {
    return (await this.lines()).map(({ content }) => content);
  }

  /** Every message of the room with what came of it. */
  outcomes(): Promise<Outcome[]> {
    return this.page.locator('[role=log] li.line').evaluateAll((items) =>
      items.map((item) => ({
        content: item.querySelector('.bubble')?.textContent ?? '',
        edited: item.querySelector('.edited')?.textContent === 'edited',
        reactions: [...item.querySelectorAll('.chip')].map((chip) => chip.textContent ?? ''),
      })),
    );
  }

  /** With the keyboard alone: to the message's button, into its row, and Enter on `action`. */
  async act(content: string, action: string): Promise<void> {
    const line = this.line(content);
    await line.getByRole('button', { name: 'Actions for this message' }).focus();
    await this.page.keyboard.press('Enter');
    const wanted = line.getByRole('group').getByRole('button', { name: action });
    await wanted.waitFor();
    for (let tabs = 0; tabs < 20 && !(await isFocused(wanted)); tabs += 1)
      await this.page.keyboard.press('Tab');
    await this.page.keyboard.press('Enter');
  }

  async edit(content: string, better: string): Promise<void> {
    await this.act(content, 'Edit');
    const editor = this.page.getByRole('textbox', { name: 'Edit message' });
    await editor.fill(better);
    await editor.press('Enter');
    await this.see(better);
  }

  async delete(content: string): Promise<void> {
    const line = this.line(content);
    await this.act(content, 'Delete');
    await line.getByText('Delete for everyone?').waitFor();
    await this.page.keyboard.press('Enter');
    await line.waitFor({ state: 'detached' });
  }

  line(content: string): Locator {
    return this.page.locator('[role=log] li.line').filter({ hasText: content });
  }

  /** A room in the list of one's own. */
  room(name: string): Locator {
    return this.page.getByRole('region', { name: 'Your rooms' }).getByRole('link', { name });
  }

  async openRoom(name: string): Promise<void> {
    await this.room(name).click();
    await this.seeRoom(name);
  }
}

function isFocused(element: Locator): Promise<boolean> {
  return element.evaluate((it) => it === it.ownerDocument.activeElement);
}
