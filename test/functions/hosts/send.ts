// A request over node:http as it is, so that the case of header names and headers that repeat survive.

import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import type { Answered, SentRequest } from '../../contract/host-scene.ts';

/** To 127.0.0.1. */
export function send(port: number, { method, path, query, headers, body }: SentRequest): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const target = query === undefined ? path : `${path}?${query}`;
    const all = { ...(headers as OutgoingHttpHeaders), 'content-length': String(body.length) };
    const options = { host: '127.0.0.1', port, method, path: target, headers: all, agent: false };
    const request = httpRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const { statusCode = 0, headers } = response;
        resolve({
          status: statusCode,
          headers: headers as Answered['headers'],
          body: Buffer.concat(chunks).toString(),
        });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}
