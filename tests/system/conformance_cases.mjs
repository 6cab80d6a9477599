/*
 * What a WebSocket server must take, and what it must refuse and how (RFC 6455), as a table: what is sent, what comes
 * back, how it ends. The groups follow those of the Autobahn test suite (1 framing, 2 pings, 3 reserved bits, 4 opcodes,
 * 5 fragmentation, 6 UTF-8, 7 closing, 9 sizes, 10 cutting); compression (12, 13) has a file of its own.
 *
 * Belfry has no echo, but the command `ping` gives its data back byte by byte as `pong`, which is as good.
 */
import { BINARY, CLOSE, PING, PONG, TEXT, binary, close, fragments, frame, more, ping, pong, raw, show, text } from './raw_ws.mjs';

/** The longest message that is taken. */
export const LIMIT = 65536;

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {{bytes: Buffer, words: string}[]} send
 * @property {Answer[]} answers in this order, before the end
 * @property {'open' | number} end the close code; `open`: the connection goes on as if nothing had been
 * @property {number} [chop] the frames are written in pieces of so many bytes
 * @property {string | string[]} [offer] Sec-WebSocket-Extensions
 * @property {string} [agreed] what that has to be answered with
 *
 * @typedef {object} Answer
 * @property {string} words
 * @property {(item: object) => boolean} fits
 */

/** A table: add() puts a row into it, numbered within its group. */
export function table() {
  const cases = [];
  const numbers = new Map();
  const add = (group, what, send, answers, end = 'open', options = {}) => {
    const number = (numbers.get(group) ?? 0) + 1;
    numbers.set(group, number);
    cases.push({ name: `${group}.${number} ${what}`, send: [send].flat(), answers: [answers].flat(), end, ...options });
  };
  return { cases, add };
}

// Answers

const isText = (item, payload) => item.kind === 'text' && item.payload.equals(Buffer.from(payload));

/** The command `ping` with `data`, and what comes back. */
export const command = (data) => Buffer.concat([Buffer.from('{"event":"ping","data":'), Buffer.from(data), Buffer.from('}')]);
export const echo = (data) => {
  const wanted = Buffer.concat([Buffer.from('{"event":"pong","data":'), Buffer.from(data), Buffer.from('}')]);
  return { words: `text ${show(wanted)}`, fits: (item) => isText(item, wanted) };
};
export const ponged = (payload) => ({
  words: `pong ${show(Buffer.from(payload))}`,
  fits: (item) => item.kind === 'pong' && item.payload.equals(Buffer.from(payload)),
});
/** A command that is none is answered, not closed. */
export const told = (code) => ({
  words: `an error ${code}`,
  fits: (item) => {
    if (item.kind !== 'text') return false;
    const { event, data } = JSON.parse(item.payload.toString());
    return event === 'error' && data.code === code;
  },
});

const quoted = (bytes) => Buffer.concat([Buffer.from('"'), Buffer.from(bytes), Buffer.from('"')]);
const SHORTEST = command('1').length;

/** A message of exactly `length` bytes, and its answer. What is too short for a command is no command. */
export function sized(length, letter = 'x') {
  if (length < SHORTEST) return { payload: Buffer.alloc(length, ' '), answer: told('bad_json') };
  const data = length === SHORTEST ? Buffer.from('1') : quoted(letter.repeat(length - command('""').length));
  return { payload: command(data), answer: echo(data) };
}

const small = (mark = 'hello') => ({ payload: command(quoted(mark)), answer: echo(quoted(mark)) });
const hello = small();

const { cases: all, add } = table();
export const cases = all;

// 1: frames of every length

for (const length of [
  0, 1, 2, 24, SHORTEST, 26, 27, 100, 124, 125, 126, 127, 128, 129, 254, 255, 256, 257, 1000, 4095, 4096, 4097, 16383, 16384, 16385,
  32767, 32768, 65534, 65535, LIMIT,
]) {
  const { payload, answer } = sized(length);
  add('1.1', `a text message of ${length} bytes is answered`, text(payload), answer);
}
for (const [length, chop] of [
  [0, 1], [1, 1], [125, 1], [126, 1], [127, 1], [128, 1], [300, 1], [4096, 1], [126, 2], [128, 2], [65535, 64], [LIMIT, 64], [LIMIT, 997],
  [LIMIT, 1460], [LIMIT, 4095], [LIMIT, 8191],
]) {
  const { payload, answer } = sized(length);
  add('1.1', `a text message of ${length} bytes that arrives in pieces of ${chop} is answered`, text(payload), answer, 'open', { chop });
}
for (const length of [0, 1, 125, 126, 127, 128, 65535, LIMIT])
  add('1.2', `a binary message of ${length} bytes closes 1003`, binary(Buffer.alloc(length, 0xfe)), [], 1003);
