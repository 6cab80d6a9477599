/*
 * What a connection's end means, in words.
 */
import { duration } from '../format.js';

/** @type {Record<number, string>} https://www.rfc-editor.org/rfc/rfc6455#section-7.4 and the one of our own */
const CODES = {
  1000: 'Closed as asked for.',
  1001: 'One side went away: the page was left, or two pings had no answer.',
  1002: 'Something was sent that is not WebSocket as RFC 6455 has it.',
  1003: 'Something was sent that the server does not take: messages are text.',
  1005: 'Closed without saying why.',
  1006: 'The connection broke off without a goodbye: the server, a proxy on the way, or the network went away.',
  1007: 'A text was sent that is not UTF-8.',
  1008: 'The server does not put up with this client: too many commands.',
  1009: 'A message was sent that is over the limit of 64 KiB.',
  1010: 'The browser missed an extension that it needs.',
  1011: 'The server met an error of its own.',
  1012: 'The server restarts; connecting again goes on without a gap.',
  1013: 'The server is overloaded; try again later.',
  1015: 'The TLS handshake failed.',
  4401: 'The sign-in or the key has ended.',
};

/** @param {number} code */
export const closeMeaning = (code) => CODES[code] ?? (code >= 4000 ? 'A code of the application’s own.' : code >= 3000 ? 'A code of a library or framework.' : 'A code that RFC 6455 does not name.');

/**
 * Why it may have broken off, from how it did.
 * @param {{code: number, lived: number, silent: number}} end  ms @returns {string} '' when nothing is to be said
 */
export function breakHint({ code, lived, silent }) {
  if (code !== 1006 || silent < 5_000) return '';
  return `It had lived for ${duration(lived)} and been silent for ${duration(silent)}. The server pings every 20 s; a proxy whose read timeout is shorter cuts the connection in between.`;
}
