/*
 * Programs that connect as the form is set, to copy. They are complete: they resume where they were.
 */
import { address, parameters, subscription, wayOf } from './form.js';

/** A word for a POSIX shell. @param {string} text */
export const shellWord = (text) => (/^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** A text for JavaScript. @param {string} text */
const jsText = (text) => `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;

/** What the address cannot ask for: a `subscribe`, or ''. @param {import('./form.js').Form} form */
const subscribeText = (form) => (form.batch || form.metrics ? JSON.stringify({ event: 'subscribe', data: { ...subscription(form), since: undefined, last: undefined } }) : '');

/** @param {import('./form.js').Form} form @param {string} base */
export function javascript(form, base) {
  const way = wayOf(form.way);
  const websocket = way.kind === 'WebSocket';
  const url = address(base, way.path, parameters(form), websocket);
  if (!websocket)
    return `// In a page of this site; the cookie of the sign-in goes along.
const source = new EventSource(${jsText(url)});

source.onmessage = ({ data, lastEventId }) => {
  const message = JSON.parse(data);
  console.log(lastEventId, message.event, message.data);
};
// The browser comes back by itself and says where it was. It gives up
// only when it is refused (401, 403, 400), and does not say why.
source.onerror = () => {
  if (source.readyState === EventSource.CLOSED) console.log('refused: am I signed in?');
};`;
  const data = subscribeText(form);
  return `// In a page of this site the cookie of the sign-in goes along.
// In Node.js (ws): new WebSocket(url, { headers: { Authorization: 'Bearer bfy_…' } })
let last = 0; // the newest event that was seen
let epoch = ''; // of the history it belongs to

function connect() {
  const url = new URL(${jsText(url)});
  if (last) {
    url.searchParams.delete('last');
    url.searchParams.set('since', last);
    url.searchParams.set('epoch', epoch);
  }
  const socket = new WebSocket(url);
  let wait = 1000 + 4000 * Math.random(); // not everybody in the same second

  socket.onmessage = ({ data }) => {
    for (const message of [JSON.parse(data)].flat()) {
      if (message.event === 'connected') {
        if (last && !message.data.complete) console.warn('events were missed');
        if (epoch !== message.data.epoch) last = message.data.resumed_from;
        epoch = message.data.epoch;${data ? `\n        socket.send(${jsText(data)});` : ''}
      } else if (message.event === 'position') {
        last = message.data.head;
      } else if (message.event === 'gap') {
        console.warn('not sent:', message.data.from, 'to', message.data.to);
        last = message.data.to;
      } else if (message.event === 'closing') {
        wait = message.data.retry_after_ms;
      } else {
        if (message.id) last = message.id;
        console.log(message.event, message.data);
      }
    }
  };
  socket.onclose = ({ code }) => {
    if (code !== 4401) setTimeout(connect, wait); // 4401: sign in again
  };
}
connect();`;
}

/** @param {import('./form.js').Form} form @param {string} base */
export function curl(form, base) {
  const url = address(base, 'events', parameters(form), false);
  return `# Server-Sent Events: the same filters, one way. The key from a file, so that
# it is in no history and no list of processes.
curl -N -H "Authorization: Bearer $(cat admin.token)" \\
  ${shellWord(url)}`;
}

/** @param {import('./form.js').Form} form @param {string} base */
export function commandLine(form, base) {
  const query = parameters(form);
  const words = ['belfry', 'tail', '--raw'];
  if (form.way === 'ws') words.push('--ws');
  if (form.way === 'dashboard') words.push('--dashboard');
  if (query.since) delete query.last; // it takes one of them
  if (query.interval === '0') delete query.interval;
  for (const [name, option] of OPTIONS) {
    const value = query[name];
    if (value) words.push(option, shellWord(value));
  }
  if (form.way !== 'events' && subscribeText(form)) words.push('--send', shellWord(subscribeText(form)));
  return `# Every message as it comes, one a line.
export BELFRY_URL=${shellWord(new URL('.', base).href)} BELFRY_KEY_FILE=admin.token
${words.join(' ')}`;
}

const OPTIONS = /** @type {const} */ ([
  ['events', '--event'], ['min_severity', '--severity'], ['sources', '--source'],
  ['since', '--since'], ['last', '--last'], ['interval', '--interval'],
]);

export const SNIPPETS = /** @type {const} */ ([
  { key: 'javascript', name: 'JavaScript', make: javascript },
  { key: 'curl', name: 'curl', make: curl },
  { key: 'belfry', name: 'belfry', make: commandLine },
]);