add('1.2', 'a binary message closes 1003 however it arrives', binary(Buffer.alloc(200, 0xfe)), [], 1003, { chop: 1 });
add('1.2', 'a text before a binary message is still answered', [text(hello.payload), binary('abc')], hello.answer, 1003);

for (const length of [LIMIT + 1, 70_000, 131_072, 1_000_000])
  add('1.3', `a text message of ${length} bytes closes 1009`, text(Buffer.alloc(length, 'x')), [], 1009);
add('1.3', 'a text message of 300,000 bytes closes 1009 while it is still being sent', text(Buffer.alloc(300_000, 'x')), [], 1009, { chop: 500 });
for (const length of [LIMIT + 1, 2 ** 20, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2n ** 53n, 2n ** 63n - 1n]) {
  add('1.3', `the header alone of a text of ${length} bytes closes 1009`, text('', { length, form: 64 }), [], 1009);
  add('1.3', `the header alone of a binary message of ${length} bytes closes 1009`, binary('', { length, form: 64 }), [], 1009);
}
for (const length of [2n ** 63n, 2n ** 63n + 5n, 2n ** 64n - 1n])
  add('1.3', `a length of ${length}, whose highest bit is set, closes 1002`, text('', { length, form: 64 }), [], 1002);

for (const [length, form] of [[0, 16], [1, 16], [5, 16], [125, 16], [0, 64], [1, 64], [125, 64], [126, 64], [127, 64], [65535, 64]])
  add('1.4', `a length of ${length} that is written with ${form} bits closes 1002`, text(Buffer.alloc(length, 'x'), { form }), [], 1002);
add('1.4', 'a fragment whose length is written with too many bits closes 1002', [text('a', { fin: false }), more('b', { form: 16 })], [], 1002);

for (const [what, one] of [
  ['text', text('hi', { mask: null })], ['empty text', text('', { mask: null })], ['binary', binary('hi', { mask: null })],
  ['continuation', more('hi', { mask: null })], ['ping', ping('hi', { mask: null })], ['pong', pong('hi', { mask: null })],
  ['close', close(1000, '', { mask: null })], ['long text', text(sized(1000).payload, { mask: null })],
]) {
  add('1.5', `an unmasked ${what} frame closes 1002`, one, [], 1002);
  add('1.5', `an unmasked ${what} frame after a good message closes 1002`, [text(hello.payload), one], hello.answer, 1002);
}
add('1.5', 'an unmasked fragment of a masked message closes 1002', [text('a', { fin: false }), more('b', { mask: null })], [], 1002);
for (const mask of ['00000000', 'ffffffff', '00ff00ff', '80000000', '00000001', '7b226576'])
  add('1.6', `the masking key ${mask} is as good as any`, text(sized(133).payload, { mask: Buffer.from(mask, 'hex') }), sized(133).answer);
add('1.6', 'each fragment has a masking key of its own', [
  text(hello.payload.subarray(0, 7), { fin: false, mask: Buffer.from('01020304', 'hex') }),
  more(hello.payload.subarray(7, 12), { fin: false, mask: Buffer.from('a0b0c0d0', 'hex') }),
  more(hello.payload.subarray(12), { mask: Buffer.alloc(4) }),
], hello.answer);

// 2: pings and pongs

for (const length of [0, 1, 2, 8, 64, 124, 125]) {
  const payload = Buffer.alloc(length, 'p');
  add('2.1', `a ping of ${length} bytes comes back as a pong`, ping(payload), ponged(payload));
  add('2.1', `a ping of ${length} bytes that arrives byte by byte comes back`, ping(payload), ponged(payload), 'open', { chop: 1 });
}
const everyLength = Array.from({ length: 126 }, (_, length) => Buffer.alloc(length, 48 + (length % 70)));
add('2.1', 'pings of every length come back in their order', everyLength.map((payload) => ping(payload)), everyLength.map(ponged));
for (const part of [0, 1, 2]) {
  const payload = Buffer.from(Array.from({ length: 86 }, (_, n) => (part * 86 + n) & 255));
  add('2.1', `a ping of the bytes ${payload[0]} to ${payload[85]} comes back unchanged`, ping(payload), ponged(payload));
}
add('2.1', 'a ping need not be UTF-8', ping(Buffer.from('00fffefdfcfb00ff', 'hex')), ponged(Buffer.from('00fffefdfcfb00ff', 'hex')));
for (const [length, form] of [[126, 16], [127, 16], [1000, 16], [LIMIT, 64]])
  add('2.2', `a ping of ${length} bytes closes 1002`, ping(Buffer.alloc(length, 'p'), { form }), [], 1002);
