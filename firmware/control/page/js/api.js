// Requests to the charge point. What it refuses is shown in its own words.
import { $, text } from './dom.js';

const SHOWN_MS = 8000;
let hiding = null;

export class Refused extends Error {
  constructor(status, message, field) {
    super(message);
    this.status = status;
    this.field = field;
  }
}

export async function request(method, path, body) {
  const options = { method, headers: {}, cache: 'no-store' };
  if (body !== undefined || method === 'POST') {
    options.headers['Content-Type'] = 'application/json';
    options.body = JSON.stringify(body ?? {});
  }
  const response = await fetch(path, options);
  const type = response.headers.get('Content-Type') ?? '';
  const value = type.startsWith('application/json') ? await response.json() : null;
  if (!response.ok) throw new Refused(response.status, value?.error?.message ?? `HTTP ${response.status}`, value?.error?.field);
  return value;
}

export const get = path => request('GET', path);
export const post = (path, body) => request('POST', path, body);

// Do something on behalf of a person; returns the answer, or null after the refusal has been shown.
export async function act(path, body, method = 'POST') {
  try {
    return await request(method, path, body);
  } catch (error) {
    notice(error.message);
    return null;
  }
}

export const mock = (path, body) => act(`/api/mock/${path}`, body);

// A sentence at the foot of the page, for some seconds.
export function notice(message) {
  const box = $('#toast');
  box.hidden = false;
  text(box, message);
  clearTimeout(hiding);
  hiding = setTimeout(() => { box.hidden = true; }, SHOWN_MS);
}
