// The whole page: signed out or signed in, in one language or another.
import { Account, ChatClient, ClientError, RestClient } from '@maru/client';
import type { Me } from '@maru/contract';
import { browserStorage } from './browser-storage.ts';
import { createChatScreen } from './chat-screen.ts';
import { button, element, type View } from './element.ts';
import { createSignInView } from './sign-in-view.ts';
import { explain, preferredLanguage, TEXTS } from './texts.ts';

type SignedIn = { readonly me: Me; readonly chat: ChatClient };

export class App {
  readonly #place: HTMLElement;
  readonly #gatewayUrl: string;
  readonly #account: Account;
  readonly #rest: RestClient;
  #language = preferredLanguage();
  #signedIn: SignedIn | null = null;
  #notice: string | null = null;
  #view: View | null = null;

  constructor(place: HTMLElement, gatewayUrl: string) {
    this.#place = place;
    this.#gatewayUrl = gatewayUrl;
    this.#account = new Account({ gatewayUrl, storage: browserStorage('maru.session') });
    this.#rest = new RestClient({ gatewayUrl, tokens: this.#account });
  }

  async open(): Promise<void> {
    this.#listenToBrowser();
    await this.#enter();
  }

  /** From a session token to the chat; without one, or with one that has ended, to signing in. */
  async #enter(): Promise<void> {
    if (!this.#account.signedIn) {
      this.#show();
      return;
    }
    try {
      const me = await this.#rest.me();
      const chat = new ChatClient({
        gatewayUrl: this.#gatewayUrl,
        tokens: this.#account,
        rest: this.#rest,
      });
      chat.onStatus(({ state }) => {
        if (state === 'refused') void this.#leave(TEXTS[this.#language].sessionEnded);
      });
      this.#signedIn = { me, chat };
      this.#notice = null;
      chat.connect();
      this.#show();
    } catch (error) {
      if (error instanceof ClientError && error.status === 401) {
        await this.#leave(TEXTS[this.#language].sessionEnded);
      } else this.#showTrouble(error);
    }
  }

  async #leave(notice: string | null): Promise<void> {
    const chat = this.#signedIn?.chat;
    this.#signedIn = null;
    this.#notice = notice;
    const signedOut = this.#account.signOut();
    this.#show();
    await Promise.all([chat?.close(), signedOut]);
  }

  #show(): void {
    const language = this.#language;
    const texts = TEXTS[language];
    document.documentElement.lang = language;
    this.#view?.close();
    const common = {
      language,
      texts,
      onLanguage: (chosen: typeof language) => {
        this.#language = chosen;
        this.#show();
      },
    };
    this.#view =
      this.#signedIn === null
        ? createSignInView({
            ...common,
            account: this.#account,
            notice: this.#notice,
            onSignedIn: () => void this.#enter(),
          })
        : createChatScreen({
            ...common,
            ...this.#signedIn,
            rest: this.#rest,
            onSignOut: () => void this.#leave(null),
          });
    this.#place.replaceChildren(this.#view.root);
  }

  /** Signed in, but the server can't say as whom: that is no reason to sign anybody out. */
  #showTrouble(error: unknown): void {
    const texts = TEXTS[this.#language];
    document.documentElement.lang = this.#language;
    this.#view?.close();
    this.#view = null;
    this.#place.replaceChildren(
      element(
        'main',
        { class: 'empty' },
        element('p', { role: 'alert', class: 'alert' }, explain(error, texts)),
        button(texts.tryAgain, { class: 'primary' }, () => void this.#enter()),
      ),
    );
  }

  #listenToBrowser(): void {
    // The heart-beats would find out too, but half a minute later.
    window.addEventListener('offline', () => this.#signedIn?.chat.reconnect());
    const tryNow = () => this.#signedIn?.chat.connect();
    window.addEventListener('online', tryNow);
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') tryNow();
    });
    // Signed out in another tab: here too.
    window.addEventListener('storage', () => {
      if (this.#signedIn !== null && !this.#account.signedIn) void this.#leave(null);
    });
  }
}