add('2.2', 'a pong of 126 bytes closes 1002', pong(Buffer.alloc(126, 'p')), [], 1002);
for (const form of [16, 64])
  for (const [what, make] of [['ping', ping], ['pong', pong]])
    add('2.2', `a ${what} of 5 bytes whose length is written with ${form} bits closes 1002`, make('hello', { form }), [], 1002);
add('2.2', 'the first two bytes of a ping that is too long close 1002', raw(Buffer.from([0x89, 0xfe])), [], 1002);
add('2.3', 'a pong that nobody asked for is ignored', pong('unasked'), []);
add('2.3', 'an empty pong that nobody asked for is ignored', pong(), []);
add('2.3', 'a pong of 125 bytes that nobody asked for is ignored', pong(Buffer.alloc(125, 'p')), []);
add('2.3', 'a pong that nobody asked for, then a ping', [pong('unasked'), ping('asked')], ponged('asked'));
add('2.3', 'a hundred pongs that nobody asked for are ignored', Array.from({ length: 100 }, () => pong('x')), []);
for (const [count, chop] of [[10, undefined], [10, 1], [100, undefined], [100, 7], [300, 100]]) {
  const marks = Array.from({ length: count }, (_, n) => `payload-${n}`);
  add('2.4', `${count} pings ${chop ? `in pieces of ${chop} bytes` : 'at once'} come back in their order`, marks.map((mark) => ping(mark)), marks.map(ponged), 'open', { chop });
}
add('2.4', 'pings between messages keep the order', [
  ping('one'), text(hello.payload), ping('two'), text(small('again').payload), ping('three'),
], [ponged('one'), hello.answer, ponged('two'), small('again').answer, ponged('three')]);

// 3: reserved bits, which mean nothing without an extension

for (let rsv = 1; rsv <= 7; rsv++) {
  const bits = rsv.toString(2).padStart(3, '0');
  for (const [what, send, answers] of [
    ['a text', [text(hello.payload, { rsv })], []],
    ['a text after a good one', [text(hello.payload), text(hello.payload, { rsv })], hello.answer],
    ['an empty text', [text('', { rsv })], []],
    ['a binary message', [binary('abc', { rsv })], []],
    ['a ping', [ping('abc', { rsv })], []],
    ['a pong', [pong('abc', { rsv })], []],
    ['a close', [close(1000, '', { rsv })], []],
    ['a continuation', [text('a', { fin: false }), more('b', { rsv })], []],
  ])
    add('3', `${what} with the reserved bits ${bits} closes 1002`, send, answers, 1002);
  add('3', `the reserved bits ${bits} close 1002 before the rest of the frame has come`, raw(Buffer.from([0x81 | (rsv << 4), 0xfe])), [], 1002);
  add('3', `the reserved bits ${bits} close 1002 also byte by byte`, [text(hello.payload), text(hello.payload, { rsv })], hello.answer, 1002, { chop: 1 });
}

// 4: opcodes that do not exist

for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
  const what = `${opcode < 8 ? 'data' : 'control'} opcode ${opcode}`;
  add('4', `the ${what} without a payload closes 1002`, frame(opcode), [], 1002);
  add('4', `the ${what} with a payload closes 1002`, frame(opcode, 'hello'), [], 1002);
  add('4', `the ${what} after a good message closes 1002, and the message is answered`, [text(hello.payload), frame(opcode, 'x'), ping()], hello.answer, 1002);
  add('4', `the ${what} within a message closes 1002`, [text('{"event":', { fin: false }), frame(opcode, 'x'), more('"ping"}')], [], 1002);
  add('4', `the ${what} closes 1002 also byte by byte`, [text(hello.payload), frame(opcode, 'hello')], hello.answer, 1002, { chop: 1 });
  add('4', `the ${what} as an unfinished frame closes 1002`, frame(opcode, 'x', { fin: false }), [], 1002);
}

