/*
 * Where the tests find their npm packages: beside themselves after `npm ci` in this folder, or in the folder that
 * BELFRY_TEST_MODULES names (a build folder's tests/node_modules, when the sources are read-only). ES imports know no
 * search path, hence this file.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';

const folder = process.env.BELFRY_TEST_MODULES;

/** Loads an npm package: `const { WebSocket } = load('ws')`. */
export const load = createRequire(folder ? join(folder, 'index.js') : import.meta.url);
