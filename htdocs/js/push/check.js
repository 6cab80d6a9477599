/*
 * Whether pushes come through, one step after the other, as somebody would look for the broken one at night: the API, the
 * sign-in, the stream, the WebSocket, and what the connection is like. A browser does not see why a WebSocket handshake
 * failed; the same question asked as plain HTTP is answered with a status and a sentence.
 */
import * as api from '../api.js';
import { duration, plural } from '../format.js';
import { address } from './form.js';
import { openStream, openWebSocket } from './transport.js';

const ANSWER_MS = 15_000;

/**
 * @typedef {'up'|'degraded'|'down'|'unknown'} State
 * @typedef {{key: string, name: string, state: State, text: string}} Step
 * @typedef {{text: string, signIn: boolean, final: boolean}} Diagnosis  final: trying again does not help
 */

/** @param {import('./transport.js').Refusal} refusal @returns {Diagnosis} */
export function explain({ status, detail, retryAfter }) {
  const said = `The server answered ${status}${detail ? `: ${detail}` : ''}`.replace(/([^.!?])$/, '$1.');
  if (status === 0) return { text: 'The server cannot be reached.', signIn: false, final: false };
  if (status === 401) return { text: `You are not signed in. ${said}`, signIn: true, final: true };
  if (status === 403) return { text: said, signIn: true, final: true };
  if (status === 502 || status === 504) return { text: `The proxy cannot reach the push daemon. ${said}`, signIn: false, final: false };
  if (status === 503) return { text: `${said}${retryAfter ? ` Again in ${plural(retryAfter, 'second')}.` : ''}`, signIn: false, final: false };
  return { text: said, signIn: false, final: status >= 400 && status < 500 && status !== 429 };
}

/** Opens a stream only to see how it is answered. @param {string} url @returns {Promise<import('./transport.js').Refusal|null>} null: it opens */
export function tryStream(url) {
  return new Promise((resolve) => {
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    let timer;
    /** @param {import('./transport.js').Refusal|null} answer */
    const done = (answer) => {
      clearTimeout(timer);
      transport.close();
      resolve(answer);
    };
    const transport = openStream(url, { onOpen: () => {}, onMessage: () => done(null), onEnd: ({ refusal }) => done(refusal) });
    timer = setTimeout(() => done({ status: 0, detail: 'Nothing came.', retryAfter: 0 }), ANSWER_MS);
  });
}

/** @returns {Promise<'ok'|'signed_out'|'unreachable'>} */
export async function askVisitor() {
  try {
    return (await api.visitor()).role === 'none' ? 'signed_out' : 'ok';
  } catch (error) {
    return error instanceof api.ApiError && error.status === 401 ? 'signed_out' : 'unreachable';
  }
}

/**
 * Why a WebSocket did not open.
 * @param {Record<string, string|number>} query  that of the connection @returns {Promise<Diagnosis>}
 */
export async function diagnose(query) {
  const visitor = await askVisitor();
  if (visitor === 'signed_out') return { text: 'You are not signed in (401).', signIn: true, final: true };
  const refusal = await tryStream(address(document.baseURI, 'events', query, false));
  if (refusal && refusal.status) return explain(refusal);
  if (refusal) return { text: visitor === 'ok' ? 'The API answers, the push channel says nothing: does a proxy on the way hold answers back (buffering)?' : 'The server cannot be reached.', signIn: false, final: false };
  return {
    text: 'Server-Sent Events come through, WebSocket does not: does every proxy on the way pass on “Upgrade” and “Connection”?',
    signIn: false,
    final: false,
  };
}

/** @param {string} url @returns {Promise<{ok: boolean, code: number, tookMs: number, roundTrip: number, extensions: string}>} */
function tryWebSocket(url) {
  return new Promise((resolve) => {
    const started = performance.now();
    let opened = 0;
    let pinged = 0;
    let extensions = '';
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    let timer;
    /** @param {number} code @param {number} roundTrip */
    const done = (code, roundTrip) => {
      clearTimeout(timer);
      transport.close();
      resolve({ ok: roundTrip >= 0, code, tookMs: opened - started, roundTrip, extensions });
    };
    const transport = openWebSocket(url, {
      onOpen: (facts) => {
        opened = performance.now();
        extensions = facts.extensions;
      },
      onMessage(text) {
        const name = messageName(text);
        if (name === 'connected') {
          pinged = performance.now();
          transport.send('{"event":"ping"}');
        } else if (name === 'pong') done(0, performance.now() - pinged);
      },
      onEnd: ({ code }) => done(code, -1),
    });
    timer = setTimeout(() => done(0, -1), ANSWER_MS);
  });
}

/** @param {string} text */
function messageName(text) {
  try {
    return JSON.parse(text)?.event;
  } catch {
    return undefined;
  }
}

/** All steps. `onStep` hears of each as it becomes known. @param {(step: Step) => void} onStep */
export async function checkPath(onStep) {
  const began = performance.now();
  /** @param {string} key @param {string} name @param {State} state @param {string} text */
  const say = (key, name, state, text) => onStep({ key, name, state, text });
  const took = () => duration(performance.now() - began);

  let role = 'none';
  try {
    const me = await api.visitor();
    role = me.role ?? 'none';
    say('api', 'API', 'up', `answers through the proxy in ${took()}`);
  } catch (error) {
    say('api', 'API', 'down', error instanceof Error ? error.message : String(error));
    return;
  }
  if (role === 'none') {
    say('sign-in', 'Sign-in', 'down', 'nobody is signed in: every push connection is refused with 401');
    return;
  }
  say('sign-in', 'Sign-in', 'up', `role ${role}`);

  const streamBegan = performance.now();
  const refusal = await tryStream(address(document.baseURI, 'events', {}, false));
  if (!refusal) say('sse', 'Server-Sent Events', 'up', `unbuffered: the first message was here after ${duration(performance.now() - streamBegan)}`);
  else if (refusal.status) say('sse', 'Server-Sent Events', 'down', explain(refusal).text);
  else say('sse', 'Server-Sent Events', 'down', `${refusal.detail} Does a proxy on the way buffer answers?`);

  const socket = await tryWebSocket(address(document.baseURI, 'ws', {}, true));
  if (!socket.ok) {
    say('ws', 'WebSocket', 'down', refusal ? 'does not open either' : 'does not open: does every proxy on the way pass on “Upgrade” and “Connection”?');
    return;
  }
  say('ws', 'WebSocket', 'up', `open after ${duration(socket.tookMs)}, a ping is answered in ${duration(socket.roundTrip)}`);
  say('deflate', 'Compression', socket.extensions ? 'up' : 'unknown', socket.extensions || 'none: the server or a proxy on the way does not offer permessage-deflate');
}