// 5: fragments

for (const [what, one] of [
  ['ping', frame(PING, 'x', { fin: false })], ['pong', frame(PONG, 'x', { fin: false })], ['close', frame(CLOSE, Buffer.from([3, 232]), { fin: false })],
  ['empty ping', frame(PING, '', { fin: false })], ['empty pong', frame(PONG, '', { fin: false })], ['empty close', frame(CLOSE, '', { fin: false })],
]) {
  add('5.1', `a ${what} in fragments closes 1002`, [one, more('rest')], [], 1002);
  add('5.1', `a ${what} in fragments within a message closes 1002`, [text('{', { fin: false }), one, more('}')], [], 1002);
}
for (const count of [2, 3, 5, 10]) {
  const send = fragments(TEXT, hello.payload, Math.ceil(hello.payload.length / count));
  add('5.2', `a text in ${count} fragments is answered`, send, hello.answer);
  add('5.2', `a text in ${count} fragments that arrive byte by byte is answered`, send, hello.answer, 'open', { chop: 1 });
}
add('5.2', 'a text in fragments of one byte each is answered', fragments(TEXT, hello.payload, 1), hello.answer);
for (let at = 0; at <= hello.payload.length; at++)
  add('5.2', `a text cut at byte ${at} is answered`, [text(hello.payload.subarray(0, at), { fin: false }), more(hello.payload.subarray(at))], hello.answer);

const [one, two, three] = [hello.payload.subarray(0, 9), hello.payload.subarray(9, 20), hello.payload.subarray(20)];
for (const chop of [undefined, 1]) {
  const how = chop ? ', byte by byte' : '';
  add('5.3', `a ping between two fragments is answered at once${how}`, [text(one, { fin: false }), ping('mid'), more(two, { fin: false }), more(three)], [ponged('mid'), hello.answer], 'open', { chop });
  add('5.3', `pings between all fragments are answered in their order${how}`, [
    text(one, { fin: false }), ping('1'), more(two, { fin: false }), ping('2'), ping('3'), more(three), ping('4'),
  ], [ponged('1'), ponged('2'), ponged('3'), hello.answer, ponged('4')], 'open', { chop });
  add('5.3', `a pong between two fragments is ignored${how}`, [text(one, { fin: false }), pong('mid'), more(Buffer.concat([two, three]))], hello.answer, 'open', { chop });
  add('5.3', `a ping of 125 bytes between two fragments spoils neither${how}`, [
    text(one, { fin: false }), ping(Buffer.alloc(125, 'q')), more(two, { fin: false }), more(three),
  ], [ponged(Buffer.alloc(125, 'q')), hello.answer], 'open', { chop });
  add('5.3', `a ping is answered although the message never ends${how}`, [text(one, { fin: false }), ping('mid'), close(1000)], ponged('mid'), 1000, { chop });
}
add('5.3', 'a hundred pings within a message', [
  text(one, { fin: false }), ...Array.from({ length: 100 }, (_, n) => ping(`${n}`)), more(two, { fin: false }), more(three),
], [...Array.from({ length: 100 }, (_, n) => ponged(`${n}`)), hello.answer]);

for (const [what, send, answers = []] of [
  ['a last continuation', [more('x')]],
  ['an unfinished continuation', [more('x', { fin: false })]],
  ['an empty last continuation', [more('')]],
  ['an empty unfinished continuation', [more('', { fin: false })]],
  ['an unfinished continuation before a text', [more('x', { fin: false }), text(hello.payload)]],
  ['a last continuation before a text', [more('x'), text(hello.payload)]],
  ['a continuation after a whole text', [text(hello.payload), more('x')], hello.answer],
  ['a continuation after a text in fragments', [text(one, { fin: false }), more(Buffer.concat([two, three])), more('x')], hello.answer],
  ['a continuation after a ping', [ping('p'), more('x')], ponged('p')],
  ['a continuation with a ping before it', [text(hello.payload), ping('p'), more('x', { fin: false })], [hello.answer, ponged('p')]],
]) {
  add('5.4', `${what} with nothing to continue closes 1002`, send, answers, 1002);
  add('5.4', `${what} with nothing to continue closes 1002 also byte by byte`, send, answers, 1002, { chop: 1 });
}
for (const [what, first, second] of [
  ['a text within a text', TEXT, TEXT], ['a binary message within a text', TEXT, BINARY],
  ['a text within a binary message', BINARY, TEXT], ['a binary message within a binary message', BINARY, BINARY],
])
  for (const fin of [true, false])
    for (const between of [[], [ping('p')]])
      add('5.5', `${what} (${fin ? 'whole' : 'unfinished'}${between.length ? ', after a ping' : ''}) closes 1002`, [
        frame(first, 'a', { fin: false }), ...between, frame(second, 'b', { fin }),
      ], between.length ? ponged('p') : [], 1002);

