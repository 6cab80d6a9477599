/*
 * What a server must take and refuse once permessage-deflate is offered (RFC 7692), as a table like that of
 * conformance_cases.mjs: negotiation, compressed messages of all kinds, plain ones among them, misuse, broken data, bombs.
 *
 * Belfry agrees to compression only without context takeover on either side, and rather does without than to refuse.
 */
import zlib from 'node:zlib';
import { LIMIT, command, echo, ponged, sized, table, told, wrong } from './conformance_cases.mjs';
import { BINARY, TEXT, binary, close, fragments, frame, more, ping, pong, text } from './raw_ws.mjs';

const RSV1 = 4;
export const AGREED = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
const PLAIN_OFFER = 'permessage-deflate';

const { cases: all, add: addCase } = table();
export const cases = all;

/** A row with compression agreed on, unless `options` offer something else. */
const add = (group, what, send, answers, end = 'open', options = {}) =>
  addCase(group, what, send, answers, end, { offer: PLAIN_OFFER, agreed: AGREED, ...options });

/** A message's payload: deflated up to a boundary, whose last four bytes are left out. */
export function deflate(payload, options = {}) {
  const bytes = zlib.deflateRawSync(payload, { finishFlush: zlib.constants.Z_SYNC_FLUSH, ...options });
  return bytes.subarray(0, bytes.length - 4);
}
const packed = (payload, options) => text(deflate(payload, options), { rsv: RSV1 });

/** Numbers from 0 to 2^32, the same each time. */
function chance(state) {
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
}

const words = 'event severity source timestamp data agent session health service latency quality score'.split(' ');
const fillings = {
  'of one letter': () => () => 'x',
  'of words': () => {
    const next = chance(1);
    return () => `${words[(next() >>> 8) % words.length]} `;
  },
  'of noise': () => {
    const next = chance(2);
    return () => String.fromCharCode(97 + ((next() >>> 24) % 26), 65 + ((next() >>> 24) % 26), 48 + ((next() >>> 24) % 10));
  },
};

/** A command of exactly `length` bytes and its answer. */
function filled(length, filling) {
  const next = fillings[filling]();
  const room = length - command('""').length;
  let data = '';
  while (data.length < room) data += next();
  data = `"${data.slice(0, room)}"`;
  return { payload: command(data), answer: echo(data) };
}

const hello = filled(40, 'of words');
const long = filled(5000, 'of words');

// 12: messages of every size and kind

for (const filling of Object.keys(fillings))
  for (const length of [26, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, LIMIT]) {
    const { payload, answer } = filled(length, filling);
    add('12.1', `a compressed text of ${length} bytes ${filling} is answered`, packed(payload), answer);
  }
for (const length of [1024, 16384, LIMIT])
  for (const size of [1, 64, 256, 1024])
    for (const filling of size === 1 ? ['of words'] : ['of words', 'of noise']) {
      const { payload, answer } = filled(size === 1 ? 1024 : length, filling);
      if (size === 1 && length !== 1024) continue;
      add('12.2', `a compressed text of ${payload.length} bytes ${filling} in fragments of ${size} bytes is answered`, fragments(TEXT, deflate(payload), size, { rsv: RSV1 }), answer);
    }
for (const chop of [1, 2, 7, 64])
  add('12.3', `a compressed text that arrives in pieces of ${chop} bytes is answered`, packed(long.payload), long.answer, 'open', { chop });
for (let level = 0; level <= 9; level++)
  add('12.4', `a text compressed at level ${level} is answered`, packed(long.payload, { level }), long.answer);
for (const strategy of ['Z_DEFAULT_STRATEGY', 'Z_FILTERED', 'Z_HUFFMAN_ONLY', 'Z_RLE', 'Z_FIXED'])
  add('12.4', `a text compressed with the strategy ${strategy} is answered`, packed(long.payload, { strategy: zlib.constants[strategy] }), long.answer);
