/*
 * The two ways in behind one face. A transport tells what happens and decides nothing.
 *
 * Server-Sent Events are read by fetch rather than by EventSource, which hides what this page is there to show: the
 * status of a refusal, the comments, the ids.
 */
import { SseParser } from './sse.js';

/**
 * @typedef {object} TransportCallbacks
 * @property {(facts: {protocol: string, extensions: string}) => void} onOpen
 * @property {(text: string, record: import('./sse.js').SseRecord|null) => void} onMessage  `record` over SSE
 * @property {(end: {code: number, reason: string, refusal: Refusal|null}) => void} onEnd  once; code 0 over SSE
 *
 * @typedef {{status: number, detail: string, retryAfter: number}} Refusal  what HTTP said; status 0: no answer came
 *
 * @typedef {object} Transport
 * @property {(text: string) => boolean} send
 * @property {() => void} close
 */

/** @param {string} url @param {TransportCallbacks} callbacks @returns {Transport} */
export function openWebSocket(url, { onOpen, onMessage, onEnd }) {
  const socket = new WebSocket(url);
  socket.onopen = () => onOpen({ protocol: 'WebSocket', extensions: socket.extensions });
  socket.onmessage = ({ data }) => onMessage(typeof data === 'string' ? data : '(a binary message)', null);
  socket.onclose = ({ code, reason }) => onEnd({ code, reason, refusal: null });
  return {
    send(text) {
      if (socket.readyState !== WebSocket.OPEN) return false;
      socket.send(text);
      return true;
    },
    close() {
      socket.close(1000);
    },
  };
}

/** @param {string} url @param {TransportCallbacks} callbacks @returns {Transport} */
export function openStream(url, { onOpen, onMessage, onEnd }) {
  const stop = new AbortController();
  const read = async () => {
    let response;
    try {
      response = await fetch(url, { headers: { Accept: 'text/event-stream' }, credentials: 'same-origin', cache: 'no-store', signal: stop.signal });
    } catch {
      return { code: 0, reason: '', refusal: { status: 0, detail: 'No answer came.', retryAfter: 0 } };
    }
    if (!response.ok || !response.body) return { code: 0, reason: '', refusal: await refusalOf(response) };
    onOpen({ protocol: 'Server-Sent Events', extensions: '' });
    const decoder = new TextDecoder();
    const parser = new SseParser((record) => onMessage(record.data ?? record.raw, record));
    const reader = response.body.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return { code: 0, reason: 'The stream ended.', refusal: null };
        parser.push(decoder.decode(value, { stream: true }));
      }
    } catch (cause) {
      stop.abort();
      return { code: 0, reason: `The stream broke off: ${cause instanceof Error ? cause.message : String(cause)}.`, refusal: null };
    }
  };
  let closed = false;
  read().then((end) => onEnd(closed ? { code: 1000, reason: '', refusal: null } : end));
  return {
    send: () => false,
    close() {
      closed = true;
      stop.abort();
    },
  };
}

/** @param {Response} response @returns {Promise<Refusal>} */
export async function refusalOf(response) {
  const type = response.headers.get('Content-Type') ?? '';
  const answer = type.includes('json') ? await response.json().catch(() => null) : null;
  const detail = typeof answer?.detail === 'string' ? answer.detail : typeof answer?.title === 'string' ? answer.title : response.statusText;
  return { status: response.status, detail, retryAfter: Number(response.headers.get('Retry-After')) || 0 };
}
