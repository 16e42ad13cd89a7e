// The document as AWS runs it, and what AWS must have for it. Written for one machine, it takes a bus of the stack; written for
// EventBridge, the stack may give the bus another name. Rules and sources stay as they are. Nothing is thrown here.

import { buses, stores } from '../../adapters/registry.ts';
import { sources } from '../../functions/sources/registry.ts';
import { targets } from '../../functions/targets/registry.ts';
import { isObject, type Problem } from '../../router/config.ts';
import { surveyDocument } from '../../router/document.ts';
import { type AwsSettings, type AwsSurvey, surveyAws } from '../aws-plan.ts';
import type { EventBridgeInput, RouterInput } from '../define.ts';
import type { FunctionFacts } from './checks.ts';

const kinds = { buses, stores, sources, targets };

/** `busName`: of a custom bus of EventBridge; without it the document stays as it is. */
function documentOnAws(router: RouterInput, busName: string | undefined, problems: Problem[]): RouterInput {
  const written: unknown = isObject(router) ? (router['bus'] ?? 'embedded') : undefined;
  const kind = isObject(written) ? written['use'] : written;
  if (busName === undefined || typeof kind !== 'string') return router;
  if (kind === 'embedded') return { ...router, bus: { use: 'eventbridge', bus: busName } };
  if (kind === 'eventbridge' && isObject(written)) {
    return { ...router, bus: { ...(written as unknown as EventBridgeInput), bus: busName } };
  }
  problems.push({
    path: 'busName',
    says: `names a bus of EventBridge, but the document's bus is ${kind}; take one out`,
  });
  return router;
}

export interface AwsRequest extends AwsSettings {
  readonly router: RouterInput;
  readonly functions: readonly FunctionFacts[];
  /** The name of the custom bus, in place of the document's. */
  readonly busName?: string;
}

export interface SurveyedRouter extends AwsSurvey {
  /** What the functions run. */
  readonly document: RouterInput;
}

/** Total: with mistakes the plan is what is sound of the document. */
export function surveyRouter({ router, functions, busName, ...settings }: AwsRequest): SurveyedRouter {
  const problems: Problem[] = [];
  const document = documentOnAws(router, busName, problems);
  const { plan, problems: found } = surveyAws(surveyDocument(document, kinds), functions, settings);
  return { document, plan, problems: [...problems, ...found] };
}