for (const windowBits of [9, 10, 11, 12, 13, 14, 15]) {
  const { payload, answer } = filled(LIMIT, 'of words');
  add('12.4', `a text of 64 KiB compressed with a window of ${windowBits} bits is answered`, packed(payload, { windowBits }), answer);
}
for (const memLevel of [1, 9]) add('12.4', `a text compressed with the memory level ${memLevel} is answered`, packed(long.payload, { memLevel }), long.answer);
for (const length of [32, 256, 1024, 8192]) {
  const thirty = Array.from({ length: 30 }, () => filled(length, 'of words'));
  add('12.5', `thirty compressed texts of ${length} bytes at once are answered`, thirty.map(({ payload }) => packed(payload)), thirty.map(({ answer }) => answer));
}
for (let at = 0; at <= deflate(hello.payload).length; at++) {
  const payload = deflate(hello.payload);
  add('12.6', `a compressed text cut at byte ${at} is answered`, [text(payload.subarray(0, at), { fin: false, rsv: RSV1 }), more(payload.subarray(at))], hello.answer);
}

// 13.1: negotiation

const window = (bits) => `${AGREED}; server_max_window_bits=${bits}`;
const agreements = [
  ['permessage-deflate', AGREED],
  ['permessage-deflate; client_max_window_bits', AGREED],
  ['permessage-deflate; client_no_context_takeover', AGREED],
  ['permessage-deflate; server_no_context_takeover', AGREED],
  ['permessage-deflate; server_no_context_takeover; client_no_context_takeover', AGREED],
  ['permessage-deflate; client_max_window_bits; server_no_context_takeover; client_no_context_takeover', AGREED],
  ...[8, 9, 10, 11, 12, 13, 14, 15].map((bits) => [`permessage-deflate; client_max_window_bits=${bits}`, AGREED]),
  ...[12, 13, 14, 15].map((bits) => [`permessage-deflate; server_max_window_bits=${bits}`, window(bits)]),
  ['permessage-deflate; server_max_window_bits=15; client_max_window_bits=15', window(15)],
  ['permessage-deflate; client_max_window_bits="12"', AGREED],
  ['permessage-deflate;client_max_window_bits', AGREED],
  ['  permessage-deflate  ;  client_max_window_bits  ', AGREED],
  ['permessage-deflate; server_max_window_bits=8, permessage-deflate', AGREED],
  ['permessage-deflate; server_no_context_takeover; server_max_window_bits=9, permessage-deflate; client_max_window_bits', AGREED],
  ['permessage-deflate; unheard_of, permessage-deflate', AGREED],
  ['permessage-deflate, permessage-deflate', AGREED],
  ['x-webkit-deflate-frame, permessage-deflate', AGREED],
  ['x-unheard-of; parameter="value", permessage-deflate; client_max_window_bits', AGREED],
  ['permessage-deflate, x-unheard-of', AGREED],
];
const refusals = [
  ['permessage-deflate; server_max_window_bits=8'],
  ['permessage-deflate; server_max_window_bits=11'],
  ['permessage-deflate; server_max_window_bits=7'],
  ['permessage-deflate; server_max_window_bits=16'],
  ['permessage-deflate; server_max_window_bits=0'],
  ['permessage-deflate; server_max_window_bits=-12'],
  ['permessage-deflate; server_max_window_bits=012'],
  ['permessage-deflate; server_max_window_bits'],
  ['permessage-deflate; client_max_window_bits=7'],
  ['permessage-deflate; client_max_window_bits=16'],
  ['permessage-deflate; client_max_window_bits=x'],
  ['permessage-deflate; client_no_context_takeover=1'],
  ['permessage-deflate; server_no_context_takeover=true'],
  ['permessage-deflate; client_no_context_takeover; client_no_context_takeover'],
  ['permessage-deflate; client_max_window_bits; client_max_window_bits=10'],
  ['permessage-deflate; unheard_of'],
  ['permessage-deflate; unheard_of=1; client_max_window_bits'],
  ['permessage-deflate; server_max_window_bits=9, permessage-deflate; server_max_window_bits=10'],
  ['permessage-bzip2'],
  ['x-webkit-deflate-frame'],
  ['deflate'],
  [''],
];
for (const [offer, agreed] of agreements) {
  add('13.1', `the offer '${offer}' is agreed to, and compressed texts are answered`, [
    packed(hello.payload), packed(long.payload), text(hello.payload), packed(long.payload, { windowBits: /client_max_window_bits="?(8|9|1\d)/.test(offer) ? 9 : 15 }),
  ], [hello.answer, long.answer, hello.answer, long.answer], 'open', { offer, agreed });
}
for (const [offer] of refusals) {
  add('13.1', `the offer '${offer}' is declined, and the connection is good without`, text(long.payload), long.answer, 'open', { offer, agreed: undefined });
  add('13.1', `after the offer '${offer}' was declined, a compressed text closes 1002`, packed(hello.payload), [], 1002, { offer, agreed: undefined });
}
add('13.1', 'offers in several headers are one list', packed(long.payload), long.answer, 'open', {
  offer: ['permessage-deflate; server_max_window_bits=8', 'permessage-deflate; client_max_window_bits'],
});
add('13.1', 'a hundred offers that cannot be met, and one that can', packed(long.payload), long.answer, 'open', {
  offer: `${'permessage-deflate; server_max_window_bits=8, '.repeat(100)}permessage-deflate`,
});

// 13.2: plain and compressed messages on one connection

add('13.2', 'a plain text is answered where compression is agreed on', text(long.payload), long.answer);
add('13.2', 'a plain text in fragments is answered where compression is agreed on', fragments(TEXT, long.payload, 100), long.answer);
add('13.2', 'plain and compressed texts take turns', Array.from({ length: 20 }, (_, n) => (n % 2 ? packed : text)(long.payload)), Array.from({ length: 20 }, () => long.answer));
add('13.2', 'the same compressed message again, because nothing is carried over', [packed(long.payload), packed(long.payload)], [long.answer, long.answer]);
add('13.2', 'a ping among compressed fragments is answered, and is not compressed itself', [
  text(deflate(long.payload).subarray(0, 20), { fin: false, rsv: RSV1 }), ping('mid'), more(deflate(long.payload).subarray(20)),
], [ponged('mid'), long.answer]);
add('13.2', 'empty fragments of a compressed text change nothing', [
  text('', { fin: false, rsv: RSV1 }), more(deflate(long.payload), { fin: false }), more('', { fin: false }), more(''),
], long.answer);
add('13.2', 'a compressed text, then a close', [packed(long.payload), close(1000)], long.answer, 1000);
add('13.2', 'a close within a compressed text', [text(deflate(long.payload).subarray(0, 20), { fin: false, rsv: RSV1 }), close(1001)], [], 1001);
add('13.2', 'a compressed binary message closes 1003', binary(deflate('abc'), { rsv: RSV1 }), [], 1003);
add('13.2', 'a plain binary message closes 1003', binary('abc'), [], 1003);

// 13.3: the same data in all the forms that DEFLATE has

const hex = (digits) => Buffer.from(digits.replaceAll(' ', ''), 'hex');
for (const [what, digits] of [
  ['one block', 'f2 48 cd c9 c9 07 00'], ['a block that is not compressed', '00 05 00 fa ff 48 65 6c 6c 6f 00'],
  ['a block that says it is the last', 'f3 48 cd c9 c9 07 00 00'], ['two blocks', 'f2 48 05 00 00 00 ff ff ca c9 c9 07 00'],
])
  add('13.3', `the RFC's own example of ${what} is read (and is no command)`, text(hex(digits), { rsv: RSV1 }), told('bad_json'));
add('13.3', "the RFC's own example in two fragments is read", [text(hex('f2 48 cd'), { fin: false, rsv: RSV1 }), more(hex('c9 c9 07 00'))], told('bad_json'));
for (const [what, payload] of [['as the RFC says it', hex('00')], ['as zlib makes it', deflate('')], ['without a byte', Buffer.alloc(0)], ['as several empty blocks', hex('00 00 00 ff ff 00 00 00 ff ff 00')]])
  add('13.3', `an empty compressed text ${what} is an empty text`, text(payload, { rsv: RSV1 }), told('bad_json'));
const [front, back] = [long.payload.subarray(0, 2000), long.payload.subarray(2000)];
const flushed = (payload, options) => zlib.deflateRawSync(payload, { finishFlush: zlib.constants.Z_SYNC_FLUSH, ...options });
const finished = (payload, options) => zlib.deflateRawSync(payload, options);
for (const [what, payload] of [
  ['ends with a final block', Buffer.concat([finished(long.payload), hex('00')])],
  ['has two parts, each by itself', Buffer.concat([flushed(front), deflate(back)])],
  ['has two parts, the second of which looks back', Buffer.concat([flushed(front), deflate(back, { dictionary: front })])],
  ['begins with an empty block', Buffer.concat([hex('00 00 00 ff ff'), deflate(long.payload)])],
  ['ends with an empty block', Buffer.concat([flushed(long.payload), hex('00')])],
  ['has an uncompressed part', Buffer.concat([flushed(front, { level: 0 }), deflate(back)])],
])
  add('13.3', `a compressed text is answered that ${what}`, text(payload, { rsv: RSV1 }), long.answer);

// 13.4: reserved bits that mean nothing here

for (let rsv = 1; rsv <= 7; rsv++) {
  const bits = rsv.toString(2).padStart(3, '0');
  if (rsv !== RSV1) {
    add('13.4', `a text with the reserved bits ${bits} closes 1002`, text(deflate(hello.payload), { rsv }), [], 1002);
    add('13.4', `a binary message with the reserved bits ${bits} closes 1002`, binary(deflate('x'), { rsv }), [], 1002);
  }
  add('13.4', `a continuation with the reserved bits ${bits} closes 1002`, [text(deflate(long.payload).subarray(0, 9), { fin: false, rsv: RSV1 }), more(deflate(long.payload).subarray(9), { rsv })], [], 1002);
  add('13.4', `a continuation of a plain text with the reserved bits ${bits} closes 1002`, [text('{', { fin: false }), more('}', { rsv })], [], 1002);
  add('13.4', `a ping with the reserved bits ${bits} closes 1002`, ping('p', { rsv }), [], 1002);
  add('13.4', `a pong with the reserved bits ${bits} closes 1002`, pong('p', { rsv }), [], 1002);
  add('13.4', `a close with the reserved bits ${bits} closes 1002`, close(1000, '', { rsv }), [], 1002);
  add('13.4', `the opcode 3 with the reserved bits ${bits} closes 1002`, frame(3, 'x', { rsv }), [], 1002);
}
add('13.4', 'a compressed text within a text closes 1002', [text('{', { fin: false }), packed(hello.payload)], [], 1002);
add('13.4', 'an unmasked compressed text closes 1002', text(deflate(hello.payload), { rsv: RSV1, mask: null }), [], 1002);

// 13.5: what does not inflate

const noise = (seed, length) => {
  const next = chance(seed);
  // The first byte begins a block of the kind that does not exist, so that there is no luck in it.
  return Buffer.from([0x06, ...Array.from({ length: length - 1 }, () => next() >>> 24)]);
};
const broken = [
  ['a block of a kind that does not exist', hex('06')],
  ['a last block of a kind that does not exist', hex('07')],
  ['only ones', Buffer.alloc(50, 0xff)],
  ['an uncompressed block whose length contradicts itself', hex('00 05 00 00 00 68 65 6c 6c 6f 00')],
  ['an uncompressed block that ends too early', hex('00 64 00 9b ff 68 65')],
  ['a text that was not compressed', hello.payload],
  ['a text with zlib\'s header', zlib.deflateSync(hello.payload)],
  ['a text packed with gzip', zlib.gzipSync(hello.payload)],
  ['half of a compressed text', deflate(long.payload).subarray(0, Math.floor(deflate(long.payload).length / 2))],
  ['a compressed text without its last ten bytes', deflate(long.payload).subarray(0, deflate(long.payload).length - 10)],
  ['a compressed text with rubbish behind it', Buffer.concat([deflate(long.payload), noise(3, 20)])],
  ['a text that looks back beyond its beginning', deflate(long.payload, { dictionary: long.payload })],
  ...[1, 2, 3, 4, 5].map((seed) => [`noise, number ${seed}`, noise(seed, 200)]),
];
for (const [what, payload] of broken) {
  add('13.5', `a compressed text that is ${what} closes 1007`, text(payload, { rsv: RSV1 }), [], 1007);
  add('13.5', `a compressed text in fragments that is ${what} closes 1007`, fragments(TEXT, payload, 3, { rsv: RSV1 }), [], 1007);
  add('13.5', `a compressed text that is ${what} closes 1007 after a good one was answered`, [packed(hello.payload), text(payload, { rsv: RSV1 })], hello.answer, 1007);
}
add('13.5', 'a compressed text that looks back into the message before closes 1007', [packed(long.payload), packed(long.payload, { dictionary: long.payload })], long.answer, 1007);
add('13.5', 'a broken binary message closes 1007', binary(hex('06'), { rsv: RSV1 }), [], 1007);

// 13.6: what becomes too large

const zeros = (length) => deflate(Buffer.alloc(length, ' '), { level: 9 });
for (const length of [LIMIT + 1, 70_000, 2 ** 20, 10 * 2 ** 20, 50 * 2 ** 20]) {
  const bomb = zeros(length);
  add('13.6', `a compressed text of ${bomb.length} bytes that inflates to ${length} closes 1009`, text(bomb, { rsv: RSV1 }), [], 1009);
  add('13.6', `a compressed text in fragments that inflates to ${length} bytes closes 1009`, fragments(TEXT, bomb, 1000, { rsv: RSV1 }), [], 1009);
}
add('13.6', 'a compressed binary message that inflates to 10 MiB closes 1009', binary(zeros(10 * 2 ** 20), { rsv: RSV1 }), [], 1009);
add('13.6', 'a compressed text that inflates to exactly 64 KiB is answered', packed(sized(LIMIT).payload), sized(LIMIT).answer);
add('13.6', 'a compressed text of more than 64 KiB on the wire closes 1009', text(Buffer.alloc(LIMIT + 1), { rsv: RSV1 }), [], 1009);
add('13.6', 'a compressed text that grows beyond 64 KiB on the wire closes 1009', [text(Buffer.alloc(LIMIT), { fin: false, rsv: RSV1 }), more('x')], [], 1009);
add('13.6', 'twelve thousand empty blocks are an empty text', text(Buffer.concat([Buffer.concat(Array(12_000).fill(hex('00 00 00 ff ff'))), hex('00')]), { rsv: RSV1 }), told('bad_json'));

// 13.7: UTF-8, which is that of the inflated text

const quoted = (digits) => command(Buffer.concat([Buffer.from('"'), hex(digits), Buffer.from('"')]));
for (const [what, digits] of wrong)
  add('13.7', `a compressed text with ${what} closes 1007`, packed(quoted(digits)), [], 1007);
for (const digits of ['c3', 'e282', 'f09f98'])
  add('13.7', `a compressed text that ends within a character (${digits}) closes 1007`, packed(Buffer.concat([Buffer.from('abc'), hex(digits)])), [], 1007);
for (const [what, data] of [['Greek', '"κόσμε"'], ['emoji', '"😀👩‍👩‍👧"'], ['U+10FFFF', '"\u{10ffff}"'], ['U+FFFF', '"\uffff"']]) {
  add('13.7', `${what} comes back unchanged from a compressed text`, packed(command(data)), echo(data));
  add('13.7', `${what} comes back unchanged from a compressed text in fragments of one byte`, fragments(TEXT, deflate(command(data)), 1, { rsv: RSV1 }), echo(data));
}
add('13.7', 'a compressed payload need not look like UTF-8 itself', fragments(BINARY, deflate('ä'.repeat(50)), 7, { rsv: RSV1 }), [], 1003);