const empty = (fin = false) => more('', { fin });
for (const [what, send, answer = hello.answer] of [
  ['the first fragment is empty', [text('', { fin: false }), more(hello.payload)]],
  ['the last fragment is empty', [text(hello.payload, { fin: false }), empty(true)]],
  ['one in the middle is empty', [text(one, { fin: false }), empty(), more(Buffer.concat([two, three]))]],
  ['every other fragment is empty', [text('', { fin: false }), more(one, { fin: false }), empty(), more(two, { fin: false }), empty(), more(three, { fin: false }), empty(true)]],
  ['both fragments are empty', [text('', { fin: false }), empty(true)], told('bad_json')],
  ['all of three fragments are empty', [text('', { fin: false }), empty(), empty(true)], told('bad_json')],
  ['a thousand fragments are empty', [text(one, { fin: false }), ...Array.from({ length: 1000 }, () => empty()), more(Buffer.concat([two, three]))]],
])
  add('5.6', `a text is answered although ${what}`, send, answer);
add('5.7', 'a binary message in fragments closes 1003', fragments(BINARY, 'abcdef', 2), [], 1003);
add('5.7', 'two texts in fragments, one after the other', [...fragments(TEXT, hello.payload, 5), ...fragments(TEXT, small('two').payload, 5)], [hello.answer, small('two').answer]);
add('5.7', 'a text in fragments, then a whole one', [...fragments(TEXT, hello.payload, 5), text(small('two').payload)], [hello.answer, small('two').answer]);

// 6: UTF-8

const hex = (digits) => Buffer.from(digits.replaceAll(' ', ''), 'hex');
for (const [what, bytes] of [
  ['Greek', 'κόσμε'], ['German', 'Hello-µ@ßöäüàá-UTF-8!!'], ['Japanese', 'いろはにほへと'], ['Hebrew', 'דג סקרן שט בים'], ['Thai', 'เป็นมนุษย์สุดประเสริฐ'],
  ['emoji', '😀👩‍👩‍👧🏴‍☠️'], ['combining marks', 'Z̤͔ͧ̑̓ä͖̭̈̇lͮ̒ͫǧ̗͚̚o̙̔ͮ̇͐̇'], ['a byte order mark', '\ufeffx'],
  ['U+0020, the first in JSON of one byte', hex('20')], ['U+007F, the last of one byte', hex('7f')],
  ['U+0080, the first of two bytes', hex('c280')], ['U+07FF, the last of two bytes', hex('dfbf')],
  ['U+0800, the first of three bytes', hex('e0a080')], ['U+0FFF', hex('e0bfbf')], ['U+1000', hex('e18080')], ['U+CFFF', hex('ecbfbf')],
  ['U+D000', hex('ed8080')], ['U+D7FF, the last before the surrogates', hex('ed9fbf')], ['U+E000, the first after them', hex('ee8080')],
  ['U+FFFD', hex('efbfbd')], ['U+FFFE', hex('efbfbe')], ['U+FFFF, the last of three bytes', hex('efbfbf')],
  ['U+FDD0, no character but valid', hex('efb790')], ['U+10000, the first of four bytes', hex('f0908080')], ['U+1FFFE', hex('f09fbfbe')],
  ['U+3FFFF', hex('f0bfbfbf')], ['U+40000', hex('f1808080')], ['U+FFFFF', hex('f3bfbfbf')], ['U+100000', hex('f4808080')],
  ['U+10FFFE', hex('f48fbfbe')], ['U+10FFFF, the last of all', hex('f48fbfbf')],
]) {
  const data = quoted(bytes);
  add('6.1', `${what} comes back unchanged`, text(command(data)), echo(data));
  add('6.1', `${what} comes back unchanged, in fragments of one byte`, fragments(TEXT, command(data), 1), echo(data));
  add('6.1', `${what} comes back unchanged, byte by byte`, text(command(data)), echo(data), 'open', { chop: 1 });
}
for (const [what, bytes] of [['two', 'c3a4'], ['three', 'e282ac'], ['four', 'f09f9880']]) {
  const data = quoted(hex(bytes));
  const start = command('"').length - 1;
  for (let cut = 1; cut < hex(bytes).length; cut++)
    add('6.1', `a ping after byte ${cut} of a character of ${what} does not spoil it`, [
      text(command(data).subarray(0, start + cut), { fin: false }), ping('p'), more(command(data).subarray(start + cut)),
    ], [ponged('p'), echo(data)]);
}

