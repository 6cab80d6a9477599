/*
 * Rotation torture: a writer rotates its log by rename and by copy-and-truncate, again and again, while belfry-watchd is
 * killed at random. By rename every line is in the history exactly once and in order; by copy-and-truncate at least once,
 * and lines that are there twice are counted and told. BELFRY_ROTATION_ROUNDS makes it longer (40 by default);
 * BELFRY_ROTATION_SEED tells another story.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { start, temporaryFolder } from './harness.mjs';

const rounds = Number(process.env.BELFRY_ROTATION_ROUNDS ?? 40);
let belfry, folder, seed = Number(process.env.BELFRY_ROTATION_SEED ?? 1);

/** 0 to `sides` - 1; the same in each run of a seed (Numerical Recipes' generator). */
const roll = (sides) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return (seed >>> 16) % sides;
};

before(async () => {
  folder = temporaryFolder();
  for (const name of ['renamed.log', 'copied.log']) fs.writeFileSync(path.join(folder, name), '');
  belfry = await start({ conf: { watch: { host_interval: '1h' }, logs: [{ path: path.join(folder, '*.log'), multiline: 'off' }] } });
});
after(() => belfry?.stop());

/** A program that logs to a file, line after line, and is told when it was renamed. */
class Writer {
  constructor(name, keep) {
    this.path = path.join(folder, name);
    this.keep = keep;
    this.lines = 0;
    this.reopen();
  }

  reopen() {
    if (this.fd !== undefined) fs.closeSync(this.fd);
    this.fd = fs.openSync(this.path, 'a');
  }

  write(count) {
    let text = '';
    for (let i = 0; i < count; i++) text += `line ${this.lines++} of the story\n`;
    // Some lines come in two pieces.
    const cut = roll(3) ? text.length : roll(text.length + 1);
    fs.writeSync(this.fd, text.slice(0, cut));
    if (cut < text.length) fs.writeSync(this.fd, text.slice(cut));
  }

  /** NAME.1 becomes NAME.2 and so on; as many as are kept. */
  shift() {
    for (let n = this.keep; n > 0; n--) if (fs.existsSync(`${this.path}.${n}`)) fs.renameSync(`${this.path}.${n}`, `${this.path}.${n + 1}`);
  }

  rename() {
    this.shift();
    fs.renameSync(this.path, `${this.path}.1`);
    this.write(roll(4)); // it has not been told yet
    this.reopen();
  }

  copy() {
    this.shift();
    fs.copyFileSync(this.path, `${this.path}.1`);
    fs.ftruncateSync(this.fd);
  }
}

/** The numbers of the lines that were stored, in their order. */
const stored = async (source) => {
  const numbers = [];
  for (let cursor = ''; cursor !== null;) {
    const { json } = await belfry.get(`/api/logs?source=${source}&order=asc&limit=1000${cursor && `&cursor=${encodeURIComponent(cursor)}`}`, { key: belfry.adminKey });
    numbers.push(...json.logs.map((line) => Number(line.message.match(/^line (\d+) of the story$/)?.[1] ?? NaN)));
    cursor = json.next_cursor ?? null;
  }
  return numbers;
};

/** Tells the story of one writer: writes, rotates, and kills who reads. */
const tell = async (writer, rotate) => {
  let kills = 0;
  // A file that nobody has seen yet may be renamed without anybody knowing.
  writer.write(1);
  await belfry.until(async () => (await stored(path.basename(writer.path))).length === 1, 'the first line');
  for (let round = 0; round < rounds; round++) {
    for (let turn = roll(6); turn >= 0; turn--) {
      writer.write(1 + roll(40));
      if (roll(3) === 0) await pause(roll(20)); // how the two run beside each other is what varies
    }
    rotate();
    if (roll(4) === 0) {
      await belfry.kill('belfry-watchd');
      kills++;
      for (let more = roll(3); more > 0; more--) {
        writer.write(1 + roll(10));
        rotate();
      }
      belfry.startProgram('belfry-watchd');
    }
  }
  writer.write(1);
  const last = writer.lines - 1;
  await belfry.until(async () => (await stored(path.basename(writer.path))).includes(last), `line ${last} of ${writer.path}, after ${kills} kills`, { timeout: 60_000 });
};

test('by rename, each line is there once and in order', async () => {
  const writer = new Writer('renamed.log', 4 * rounds);
  await tell(writer, () => writer.rename());
  const numbers = await stored('renamed.log');
  const wrong = numbers.findIndex((number, at) => number !== at);
  assert.equal(wrong, -1, `place ${wrong} has line ${numbers[wrong]} (seed ${process.env.BELFRY_ROTATION_SEED ?? 1})`);
  assert.equal(numbers.length, writer.lines);
});

test('by copy and truncate, each line is there at least once', async (t) => {
  const writer = new Writer('copied.log', 4 * rounds);
  await tell(writer, () => writer.copy());
  const numbers = await stored('copied.log');
  const seen = new Set(numbers);
  const missing = Array.from({ length: writer.lines }, (_, n) => n).filter((n) => !seen.has(n));
  assert.deepEqual(missing, [], `lines are missing (seed ${process.env.BELFRY_ROTATION_SEED ?? 1})`);
  t.diagnostic(`${writer.lines} lines, ${numbers.length - seen.size} of them twice`);
});
