// What the charge point has told, as it told it. Views read from `S` and are called when a topic they follow has changed.
export const S = {
  station: null, link: null, queue: null, registration: null, settings: {}, world: null,
  evses: new Map(), // by number, as the station pictures them
  series: new Map(), // by number: [monotonic s, drawn A, offered A, limit A, power W], oldest first
  rules: null, // frame rules of a mock board, null where there are none
  scenario: null, // progress of the scenario that runs or ran last
  diagnoses: [], // lost and failed connections, oldest first
  usage: null, // data used, by day and on this connection
  stale: null, // { since, at }: performance time and station time when the event stream was lost
};

const listeners = new Map();
const dirty = new Set();
let timer = null;

// Call `listener` soon after one of the topics changed; several changes are one call.
export function follow(topics, listener) {
  for (const topic of topics.split(' ')) {
    if (!listeners.has(topic)) listeners.set(topic, new Set());
    listeners.get(topic).add(listener);
  }
}

export function changed(topic) {
  dirty.add(topic);
  timer ??= setTimeout(tell, 40);
}

function tell() {
  timer = null;
  const called = new Set();
  for (const topic of [...dirty]) for (const listener of listeners.get(topic) ?? []) called.add(listener);
  dirty.clear();
  for (const listener of called) listener();
}

// ---- events of the station -----------------------------------------------------------------------------------------

const base = { wall: Date.now(), monotonic: 0, at: performance.now(), speed: 1 };

// The station's own time in milliseconds; it stands still while the page hears nothing.
export function now() {
  if (S.stale) return S.stale.at;
  return base.wall + (performance.now() - base.at) * base.speed;
}

// The wall time of a moment on the station's monotonic clock.
export const wallOf = monotonic => base.wall + (monotonic - base.monotonic) * 1000;
const monotonicNow = () => base.monotonic + (now() - base.wall) / 1000;

export function take(event, data) {
  if (event === 'state') snapshot(data);
  else if (event === 'evse') evse(data);
  else part(event, data);
}

function snapshot(state) {
  S.stale = null;
  S.evses.clear();
  part('station', state.station);
  for (const one of state.evses ?? []) evse(one);
  for (const name of ['link', 'registration', 'queue', 'settings', 'world', 'scenario', 'rules', 'diagnoses', 'usage']) {
    if (name in state) part(name, state[name]);
  }
  changed('stale');
}

function part(name, value) {
  S[name] = value;
  if (name === 'station') setTime(value.time);
  if (name === 'link') S.link.due = value.next_attempt_in_s == null ? null : now() + value.next_attempt_in_s * 1000;
  changed(name);
}

function setTime(time) {
  base.wall = time.wall == null ? Date.now() : Date.parse(time.wall);
  base.monotonic = time.monotonic_s;
  base.speed = time.speed;
  base.at = performance.now();
}

const KEPT_POINTS = 4000;
const KEPT_MS = 3 * 3600e3;

function evse(picture) {
  picture.at = now(); // offsets of its schedule count from here
  S.evses.set(picture.id, picture);
  const series = S.series.get(picture.id) ?? [], last = series.at(-1);
  const point = [monotonicNow(), peak(picture.drawn_a), picture.offered_a, picture.limit_a, picture.power_w];
  if (!last || point[0] - last[0] >= 1 || point[3] !== last[3]) series.push(point);
  if (series.length > KEPT_POINTS) series.splice(0, series.length - KEPT_POINTS);
  S.series.set(picture.id, series);
  changed('evse');
}

// What the station remembers of the time before this page came; points from before its restart are on another clock and go.
export function takeHistory(history) {
  for (const [number, points] of Object.entries(history.evses)) S.series.set(Number(number), points);
  changed('evse');
}

export const seriesOf = id => (S.series.get(id) ?? []).filter(point => wallOf(point[0]) > now() - KEPT_MS);
export const peak = currents => {
  const known = (currents ?? []).filter(value => value != null);
  return known.length ? Math.max(...known) : null;
};
