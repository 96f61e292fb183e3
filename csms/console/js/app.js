// Puts the page together: the stream makes the store look again, and every part draws itself from the store.
import * as api from './api.js';
import * as command from './command.js';
import { $, h, text } from './dom.js';
import * as log from './log.js';
import * as station from './station.js';
import * as stations from './stations.js';
import { S, begin, happened, listen } from './store.js';
import { follow } from './stream.js';
import { dur, hms, lang, setLang, t } from './words.js';

const parts = [stations, station, command, log];
let wake = () => {}; // the stream after a token was given

function draw() {
  for (const part of parts) part.draw();
  for (const each of document.querySelectorAll('[data-t]')) text(each, t(each.dataset.t));
  text($('#lang'), t('lang'));
  text($('#theme'), t(isDark() ? 'day' : 'night'));
}

// ---- day and night, language

const isDark = () => {
  const theme = document.documentElement.dataset.theme;
  return theme === 'dark' || (theme === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
};

$('#theme').addEventListener('click', () => {
  document.documentElement.dataset.theme = isDark() ? 'light' : 'dark';
  draw();
});
$('#lang').addEventListener('click', () => {
  setLang(lang() === 'en' ? 'de' : 'en');
  draw();
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
addEventListener('resize', draw);
setLang(navigator.language.slice(0, 2));

// ---- the token, where the central system wants one

api.whenRefused(() => {
  const form = $('#login');
  if (!form.hidden) return;
  form.hidden = false;
  $('#main').hidden = true;
  form.replaceChildren(
    h('h2', {}, t('login')), h('p', {}, t('loginHelp')),
    h('input', { id: 'token', type: 'password', autocomplete: 'current-password', 'aria-label': 'Token' }),
    h('p.w-fault', { id: 'login-wrong', hidden: true }, t('loginWrong')),
    h('button.act.main', { type: 'submit' }, t('loginGo')));
  $('#token').focus();
});
$('#login').addEventListener('submit', async event => {
  event.preventDefault();
  api.useToken($('#token').value);
  try {
    await api.get('/protocols');
  } catch {
    $('#login-wrong').hidden = false;
    return;
  }
  $('#login').hidden = true;
  $('#main').hidden = false;
  wake();
});

// ---- life

function connected(up) {
  const root = document.documentElement;
  root.classList.toggle('is-stale', !up);
  $('#stale').hidden = up;
  if (up) S.lostAt = null;
  else S.lostAt ??= Date.now();
  if (up) begin().catch(() => {}); // the stream ends too, and comes again
}

setInterval(() => {
  text($('#clock'), hms(Date.now()));
  if (S.lostAt !== null) text($('#stale'), t('lost', { t: dur(Date.now() - S.lostAt) }));
  if (S.lostAt === null && S.transactions.some(each => each.open)) station.draw();
}, 1000);

async function live() {
  for (;;) {
    try {
      await api.get('/protocols');
      break;
    } catch (error) {
      if (error.status === 401) await new Promise(done => { wake = done; });
      else await new Promise(done => setTimeout(done, 1000));
    }
  }
  await follow(happened, connected);
}

listen(draw);
draw();
live();
