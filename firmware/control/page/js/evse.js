// One EVSE on the stage: large when it is in focus, otherwise a row.
import * as bench from './bench.js';
import { h, icon, s, text } from './dom.js';
import { plot } from './plot.js';
import { scene } from './scene.js';
import { drawn, energyWh, faultsOf, isLive, isMock, lastOf, pictureOf, scheduleOf, stateOf } from './station.js';
import { S, now } from './store.js';
import { dur, faultText, hm, hms, lang, num, t } from './words.js';

export const phone = matchMedia('(max-width:700px)');
const medium = matchMedia('(max-width:1239px)');
const low = matchMedia('(min-width:1240px) and (max-height:1020px)');

const WITH_FIGURE = new Set(['charging', 'pausedEV', 'pausedLimit', 'done']);
const HINTS = { free: 'h_plug', cable: 'h_plug', auth: 'h_plug', plugged: 'h_card', reserved: 'h_card' };
const GAP_A = 2; // offered, and not drawn …
const GAP_MS = 30_000; // … for so long: somebody holds back

export class EvseView {
  // `focus` is called with the number when a person chooses this EVSE.
  constructor(id, focus) {
    this.id = id;
    this.focus = focus;
    this.svg = s('svg', { role: 'img' });
    this.number = h('span.num'); this.unit = h('span.unit'); this.hint = h('span.hint');
    this.figure = h('p.figure', {}, this.number, this.unit, this.hint);
    this.under = h('p.under');
    this.word = h('p.word'); this.sub = h('p.sub'); this.others = h('div.others');
    this.facts = h('dl.facts'); this.acts = h('div.acts');
    this.fault = h('div.faultbox', { role: 'alert', hidden: true });
    this.plot = s('svg', { class: 'plot' });
    this.plotBox = h('div.plotbox', {}, this.plot);
    this.protocol = h('p.ocpp.below'); // on a phone the protocols' words have no room beside the state
    this.scene = h('div.scene', {}, this.svg, this.figure, this.under);
    const choose = h('button.pno', { type: 'button', 'aria-label': t('evse', { n: id }), onclick: () => focus(id) }, String(id));
    this.element = h('article.evse', { 'aria-label': t('evse', { n: id }), id: `evse-${id}` },
      h('header.eh', {}, choose, h('div.ew', {}, this.word, this.sub), this.others),
      this.facts, this.fault, this.scene, this.acts, this.plotBox, this.protocol);
    this.svg.addEventListener('click', event => this.touch(event));
    this.keys = {}; // what each part was last built for
    this.gapSince = null;
    new ResizeObserver(() => this.paint(this.isBig)).observe(this.scene);
  }

  get evse() { return S.evses.get(this.id); }

  // Words were changed: build everything anew.
  forget() { this.keys = {}; }

  paint(isBig) {
    this.isBig = isBig;
    const evse = this.evse, width = this.scene.clientWidth;
    if (!evse || isBig == null) return;
    const state = this.state = stateOf(evse);
    this.element.className = `evse ${isBig ? 'big' : 'slim'} st-${state}${isLive(evse) ? ' live' : ''}`;
    if (!width) return;
    text(this.word, t(state));
    this.paintSub(evse, state);
    this.paintScene(evse, state, width);
    this.paintFigure(evse, state);
    this.paintOthers();
    this.paintFacts(evse, state);
    this.paintActions(evse, state);
    this.paintFaults(evse);
    this.plotBox.hidden = !isBig || !(evse.transaction ?? lastOf(evse, state));
    if (!this.plotBox.hidden) plot(this.plot, evse, this.plotBox.clientWidth, phone.matches ? 164 : low.matches ? 144 : 170);
  }

  // Build a part only when what it shows has changed.
  once(part, key, build) {
    const text = JSON.stringify([key, lang()]);
    if (this.keys[part] === text) return;
    this.keys[part] = text;
    build();
  }

  paintSub(evse, state) {
    const words = this.sentence(evse, state), both = `1.6 ${evse.status['ocpp1.6']} · 2.0.1 ${evse.status['ocpp2.0.1']}`;
    this.once('sub', [words, both, this.isBig], () => {
      this.sub.replaceChildren(words, this.isBig ? h('span.ocpp', {}, both) : '');
      text(this.protocol, both);
    });
  }

