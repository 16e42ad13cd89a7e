// What `import … from 'busway'` gives: the router document and its types, events and their wire forms, matching and
// explaining, and what an adapter, a source or a target of one's own is written against. Loads no SDK and no test library;
// nothing happens on import. Test suites are in busway/contract, the CDK construct in busway/infra.

// A bus of one's own.
export type {
  Adapter,
  AdapterParts,
  Capabilities,
  Decoded,
  Limits,
  PublishResult,
  Push,
  Routed,
  Split,
  TailOptions,
} from '../adapters/adapter.ts';
export type { Bus, BusOptions } from '../adapters/bus.ts';
export { busDefaults, createBus } from '../adapters/bus.ts';
export { unfiltered } from '../adapters/bus-filter.ts';
// A source, a target, a function of one's own.
export type { Normalized, Simulated, Source, SourceParts, Verification } from '../functions/sources/source.ts';
export type { FnContext, FnEvent, FnHandler } from '../functions/targets/fn.ts';
export type { Target, TargetParts } from '../functions/targets/target.ts';
// The document.
export type {
  BusInput,
  EventBridgeInput,
  EventGridInput,
  EventInput,
  KafkaInput,
  OversizeInput,
  PatternInput,
  PubSubInput,
  RouterInput,
  RuleInput,
  RuleTestInput,
  SourceInput,
  TargetInput,
} from '../infra/define.ts';
export { defineRouter, defineRuleTests } from '../infra/define.ts';

// Matching and explaining.
export type { Condition } from '../router/condition.ts';
export { compileCondition, indexRules } from '../router/condition.ts';
export type { Problem } from '../router/config.ts';
export type { Consumer, Delivery, Outcome, Refused, Verdict } from '../router/consume.ts';
export { readCondition } from '../router/document.ts';
// Errors.
export type { ErrorCode } from '../router/errors.ts';
export { errorTable, RouterError, toRouterError } from '../router/errors.ts';
// Events and their wire forms.
export type { Attributes, AttributeValue, CloudEvent, EventData } from '../router/event.ts';
export { binaryData, checkEvent, dataValue, jsonData, textData } from '../router/event.ts';
export { eventTree } from '../router/explain/event-tree.ts';
export type { Explanation } from '../router/explain.ts';
export { explain, explanationText } from '../router/explain.ts';
export type { FailureLog, FailureRecord } from '../router/failure.ts';
export { failureId } from '../router/failure.ts';
export type { RawRequest, RawResponse } from '../router/http.ts';
export type { Pattern } from '../router/pattern.ts';
export type { HttpEvents, HttpMessage } from '../router/wire/http.ts';
export { decodeHttp, encodeHttp, encodeHttpBatch } from '../router/wire/http.ts';
export { decodeBatch, decodeStructured, encodeBatch, encodeStructured } from '../router/wire/json.ts';
export type { KafkaMessage, KafkaRecord } from '../router/wire/kafka.ts';
export { decodeKafka, encodeKafka } from '../router/wire/kafka.ts';
