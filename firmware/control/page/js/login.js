// The station wants its token before it tells anything: exchange it for a cookie that scripts cannot read.
import { post } from './api.js';
import { $, h, text } from './dom.js';
import { t } from './words.js';

export function askToken(begin) {
  const box = $('#login');
  if (!box.hidden) return;
  const field = h('input', { type: 'password', id: 'token', autocomplete: 'current-password', required: true });
  const wrong = h('p.bad', { role: 'alert' });
  box.replaceChildren(
    h('h2', {}, t('login')), h('label', { for: 'token' }, t('token')), field, h('button.btn', { type: 'submit' }, t('signIn')), wrong, h('p.hint', {}, t('loginHint')));
  box.onsubmit = async event => {
    event.preventDefault();
    try {
      await post('/api/session', { token: field.value });
    } catch (error) {
      text(wrong, error.message);
      return;
    }
    box.hidden = true;
    document.documentElement.classList.remove('signing-in');
    begin();
  };
  box.hidden = false;
  document.documentElement.classList.add('signing-in');
  field.focus();
}