  sentence(evse, state) {
    if (S.stale) return t('asOf', { t: hms(now()) });
    const since = evse.transaction?.started ? hm(Date.parse(evse.transaction.started)) : '–';
    if (!this.isBig && isLive(evse)) return `${num((evse.power_w ?? 0) / 1000)} kW, ${t('since', { t: since })}`;
    if (state === 'fault') return faultText(faultsOf(evse)[0].code).name;
    if (state === 'charging' && this.holdsBack(evse)) return t('s_gap');
    if (state === 'pausedLimit') {
      const next = scheduleOf(evse).find(([ms, a]) => ms > now() && a > 0);
      if (next) return t('s_pausedUntil', { until: hm(next[0]) });
    }
    if (['free', 'plugged', 'cable'].includes(state) && S.station?.ready === false) return t('s_notReady');
    return t(`s_${state}`, { since });
  }

  // True when much more has been offered than drawn for a while.
  holdsBack(evse) {
    if (!isLive(evse) || evse.offered_a - drawn(evse) <= GAP_A) this.gapSince = null;
    else this.gapSince ??= now();
    return this.gapSince != null && now() - this.gapSince > GAP_MS;
  }

  paintScene(evse, state, width) {
    const big = this.isBig, small = phone.matches;
    const height = big ? (small ? 132 : medium.matches ? 206 : low.matches ? 198 : 216) : small ? 84 : 96;
    const scale = big ? (small ? 0.56 : width < 700 ? 0.78 : low.matches ? 0.96 : 1) : small ? 0.34 : 0.4;
    const model = pictureOf(evse, state, bench.isTapped(this.id));
    const at = scene(this.svg, model, width, height, { scale, feed: big ? (small ? 14 : 30) : 12 });
    this.scene.style.setProperty('--gl', `${at.outlet}px`);
    this.scene.style.setProperty('--gr', `${width - at.inlet}px`);
    this.scene.style.setProperty('--line', `${height - at.line}px`);
    const parts = [`${t('evse', { n: this.id })}: ${t(state)}`, `${t('contactor')} ${t(model.closed ? 'closed' : 'open')}`, t(model.car ? 'aCar' : 'noCar')];
    if (model.locked != null && model.cable) parts.push(t(model.locked ? 'locked' : 'unlocked'));
    this.svg.setAttribute('aria-label', `${parts.join('. ')}.`);
  }

  // The reader and the empty bay can be touched themselves.
  touch(event) {
    if (!isMock() || S.stale || !this.svg.geometry) return;
    const x = event.clientX - this.svg.getBoundingClientRect().left, { outlet, inlet } = this.svg.geometry;
    if (x < outlet + 10) bench.tap(this.id);
    else if (x > inlet - 50 && this.evse.plugged !== 'vehicle') bench.plug(this.id);
  }

  paintFigure(evse, state) {
    const shows = WITH_FIGURE.has(state), hint = S.stale || (phone.matches && state === 'free' && !isMock()) ? '' : HINTS[state];
    this.figure.hidden = !this.isBig || !(shows || hint);
    this.number.hidden = this.unit.hidden = !shows;
    text(this.hint, !shows && hint ? t(hint) : '');
    if (shows && state === 'done') {
      const kwh = (energyWh(evse, state) ?? 0) / 1000;
      text(this.number, num(kwh, kwh >= 9.95 ? 1 : 2));
      text(this.unit, 'kWh');
    } else if (shows) {
      text(this.number, num((evse.power_w ?? 0) / 1000));
      text(this.unit, 'kW');
    }
    this.under.hidden = !this.isBig || !['charging', 'pausedEV', 'pausedLimit'].includes(state);
    const offered = Number.isInteger(evse.offered_a) ? evse.offered_a : num(evse.offered_a ?? 0);
    this.once('under', [drawn(evse).toFixed(1), offered], () =>
      this.under.replaceChildren(h('b', {}, t('drawn', { a: num(drawn(evse)) })), ' ', t('offered', { a: offered })));
  }

