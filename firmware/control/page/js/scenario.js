// Scenarios of a mock board as a strip map: done, running, ahead. What is done at the bench can be recorded as one.
import { act, get } from './api.js';
import { $, h, icon, select } from './dom.js';
import { S, follow } from './store.js';
import { lang, num, t } from './words.js';

const FIRST = 'charge';

let library = []; // of the charge point, as it lists it
let chosen = null;
let built = '';

export function build() {
  built = '';
  paint();
}

async function load() {
  if (library.length || !S.scenario) return;
  ({ scenarios: library } = await get('/api/scenarios'));
  chosen ??= S.scenario.run?.name ?? (library.find(one => one.name === FIRST) ?? library[0])?.name ?? null;
  paint();
}

function paint() {
  const box = $('#scen');
  box.hidden = !S.scenario;
  if (box.hidden) return;
  if (!library.length) load();
  const { run, recording } = S.scenario, key = JSON.stringify([run, recording, chosen, library.length, lang()]);
  if (key === built) return;
  built = key;
  const running = run?.state === 'running', mine = run && (running || run.name === chosen || !library.some(one => one.name === chosen));
  const steps = mine ? run.steps : (library.find(one => one.name === chosen)?.steps ?? []).map(title => ({ title, state: 'ahead' }));
  const done = steps.filter(step => step.state === 'done').length;
  const parts = [
    h('header.sh', {}, h('h2', { id: 'scen-h' }, t('scen')),
      select(t('scen'), library.map(one => [one.name, one.title, !one.playable_here]), running ? run.name : chosen, name => { chosen = name; paint(); }, { id: 'scenario', disabled: running }),
      h('span.count', {}, t('of', { a: done, b: steps.length })),
      h('button.btn.small', { type: 'button', id: 'runscenario', onclick: () => (running ? act('/api/scenarios/stop') : start()) }, t(running ? 'stopRun' : 'run'))),
    mine && run.asked && h('p.asked', { role: 'status' }, run.asked),
    mine && ['passed', 'failed', 'stopped'].includes(run.state) && h(`p.verdict.${run.state}`, { role: 'status' }, t(run.state), run.trouble ? ` ${run.trouble}` : ''),
    steps.length ? h('ol.steps', { id: 'steps' }, ...steps.map(element)) : h('p.none', {}, t('scenNone')),
    recorder(recording),
  ];
  box.replaceChildren(...parts.filter(Boolean));
  $('li.run, li.bad', box)?.scrollIntoView({ block: 'nearest' });
}

const start = () => act('/api/scenarios/run', { name: chosen });

const LOOKS = { done: 'ok', running: 'run', failed: 'bad', skipped: 'todo', ahead: 'todo' };
const MARKS = { done: 'tick', failed: 'cross' };

const element = step => h(`li.${LOOKS[step.state]}`, step.state === 'running' ? { 'aria-current': 'step' } : {},
  h('span.node', {}, MARKS[step.state] && icon(MARKS[step.state], 14)),
  h('span.sn', {}, step.title[0].toUpperCase() + step.title.slice(1), step.why && h('span.swhy', {}, step.why)),
  h('span.sd', {}, step.state === 'done' && step.took_s != null ? t('s_of', { a: num(step.took_s) }) : ''));

function recorder({ on, actions }) {
  return h('p.recorder', {},
    h('button.linkish', { type: 'button', id: 'record', onclick: () => act('/api/scenarios/recording', { on: !on }) }, t(on ? 'recording' : 'record')),
    on && h('span.n', {}, t('recorded', { n: actions })),
    !on && actions > 0 && h('a.linkish', { href: '/api/scenarios/recording', download: 'recorded.toml' }, t('recordedFile', { n: actions })));
}

follow('scenario', paint);
