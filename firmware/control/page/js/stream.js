// The event stream: opened again for ever, going on after the last frame that was seen.
import { get } from './api.js';
import * as exchanges from './exchanges.js';
import { S, changed, now, take, takeHistory } from './store.js';

const PARTS = ['state', 'evse', 'station', 'link', 'registration', 'queue', 'settings', 'world', 'rules', 'scenario', 'diagnoses', 'usage'];
const WAITS_MS = [1000, 2000, 4000, 8000];
const SILENCE_MS = 12_000; // the station shows a sign of life every 5 s
const LOOK_MS = 2000;

let source = null;
let seen = performance.now();
let tries = 0;
let retry = null;
let lastFrame = null;
let onRefused = () => {};

// Begin. `refused` is called when the station wants a token first; it gets a function that begins anew.
export function begin(refused) {
  onRefused = refused;
  open();
  setInterval(() => { if (source && performance.now() - seen > SILENCE_MS) lost(); }, LOOK_MS);
  addEventListener('online', tryNow);
  document.addEventListener('visibilitychange', () => { if (!document.hidden && S.stale) tryNow(); });
}

export function tryNow() {
  clearTimeout(retry);
  open();
}

function open() {
  source?.close();
  seen = performance.now();
  source = new EventSource(`/api/events?${lastFrame ? `after=${lastFrame}` : 'since=0'}`);
  for (const name of PARTS) source.addEventListener(name, event => heard(name, event));
  source.addEventListener('frame', event => {
    seen = performance.now();
    lastFrame = event.lastEventId;
    exchanges.take(JSON.parse(event.data));
  });
  source.addEventListener('gap', event => exchanges.gap(JSON.parse(event.data).missed));
  source.addEventListener('alive', () => { seen = performance.now(); });
  source.onerror = lost;
}

function heard(name, event) {
  seen = performance.now();
  take(name, JSON.parse(event.data));
  if (name !== 'state') return;
  tries = 0;
  get('/api/history').then(takeHistory, () => {}); // a station without one still draws from now on
}

async function lost() {
  source?.close();
  source = null;
  S.stale ??= { since: performance.now(), at: now() };
  changed('stale');
  clearTimeout(retry);
  retry = setTimeout(open, WAITS_MS[Math.min(tries++, WAITS_MS.length - 1)]);
  if (await signedOut()) {
    clearTimeout(retry);
    onRefused(tryNow);
  }
}

async function signedOut() {
  try {
    const session = await get('/api/session');
    return session.token_needed && !session.signed_in;
  } catch {
    return false; // it is away
  }
}
