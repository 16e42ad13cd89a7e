import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toRequest } from '../../../functions/hosts/aws-http.ts';
import { type AwsWebhook, awsWebhook } from '../../../functions/hosts/aws-webhook.ts';
import { testHost } from '../../contract/host.ts';
import { type SentRequest, signed, webhookScene } from '../../contract/host-scene.ts';
import { sample, shapes, toAnswer } from './aws-events.ts';

const MIB = 1024 * 1024;

const LAST = 'without lists the load balancer hands on the last value of a name only';

for (const [name, eventOf] of Object.entries(shapes)) {
  testHost({
    name: `aws ${name}`,
    skip:
      name === 'load balancer'
        ? [
            { test: 'a header that came twice is joined, in its order', reason: LAST },
            { test: 'a query comes as it was sent, names that came twice too', reason: LAST },
          ]
        : [],
    async open(webhook, maxBody) {
      const handler: AwsWebhook = awsWebhook(webhook, { maxBody });
      // Through JSON as Lambda does it, in and out.
      const wire = (value: unknown): never => JSON.parse(JSON.stringify(value)) as never;
      return {
        send: async (request) => toAnswer(wire(await handler(wire(eventOf(request))))),
        close: async () => {},
      };
    },
  });
}

test('aws: the samples of HTTP events become the requests they stand for', () => {
  const url = toRequest(sample('lambda-urls-request.json'), MIB);
  const rest = toRequest(sample('apigw-request.json'), MIB);
  const balancer = toRequest(sample('alb-lambda-target-request-multivalue-headers.json'), MIB);
  const api = toRequest(sample('apigw-v2-request-jwt-authorizer.json'), MIB);

  assert.deepEqual([url.method, url.path, url.body.toString()], ['POST', '/my/path', 'Hello from client!']);
  assert.equal(url.query, 'parameter1=value1&parameter1=value2&parameter2=value');
  assert.equal(url.headers['header2'], 'value1,value2');
  assert.equal(url.headers['cookie'], undefined);
  assert.deepEqual([rest.method, rest.path, rest.body.toString()], ['POST', '/hello/world', '{\r\n\t"a": 1\r\n}']);
  assert.equal(rest.headers['content-type'], 'application/json');
  assert.deepEqual([balancer.method, balancer.path, balancer.query], ['GET', '/', 'key=hello']);
  assert.equal(balancer.headers['x-myheader'], '123');
  assert.deepEqual([api.method, api.path], ['GET', '/my/path']);
  assert.equal(api.headers['header1'], 'value1');
});

test('aws: a query that the REST API decoded is encoded again', () => {
  const event = { ...sample('apigw-request.json'), multiValueQueryStringParameters: { 'a b': ['1&2', '3'] } };

  assert.equal(toRequest(event, MIB).query, 'a%20b=1%262&a%20b=3');
});

test('aws: headers that differ in case only are joined, and have no prototype', () => {
  const event = shapes['load balancer']!({
    ...signed(Buffer.from('{}')),
    headers: JSON.parse('{"X-A":"1","x-a":"2","__proto__":"3"}') as SentRequest['headers'],
  });

  const { headers } = toRequest(event, MIB);

  assert.equal(Object.getPrototypeOf(headers), null);
  assert.deepEqual(Object.entries(headers), [
    ['x-a', '1, 2'],
    ['__proto__', '3'],
  ]);
});

test('aws: a stage in front of the path is taken away, and only that', () => {
  const event = shapes['HTTP API']!(signed(Buffer.from('{}')));
  const context = event['requestContext'] as object;
  const pathOf = (stage: string, rawPath: string): string =>
    toRequest({ ...event, rawPath, requestContext: { ...context, stage } }, MIB).path;

  assert.equal(pathOf('prod', '/prod/webhooks/github'), '/webhooks/github');
  assert.equal(pathOf('prod', '/webhooks/github'), '/webhooks/github');
  assert.equal(pathOf('webhooks', '/webhooks/webhooks/github'), '/webhooks/github');
  assert.equal(pathOf('webhooks', '/webhooks/github'), '/webhooks/github');
  assert.equal(pathOf('$default', '/webhooks/github'), '/webhooks/github');
});

test('aws: a signature is checked over the decoded bytes, also where they are no text', async () => {
  const scene = webhookScene();
  const handler = awsWebhook(scene.webhook);
  const body = Buffer.from([0x7b, 0xff, 0x00, 0x7d]);
  const event = shapes['HTTP API']!(signed(body));

  const answer = toAnswer(await handler(event));

  assert.equal(event['isBase64Encoded'], true);
  // Not 401: the signature was right, the body is no text.
  assert.equal(answer.status, 400, answer.body);
});

test('aws: what is no HTTP request is refused as such by the webhook function', async () => {
  const scene = webhookScene();
  const handler = awsWebhook(scene.webhook);
  const others = ['apigw-websocket-request.json', 'sqs-event.json', 'sns-event.json', 'dynamodb-event.json'];

  for (const event of [...others.map((name) => sample(name)), {}, null, 'text', [], { version: '2.0' }]) {
    await assert.rejects(handler(event), { code: 'REQUEST_INVALID', message: /takes events of API Gateway/ });
  }
  assert.equal(scene.calls(), 0);
});

test('aws: headers are answered as the load balancer sent them: lists to lists', async () => {
  const { webhook } = webhookScene();
  const handler = awsWebhook(webhook);
  const request = signed(Buffer.from('{}'));

  const lists = await handler(shapes['load balancer with lists']!(request));
  const single = await handler(shapes['load balancer']!(request));

  assert.deepEqual([lists.headers, lists.multiValueHeaders], [undefined, { 'content-type': ['application/json'] }]);
  assert.deepEqual([single.headers, single.multiValueHeaders], [{ 'content-type': 'application/json' }, undefined]);
});
