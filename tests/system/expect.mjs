/*
 * What many tests expect of an answer, in one place.
 */
import assert from 'node:assert/strict';
import http from 'node:http';

export const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** What RFC 9110 calls them; two have other names in Node. */
const titles = { ...http.STATUS_CODES, 413: 'Content Too Large', 422: 'Unprocessable Content' };

/** An error as RFC 9457 wants it. `status` may be a list. */
export function problem(answer, status, { pointer } = {}) {
  const statuses = [status].flat();
  assert.ok(statuses.includes(answer.status), `status ${answer.status}, not ${statuses.join(' or ')}: ${answer.text}`);
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/, answer.text);
  assert.ok(answer.headers['x-request-id'], 'X-Request-Id');
  for (const member of ['type', 'title', 'detail', 'instance'])
    assert.equal(typeof answer.json[member], 'string', `${member} of ${answer.text}`);
  assert.equal(answer.json.status, answer.status);
  assert.equal(answer.json.title, titles[answer.status], `title of ${answer.text}`);
  if (pointer !== undefined) {
    assert.ok(Array.isArray(answer.json.errors), `errors of ${answer.text}`);
    assert.ok(
      answer.json.errors.some((error) => error.pointer === pointer && typeof error.detail === 'string'),
      `an error at '${pointer}': ${answer.text}`,
    );
  }
  return answer.json;
}

/** An error as OTLP wants it, with gRPC's code for the status. */
export function otlpError(answer, status, message = /./) {
  const codes = { 400: 3, 401: 16, 403: 7, 413: 3, 415: 3, 503: 14 };
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers['content-type'] ?? '', /^application\/json/, answer.text);
  assert.deepEqual(Object.keys(answer.json), ['code', 'message']);
  assert.equal(answer.json.code, codes[status]);
  assert.match(answer.json.message, message);
}

/** An event as lists and pushes show it. */
export function event(value) {
  assert.ok(Number.isSafeInteger(value.id) && value.id > 0, `id of ${JSON.stringify(value)}`);
  for (const member of ['event', 'event_id', 'severity', 'source']) assert.equal(typeof value[member], 'string', member);
  assert.match(value.timestamp, RFC3339);
  assert.match(value.received, RFC3339);
  assert.equal(typeof value.data, 'object');
  return value;
}
