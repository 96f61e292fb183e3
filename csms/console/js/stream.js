// The event stream, read with fetch because EventSource cannot send a token. Opened again for ever, going on after the last event.
import { headers } from './api.js';

const WAITS_MS = [1000, 2000, 4000, 8000];
const SILENCE_MS = 40_000; // a comment comes every 15 s

// `heard` gets each event; `state` is told when the stream begins (true) and when it is lost (false).
export async function follow(heard, state) {
  let last = null;
  for (let tries = 0; ; tries++) {
    try {
      const response = await fetch('/api/events', { headers: headers(last ? { 'Last-Event-ID': last } : {}) });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      state(true);
      tries = 0;
      for await (const event of events(response.body)) {
        last = event.id;
        heard(JSON.parse(event.data));
      }
    } catch {
      // the wait below; what was lost is asked for again
    }
    state(false);
    await new Promise(done => setTimeout(done, WAITS_MS[Math.min(tries, WAITS_MS.length - 1)]));
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const silence = setTimeout(() => reader.cancel(), SILENCE_MS);
    const { done, value } = await reader.read();
    clearTimeout(silence);
    if (done) return;
    text += value;
    for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
      const fields = Object.fromEntries(text.slice(0, end).split('\n').map(line => line.split(/: (.*)/s, 2)));
      if (fields.data) yield fields;
    }
  }
}