/** Texts that are not UTF-8. */
export const wrong = [
  ['80, a continuation byte alone', '80'], ['bf, a continuation byte alone', 'bf'], ['two continuation bytes', '80bf'], ['five continuation bytes', '80bf80bf80'],
  ['c0', 'c0'], ['c1', 'c1'], ['f5', 'f5'], ['f8', 'f8'], ['fc', 'fc'], ['fe', 'fe'], ['ff', 'ff'], ['fe fe ff ff', 'fefeffff'],
  ['c2 without the rest', 'c220'], ['df without the rest', 'df20'], ['e0 without the rest', 'e020'], ['e2 82 without the rest', 'e28220'],
  ['ef without the rest', 'ef20'], ['f0 without the rest', 'f020'], ['f0 9f without the rest', 'f09f20'], ['f0 9f 98 without the rest', 'f09f9820'],
  ['f4 without the rest', 'f420'], ['c2 followed by c2', 'c2c280'], ['e2 82 followed by e2', 'e282e282ac'], ['f0 9f 98 followed by f0', 'f09f98f09f9880'],
  ['c0 80, U+0000 in two bytes', 'c080'], ['c0 af, a slash in two bytes', 'c0af'], ['c1 bf, U+007F in two bytes', 'c1bf'],
  ['e0 80 af, a slash in three bytes', 'e080af'], ['e0 80 80, U+0000 in three bytes', 'e08080'], ['e0 9f bf, U+07FF in three bytes', 'e09fbf'],
  ['f0 80 80 af, a slash in four bytes', 'f08080af'], ['f0 80 80 80, U+0000 in four bytes', 'f0808080'], ['f0 8f bf bf, U+FFFF in four bytes', 'f08fbfbf'],
  ['f8 80 80 80 af, a slash in five bytes', 'f8808080af'], ['f8 88 80 80 80, five bytes', 'f888808080'], ['fc 80 80 80 80 af, a slash in six bytes', 'fc80808080af'],
  ['fc 84 80 80 80 80, six bytes', 'fc8480808080'], ['fd bf bf bf bf bf, six bytes', 'fdbfbfbfbfbf'],
  ['ed a0 80, the surrogate D800', 'eda080'], ['ed ad bf, the surrogate DB7F', 'edadbf'], ['ed ae 80, the surrogate DB80', 'edae80'],
  ['ed af bf, the surrogate DBFF', 'edafbf'], ['ed b0 80, the surrogate DC00', 'edb080'], ['ed be 80, the surrogate DF80', 'edbe80'],
  ['ed bf bf, the surrogate DFFF', 'edbfbf'], ['a pair of surrogates', 'eda080edb080'], ['the last pair of surrogates', 'edafbfedbfbf'],
  ['f4 90 80 80, U+110000', 'f4908080'], ['f5 80 80 80, U+140000', 'f5808080'], ['f7 bf bf bf, U+1FFFFF', 'f7bfbfbf'],
];
for (const [what, digits] of wrong) {
  const payload = command(quoted(hex(digits)));
  add('6.2', `${what} closes 1007`, text(payload), [], 1007);
  add('6.2', `${what} closes 1007, in fragments of one byte`, fragments(TEXT, payload, 1), [], 1007);
  add('6.2', `${what} closes 1007, byte by byte after a good message`, [text(hello.payload), text(payload)], hello.answer, 1007, { chop: 1 });
}
// The wrong byte is refused when it comes: the rest of the frame, or of the message, is never sent.
for (const [what, digits] of wrong.filter(([, digits]) => digits.length > 2)) {
  const start = Buffer.from('{"event":"ping","data":"');
  const bytes = Buffer.concat([start, hex(digits)]);
  add('6.3', `${what} closes 1007 before the end of the message`, text(bytes, { fin: false }), [], 1007);
}
for (const [what, digits] of [['ff', 'ff'], ['c0', 'c0'], ['c3 28', 'c328'], ['ed a0', 'eda0'], ['f4 90', 'f490'], ['e0 80', 'e080'], ['f0 80', 'f080'], ['f5', 'f5']]) {
  const begun = text(hex(digits), { fin: true });
  const header = text('', { length: 1000, form: 16, mask: Buffer.alloc(4) });
  add('6.3', `${what} closes 1007 at once: the first bytes of a frame of 1000`, [header, raw(hex(digits))], [], 1007);
  add('6.3', `${what} closes 1007 at once: in the second of many fragments`, [text('{', { fin: false }), more(hex(digits), { fin: false })], [], 1007);
  add('6.3', `${what} as all of a text closes 1007`, begun, [], 1007);
}
for (const [what, digits] of [['two', 'c3a4'], ['three', 'e282ac'], ['four', 'f09f9880']])
  for (let length = 1; length < hex(digits).length; length++) {
    const begun = Buffer.concat([Buffer.from('abc'), hex(digits).subarray(0, length)]);
    add('6.4', `a text that ends after byte ${length} of a character of ${what} closes 1007`, text(begun), [], 1007);
    add('6.4', `a text in fragments that ends after byte ${length} of a character of ${what} closes 1007`, [text(begun, { fin: false }), empty(true)], [], 1007);
    add('6.4', `what follows is no rest of a character of ${what} after its byte ${length}: 1007`, [text(begun, { fin: false }), more('x')], [], 1007);
  }
