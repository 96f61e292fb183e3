// The shell: sections, focus, clock, theme, language, keys. Everything shown comes from the event stream.
import { act, get } from './api.js';
import * as bench from './bench.js';
import { $, h, icon, text } from './dom.js';
import { EvseView } from './evse.js';
import * as frames from './frames.js';
import * as link from './link.js';
import { askToken } from './login.js';
import * as scenario from './scenario.js';
import { isLive, isMock, stateOf } from './station.js';
import { S, follow, now } from './store.js';
import { begin, tryNow } from './stream.js';
import { dur, hms, lang, num, setLang, t } from './words.js';

const root = document.documentElement;
const TICK_MS = 500; // numbers change no more often
const THEIR_CHOICE_MS = 60_000; // so long the page does not take away what a person has chosen
const TABS = [['charge', 'bolt'], ['link', 'link'], ['frames', 'list'], ['bench', 'bench']];
const LANGUAGE = 'wayside.language', THEME = 'wayside.theme';

const views = new Map();
const states = new Map(); // as they were at the last look, for the automatic focus
let focus = null;
let chosenAt = -THEIR_CHOICE_MS;

// ---- EVSEs -----------------------------------------------------------------------------------------------------------

function choose(id) {
  if (!S.evses.has(id)) return;
  chosenAt = performance.now();
  setFocus(id);
}

function setFocus(id) {
  focus = id;
  arrange();
}

// The one in focus first, the others below it.
function arrange() {
  const ids = [...S.evses.keys()].sort((a, b) => (b === focus) - (a === focus) || a - b);
  for (const id of ids) {
    if (!views.has(id)) views.set(id, new EvseView(id, choose));
    $('#evses').append(views.get(id).element);
  }
  for (const [id, view] of views) {
    if (S.evses.has(id)) continue;
    view.element.remove();
    views.delete(id);
  }
  paintEvses();
  bench.build(focus);
}

function paintEvses() {
  for (const [id, view] of views) view.paint(id === focus);
  if (S.station && !S.evses.size) $('#evses').replaceChildren(h('p.empty', {}, t('noEvse')));
}

// The focus goes by itself only to a new fault or, when nothing charges, to a new car.
function attend() {
  const free = performance.now() - chosenAt > THEIR_CHOICE_MS;
  const here = S.evses.get(focus), charging = here?.transaction, faulted = here && stateOf(here) === 'fault'; // maybe the same fault
  for (const evse of S.evses.values()) {
    const state = stateOf(evse), before = states.get(evse.id);
    states.set(evse.id, state);
    if (before == null || before === state || !free || evse.id === focus) continue;
    if ((state === 'fault' && !faulted) || (!charging && !faulted && ['plugged', 'starting', 'charging'].includes(state))) setFocus(evse.id);
  }
}

follow('evse station world stale', () => {
  if (focus == null || !S.evses.has(focus)) focus = S.evses.keys().next().value ?? null;
  if (views.size !== S.evses.size) arrange();
  attend();
  // a new word is shown at once, numbers at the next tick
  if (S.stale || [...views].some(([id, view]) => view.state !== states.get(id))) paintEvses();
  announce();
});

let said = '';
function announce() {
  const words = [...S.evses.values()].map(evse => `${t('evse', { n: evse.id })} ${t(stateOf(evse))}`).join('. ');
  if (words !== said) text($('#say'), (said = words));
}

// ---- top -------------------------------------------------------------------------------------------------------------

const isDark = () => root.dataset.theme === 'dark' || (root.dataset.theme !== 'light' && matchMedia('(prefers-color-scheme:dark)').matches);

function shell() {
  document.querySelectorAll('[data-t]').forEach(element => text(element, t(element.dataset.t)));
  text($('#lang'), t('otherLanguage'));
  text($('#signout'), t('signOut'));
  text($('#theme'), t(isDark() ? 'themeDay' : 'themeNight'));
  $('#tabs').setAttribute('aria-label', t('sections'));
  $('#tabs').replaceChildren(...TABS.filter(([key]) => key !== 'bench' || isMock()).map(([key, name]) =>
    h('button', { type: 'button', 'data-k': key, 'aria-current': String(root.dataset.tab === key), onclick: () => setTab(key) }, icon(name, 24), t(`t_${key}`))));
}

