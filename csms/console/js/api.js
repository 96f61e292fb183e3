// Asks the central system. A token, where one is wanted, is kept in this module and nowhere else.
let token = null;
let onRefused = () => {};

export class Refused extends Error {
  constructor(status, error) {
    super(error?.text ?? `HTTP ${status}`);
    this.status = status;
    this.error = error ?? {};
  }
}

export function useToken(value) {
  token = value;
}

// Who asks for the token when it is wanted.
export function whenRefused(callback) {
  onRefused = callback;
}

export const headers = more => ({ ...(token ? { Authorization: `Bearer ${token}` } : {}), ...more });

export async function get(path) {
  return answered(await fetch(`/api${path}`, { headers: headers() }));
}

export async function remove(path) {
  return answered(await fetch(`/api${path}`, { method: 'DELETE', headers: headers() }));
}

// A command. Its outcome is told for every status that has one; others raise Refused.
export async function command(station, action, payload) {
  const response = await fetch(`/api/stations/${encodeURIComponent(station)}/commands/${action}`, {
    method: 'POST',
    headers: headers({ 'Content-Type': 'application/json' }),
    body: JSON.stringify(payload),
  });
  const body = await response.clone().json().catch(() => null);
  return body?.outcome ? body : answered(response);
}

async function answered(response) {
  if (response.status === 401) onRefused();
  if (response.status === 204) return null;
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new Refused(response.status, body?.error);
  return body;
}