add('6.5', 'a binary message need not be UTF-8: it closes 1003, not 1007', binary(hex('fffe80')), [], 1003);
add('6.5', 'a character left open in one message has nothing to do with the next', [text(command(quoted('ä'))), text(hello.payload)], [echo(quoted('ä')), hello.answer]);

// 7: closing

for (const chop of [undefined, 1]) {
  const how = chop ? ', byte by byte' : '';
  add('7.1', `a message, then a close: answered, then closed${how}`, [text(hello.payload), close(1000)], hello.answer, 1000, { chop });
  add('7.1', `a ping, then a close: a pong, then closed${how}`, [ping('p'), close(1001)], ponged('p'), 1001, { chop });
  add('7.1', `a close within a message ends both${how}`, [text(one, { fin: false }), close(1000)], [], 1000, { chop });
}
add('7.1', 'a second close has no answer', [close(1000), close(1000)], [], 1000);
add('7.1', 'a second close with another code has no answer', [close(1000), close(1001)], [], 1000);
add('7.1', 'a ping after a close has no answer', [close(1000), ping('late')], [], 1000);
add('7.1', 'a text after a close has no answer', [close(1000), text(hello.payload)], [], 1000);
add('7.1', 'the rest of a message after a close has no answer', [text(one, { fin: false }), close(1000), more(Buffer.concat([two, three]))], [], 1000);
add('7.1', 'rubbish after a close changes nothing', [close(1000), raw(Buffer.alloc(50, 0xff))], [], 1000);
add('7.1', 'a long message, then a close', [text(sized(LIMIT).payload), close(1000)], sized(LIMIT).answer, 1000);
add('7.1', 'ten messages, then a close: all are answered first', [
  ...Array.from({ length: 10 }, (_, n) => text(command(`${n}`))), close(1000),
], Array.from({ length: 10 }, (_, n) => echo(`${n}`)), 1000);
add('7.2', 'an empty close is answered', close(), [], 1000);
add('7.2', 'an empty close is answered, byte by byte', close(), [], 1000, { chop: 1 });
for (const byte of [0, 3, 255]) add('7.2', `a close of the one byte ${byte} closes 1002`, frame(CLOSE, Buffer.from([byte])), [], 1002);
add('7.2', 'a close with nothing but a code', close(1000), [], 1000);
for (const length of [1, 2, 50, 122, 123])
  add('7.2', `a close with a reason of ${length} bytes`, close(1000, 'r'.repeat(length)), [], 1000);
for (const [length, form] of [[124, 16], [125, 16], [200, 16], [70_000, 64]])
  add('7.2', `a close with a reason of ${length} bytes closes 1002`, close(1000, 'r'.repeat(length), { form }), [], 1002);