let asked = false;
function identity() {
  const { station } = S;
  if (!asked) get('/api/session').then(({ token_needed: needed }) => { $('#signout').hidden = !needed; }, () => { asked = false; });
  asked = true;
  text($('#ident'), station.id);
  text($('#place'), `${station.vendor} ${station.model}`);
  text($('#board'), station.board);
}

let clockFor = '';
function clockControls() {
  const key = isMock() ? JSON.stringify([S.world.clock.speed, Math.round(S.world.clock.offset_s), lang()]) : '';
  if (key === clockFor) return;
  clockFor = key;
  $('#clk').replaceChildren(...(isMock() ? [bench.skewSegment(), bench.speedSegment()] : []));
}

function setTab(key) {
  root.dataset.tab = key;
  for (const button of $('#tabs').children) button.setAttribute('aria-current', String(button.dataset.k === key));
  link.toggle(key === 'link');
  scrollTo(0, 0);
  paintEvses();
}

function setWords(name) {
  setLang(name);
  shell();
  link.build();
  frames.build();
  scenario.build();
  for (const view of views.values()) view.forget();
  clockFor = '';
  said = '';
  if (S.station) { clockControls(); arrange(); }
  stale();
}

// ---- the page has lost the charge point ------------------------------------------------------------------------------

function stale() {
  const box = $('#stale'), lost = S.stale;
  box.hidden = !lost;
  root.classList.toggle('is-stale', !!lost);
  if (!lost) return;
  const words = S.station ? t('stale', { s: dur(performance.now() - lost.since), t: hms(lost.at) }) : t('connecting');
  if (!box.firstChild) box.replaceChildren(h('p'), h('button.btn.small', { type: 'button', onclick: tryNow }));
  text(box.firstChild, words);
  text(box.lastChild, t('staleTry'));
}

follow('stale', stale);
follow('station', identity);
let wasMock = null;
follow('world station', () => {
  clockControls();
  if (wasMock !== isMock()) { wasMock = isMock(); root.classList.toggle('mock', wasMock); shell(); }
});

// ---- keys and time ---------------------------------------------------------------------------------------------------

addEventListener('keydown', event => {
  if (event.target.closest('input,select,textarea') || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === '/') { event.preventDefault(); frames.focusFilter(); }
  if (!isMock() || S.stale || localStorage.getItem('wayside.keys') === 'off') return; // single keys act on a mock board only
  if (/^[1-9]$/.test(event.key)) choose(Number(event.key));
  else if (event.key === 'p') (S.evses.get(focus)?.plugged === 'unplugged' ? bench.plug : bench.unplug)(focus);
  else if (event.key === 't') bench.tap(focus);
});
matchMedia('(prefers-color-scheme:dark)').addEventListener('change', shell);
addEventListener('resize', () => { link.paint(); paintEvses(); });

$('#lang').onclick = () => {
  const name = lang() === 'en' ? 'de' : 'en';
  localStorage.setItem(LANGUAGE, name);
  setWords(name);
};
$('#signout').onclick = async () => {
  await act('/api/session', undefined, 'DELETE');
  location.reload();
};
$('#theme').onclick = () => {
  root.dataset.theme = isDark() ? 'light' : 'dark';
  localStorage.setItem(THEME, root.dataset.theme);
  shell();
};

function tick() {
  if (S.stale) stale();
  if (!S.station) return;
  text($('#clock'), hms(now()));
  link.paint();
  if (!S.stale) paintEvses();
  const evse = S.evses.get(focus);
  if (evse) document.title = `${t('evse', { n: focus })} ${t(stateOf(evse))}${isLive(evse) ? `, ${num(evse.power_w / 1000)} kW` : ''} · ${S.station.id}`;
}

root.dataset.theme = localStorage.getItem(THEME) ?? 'auto';
setWords(localStorage.getItem(LANGUAGE) ?? (navigator.language?.startsWith('de') ? 'de' : 'en'));
begin(askToken);
setInterval(tick, TICK_MS);
