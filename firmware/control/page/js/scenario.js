// Scenarios of a mock board as a strip map; filled when the station tells of them.
import { S, follow } from './store.js';

export function build() {}

follow('scenario', () => void S.scenario);