for (const form of [16, 64]) add('7.2', `a close whose length is written with ${form} bits closes 1002`, close(1000, '', { form }), [], 1002);
add('7.2', 'a reason may be any text', close(1000, 'Auf Wiedersehen, κόσμε 😀'), [], 1000);
for (const [what, digits] of wrong.filter((_, n) => n % 3 === 0))
  add('7.3', `a close whose reason holds ${what} closes 1007`, close(1000, hex(digits)), [], 1007);
for (const digits of ['c3', 'e282', 'f09f98'])
  add('7.3', `a close whose reason ends within a character (${digits}) closes 1007`, close(1000, Buffer.concat([Buffer.from('bye '), hex(digits)])), [], 1007);
for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3001, 3999, 4000, 4401, 4999])
  add('7.4', `a close with the code ${code} comes back with it`, close(code, 'because'), [], code);
for (const code of [0, 1, 2, 100, 500, 998, 999, 1004, 1005, 1006, 1015, 1016, 1017, 1100, 1500, 1999, 2000, 2500, 2999, 5000, 5001, 9999, 32768, 65535])
  add('7.5', `a close with the code ${code}, which nobody may send, closes 1002`, close(code), [], 1002);
for (const code of [999, 1005, 1006, 1015, 5000])
  add('7.5', `a close with the code ${code} and a reason closes 1002`, close(code, 'because'), [], 1002);

// 9: large messages in many frames, and in many pieces

for (const size of [64, 256, 1024, 1300, 4096, 16384, 32768]) {
  const { payload, answer } = sized(LIMIT);
  add('9.1', `a text of 64 KiB in fragments of ${size} bytes is answered`, fragments(TEXT, payload, size), answer);
}
for (const chop of [128, 256, 512, 1024, 2048])
  add('9.2', `a text of 64 KiB that arrives in pieces of ${chop} bytes is answered`, text(sized(LIMIT).payload), sized(LIMIT).answer, 'open', { chop });
for (const size of [64, 1024, 65535, LIMIT]) {
  const full = fragments(TEXT, Buffer.alloc(LIMIT, ' '), size);
  const last = Buffer.alloc(LIMIT - size * (full.length - 1), ' ');
  const open = full.length > 1 ? [...full.slice(0, -1), more(last, { fin: false })] : [text(last, { fin: false })];
  add('9.3', `a text of 64 KiB in fragments of ${size} bytes, and then one byte more, closes 1009`, [...open, more('x')], [], 1009);
}
add('9.3', 'a text that has reached 64 KiB may go on with empty fragments', [text(sized(LIMIT).payload, { fin: false }), empty(), empty(true)], sized(LIMIT).answer);
add('9.3', 'a binary message that grows beyond 64 KiB closes 1009', [
  binary(Buffer.alloc(40_000), { fin: false }), more(Buffer.alloc(40_000)),
], [], 1009);
add('9.3', 'a fragment of a ping within a text of 64 KiB does not count to it', [
  text(sized(LIMIT).payload.subarray(0, 65_000), { fin: false }), ping(Buffer.alloc(125, 'p')), ping(Buffer.alloc(125, 'p')), ping(Buffer.alloc(125, 'p')),
  ping(Buffer.alloc(125, 'p')), ping(Buffer.alloc(125, 'p')), more(sized(LIMIT).payload.subarray(65_000)),
], [...Array.from({ length: 5 }, () => ponged(Buffer.alloc(125, 'p'))), sized(LIMIT).answer]);
for (const length of [27, 40, 64, 256, 1024, 4096, 32768]) {
  const thirty = Array.from({ length: 30 }, (_, n) => sized(length, 'abcdefghijklmnopqrstuvwxyz0123456789'[n]));
  add('9.4', `thirty texts of ${length} bytes at once are answered in their order`, thirty.map(({ payload }) => text(payload)), thirty.map(({ answer }) => answer));
}
add('10', 'a text of 64 KiB cut into frames of 1300 bytes with a ping after each ten', fragments(TEXT, sized(LIMIT).payload, 1300).flatMap((part, n) => (n % 10 === 9 ? [part, ping(`${n}`)] : [part])),
  [...[9, 19, 29, 39, 49].map((n) => ponged(`${n}`)), sized(LIMIT).answer]);
add('10', 'the same, its bytes arriving in pieces of 1460', fragments(TEXT, sized(LIMIT).payload, 1300), sized(LIMIT).answer, 'open', { chop: 1460 });
