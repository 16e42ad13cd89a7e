// One start of a function, measured from inside: loads a bundle, calls its handler once, tells the CPU time and the time since
// the process began at both points. Plain JavaScript, so that nothing but the bundle is loaded or compiled.

import { readFileSync } from 'node:fs';

const [how, bundle, request] = process.argv.slice(2);
const given = JSON.parse(readFileSync(request, 'utf8'));

function mark() {
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system, wallMs: performance.now() };
}

const express = () => {
  const answer = {
    headersSent: false,
    destroyed: false,
    status: 0,
    writeHead: (status) => (answer.status = status),
    end() {},
  };
  return answer;
};

/** How a handler is called → the status that it answered. */
const calls = {
  lambda: async (handler) => (await handler(given, {})).statusCode,
  async framework(handler) {
    const { body, ...rest } = given;
    const response = express();
    await handler({ ...rest, originalUrl: rest.url, rawBody: Buffer.from(body, 'base64') }, response);
    return response.status;
  },
};

const { handler } = await import(bundle);
const ready = mark();
const status = await calls[how](handler);
const done = mark();
process.stdout.write(`\n${JSON.stringify({ status, ready, done })}`);
process.exit(0);
