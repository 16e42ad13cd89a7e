// Requests and answers through the real classes of @azure/functions, as its worker makes them.

import { HttpRequest, type HttpRequestBodyInit, HttpResponse } from '@azure/functions';
import type { AzureFunction } from '../../../functions/hosts/azure.ts';
import type { Answered, SentRequest } from '../../contract/host-scene.ts';

export type ToBody = (body: Buffer) => HttpRequestBodyInit;

export const asBytes: ToBody = (body) => ({ bytes: body });
/** The worker gets text as text where it is text. */
export const asText: ToBody = (body) => {
  const text = body.toString();
  return body.equals(Buffer.from(text)) ? { string: text } : { bytes: body };
};

/** A request as the worker makes it of what the Functions host says. */
export function requestOf({ method, path, query, headers, body }: SentRequest, toBody: ToBody): HttpRequest {
  const single = Object.entries(headers).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : value.join(', '),
  ]);
  return new HttpRequest({
    method,
    url: `https://shop.azurewebsites.net${path}${query === undefined ? '' : `?${query}`}`,
    headers: Object.fromEntries(single) as Record<string, string>,
    body: toBody(body),
  });
}

export async function sendTo(handler: AzureFunction, request: HttpRequest): Promise<Answered> {
  const response = new HttpResponse(await handler(request));
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
}
