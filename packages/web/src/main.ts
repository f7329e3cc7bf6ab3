// The page's entry: learns where the gateway is, and opens the app.
import { App } from './app.ts';
import { element } from './element.ts';
import { preferredLanguage, TEXTS } from './texts.ts';

const place = document.querySelector<HTMLElement>('#app') ?? document.body;
const texts = TEXTS[preferredLanguage()];

async function readGatewayUrl(): Promise<string> {
  const response = await fetch('/config.json', { cache: 'no-store' });
  const { gatewayUrl } = (await response.json()) as { gatewayUrl: string };
  return new URL(gatewayUrl).origin;
}

try {
  await new App(place, await readGatewayUrl()).open();
} catch {
  place.replaceChildren(element('p', { class: 'empty', role: 'alert' }, texts.notConfigured));
}