  // On a phone the others are a numbered switch beside the state word.
  paintOthers() {
    if (!this.isBig || !phone.matches) return;
    const others = [...S.evses.values()].filter(one => one.id !== this.id).map(one => [one.id, stateOf(one)]);
    this.once('others', others, () => this.others.replaceChildren(...others.slice(0, 3).map(([id, state]) =>
      h(`button.other.st-${state}`, { type: 'button', 'aria-label': `${t('evse', { n: id })}, ${t(state)}`, onclick: () => { this.focus(id); scrollTo(0, 0); } },
        h('span.pno', {}, String(id)), h('span.word', {}, t(state))))));
  }

  paintFacts(evse, state) {
    const facts = [], tx = evse.transaction, wh = energyWh(evse, state);
    if (evse.plugged === 'vehicle' || evse.token || tx) {
      const last = lastOf(evse, state);
      const ms = tx?.started ? now() - Date.parse(tx.started) : last?.started && last.ended ? Date.parse(last.ended) - Date.parse(last.started) : null;
      facts.push([t('energy'), wh == null ? '–' : num(wh / 1000, 2), wh == null ? '' : 'kWh'], [t('time'), ms == null ? '–' : dur(ms), ''],
        [t('card'), evse.token ?? t('none'), ''], [t('carL'), evse.soc_percent == null ? '–' : `${Math.floor(evse.soc_percent)} %`, '']);
    }
    this.once('facts', facts, () => this.facts.replaceChildren(...facts.map(([name, value, unit]) =>
      h('div', {}, h('dt', {}, name), h('dd', {}, value, unit && h('span', {}, ` ${unit}`))))));
  }

  // The next natural step is the solid one.
  paintActions(evse, state) {
    if (!isMock()) return;
    const paused = bench.isPaused(this.id);
    this.once('acts', [state, this.isBig, paused, evse.plugged], () => {
      const made = [], { id } = this;
      const button = (classes, name, label, act) => made.push(
        h(`button.act${classes}`, { type: 'button', onclick: act }, icon(name, 26), h('span', {}, label)));
      const plug = classes => button(`${classes}.side`, 'plug', t('plug'), () => bench.plug(id));
      const unplug = classes => button(classes || '.side', 'unplug', t('unplug'), () => bench.unplug(id));
      const tap = (classes, label) => button(classes, 'card', label, () => bench.tap(id));
      if (['free', 'reserved', 'off', 'cable'].includes(state)) {
        tap('', t('tap'));
        if (state === 'cable') unplug('');
        plug('.main');
      } else if (state === 'auth') plug('.main');
      else if (['plugged', 'checking'].includes(state)) { tap('.main', t('tap')); unplug(''); } else if (state === 'done') unplug('.main.side');
      else if (state === 'fault') { button('.main', 'tick', t('clearFault'), () => bench.clearFaults(id)); if (evse.plugged === 'vehicle') unplug(''); } else if (state !== 'dead') {
        tap('', t('stop'));
        unplug('.side');
        if (this.isBig) button('', paused ? 'play' : 'pause', t(paused ? 'resume' : 'pause'), () => (paused ? bench.resume(id) : bench.pause(id)));
      }
      this.acts.replaceChildren(...made);
    });
  }

  paintFaults(evse) {
    const faults = faultsOf(evse);
    this.once('fault', faults, () => {
      this.fault.hidden = !faults.length;
      if (!faults.length) return;
      const [first, ...rest] = faults, { what, todo } = faultText(first.code);
      this.fault.classList.toggle('warn', first.severity === 'warn');
      this.fault.replaceChildren(
        h('div', {}, h('h3', {}, t('fw')), h('p', {}, what), first.text && h('p', {}, t('deviceSays', { text: first.text })),
          rest.length > 0 && h('p', {}, t('moreFaults', { names: rest.map(fault => faultText(fault.code).name).join(', ') }))),
        h('div', {}, h('h3', {}, t('fd')), h('ol', {}, ...todo.map(step => h('li', {}, step)))));
    });
  }
}
