// A CESQL expression → tests on message attributes. Only what is proven is pushed down: comparisons of an attribute with
// text, EXISTS, AND, OR. Everything else is left to the residual. An error means that the event is not taken, so a claim
// is exact only where the filter fails whenever the expression does. Pure.

import type { Binary, CesqlExpression, In, Like } from '../../router/cesql/expression.ts';
import {
  allClaims,
  anyClaims,
  type Claim,
  isPlainText,
  isRequired,
  isString,
  keyOf,
  lossOf,
  placeOf,
  presence,
} from './filter-leaf.ts';
import { always, never, type Term } from './filter-term.ts';

/** `sure`: evaluating it can never end in an error. */
interface CesqlClaim extends Claim {
  readonly sure: boolean;
}

// `a OR b OR …` may be thousands long, and is far over 256 bytes then.
const MAX_DEPTH = 100;

const outOfReach = (says: string): CesqlClaim => ({ term: always, loss: cesqlLoss(says), sure: false });

const cesqlLoss = (says: string) => lossOf(says, 'compare attributes with texts by =, !=, IN or LIKE, joined by AND');

function ofAttribute(name: string, term: Term): CesqlClaim {
  return { term, sure: isRequired(name) };
}

function presentOnly(name: string, says: string): CesqlClaim {
  return { term: presence(name), loss: cesqlLoss(says), sure: false };
}

/** A comparison casts the attribute to a string, and so does the message: exact whatever type the attribute has. */
function textTest(name: string, value: string, negated: boolean): CesqlClaim {
  if (!isPlainText(value)) return presentOnly(name, 'a filter does not compare with this text');
  if (!negated) return ofAttribute(name, { kind: 'is', key: keyOf(name), value });
  const { term } = allClaims([{ term: presence(name) }, { term: { kind: 'isNot', key: keyOf(name), value } }]);
  return ofAttribute(name, term);
}

function attributeOf(expression: CesqlExpression): string | undefined {
  return expression.kind === 'attribute' && placeOf(expression.name) === 'attribute' ? expression.name : undefined;
}

function textOfLiteral(expression: CesqlExpression): string | undefined {
  return expression.kind === 'literal' && typeof expression.value === 'string' ? expression.value : undefined;
}

function equality({ op, left, right }: Binary): CesqlClaim {
  const negated = op === '!=';
  const [onLeft, onRight] = [attributeOf(left), attributeOf(right)];
  if (onLeft !== undefined) {
    const value = textOfLiteral(right);
    if (value !== undefined) return textTest(onLeft, value, negated);
    return presentOnly(onLeft, 'it compares with something other than a text');
  }
  const value = textOfLiteral(left);
  if (onRight === undefined || value === undefined) return outOfReach('it does not compare an attribute with a text');
  // The type on the right decides: only of these it is known to be a string.
  if (isString(onRight)) return textTest(onRight, value, negated);
  return presentOnly(onRight, 'the attribute may be a number or a boolean');
}

function membership({ not, operand, set }: In): CesqlClaim {
  const name = attributeOf(operand);
  if (name === undefined) return outOfReach('IN asks about something other than an attribute');
  const values = set.map(textOfLiteral);
  const plain = values.filter((value) => value !== undefined && isPlainText(value));
  if (!isString(name)) return presentOnly(name, 'the attribute may be a number or a boolean');
  if (plain.length < set.length) return presentOnly(name, 'IN has something other than texts');
  const tests = plain.map((value) => textTest(name, value!, not));
  return { ...(not ? allClaims(tests) : anyClaims(tests)), sure: isRequired(name) };
}

interface LikeShape {
  readonly head: string;
  /** What follows the head: nothing, one % and nothing else, or more. */
  readonly rest: 'none' | 'any' | 'more';
}

function shapeOf(pattern: string): LikeShape {
  let head = '';
  for (let at = 0; at < pattern.length; at++) {
    const unit = pattern[at]!;
    const next = pattern[at + 1];
    if (unit === '%' || unit === '_') return { head, rest: pattern.slice(at) === '%' ? 'any' : 'more' };
    if (unit === '\\' && (next === '%' || next === '_')) {
      head += next;
      at++;
    } else head += unit;
  }
  return { head, rest: 'none' };
}

function likeness({ not, operand, pattern }: Like): CesqlClaim {
  const name = attributeOf(operand);
  if (name === undefined) return outOfReach('LIKE asks about something other than an attribute');
  const { head, rest } = shapeOf(pattern);
  if (rest === 'none') return textTest(name, head, not);
  const key = keyOf(name);
  if (!isPlainText(head) || (not && rest === 'more')) return presentOnly(name, 'a filter has only hasPrefix for LIKE');
  if (not) {
    const without = allClaims([{ term: presence(name) }, { term: { kind: 'notPrefix', key, value: head } }]);
    return ofAttribute(name, without.term);
  }
  const claim = ofAttribute(name, { kind: 'prefix', key, value: head });
  return rest === 'any' ? claim : { ...claim, loss: cesqlLoss('a filter has only hasPrefix for LIKE') };
}

function binary(node: Binary, depth: number): CesqlClaim {
  switch (node.op) {
    case '=':
    case '!=':
      return equality(node);
    case 'AND': {
      const sides = [claimOf(node.left, depth + 1), claimOf(node.right, depth + 1)];
      return { ...allClaims(sides), sure: sides.every(({ sure }) => sure) };
    }
    case 'OR': {
      const [left, right] = [claimOf(node.left, depth + 1), claimOf(node.right, depth + 1)];
      const claim = anyClaims([left, right]);
      const sure = left.sure && right.sure;
      if (left.sure || claim.loss !== undefined) return { ...claim, sure };
      return { ...claim, sure, loss: cesqlLoss('an error on the left of OR ends the expression, but not the filter') };
    }
    default:
      return outOfReach(`a filter has nothing like ${node.op}`);
  }
}

const MOVES = 'dataref may stand for data that was taken out';

function existence(name: string): CesqlClaim {
  if (placeOf(name) === 'dataref') return outOfReach(MOVES);
  return { term: placeOf(name) === 'attribute' ? presence(name) : never, sure: true };
}

function claimOf(node: CesqlExpression, depth: number): CesqlClaim {
  if (depth > MAX_DEPTH) return outOfReach('the expression is too long');
  switch (node.kind) {
    case 'literal':
      // A text or a number alone is no truth, but becomes one below AND and OR.
      if (typeof node.value !== 'boolean') return outOfReach('it is a value and no comparison');
      return { term: node.value ? always : never, sure: true };
    case 'exists':
      return existence(node.name);
    case 'attribute':
      return outOfReach('it takes an attribute for a truth');
    case 'binary':
      return binary(node, depth);
    case 'in':
      return membership(node);
    case 'like':
      return likeness(node);
    case 'unary':
      if (node.op === 'NOT' && node.operand.kind === 'exists') return absent(node.operand.name);
      return outOfReach(`a filter has nothing like this ${node.op}`);
    case 'call':
      return outOfReach(`a filter has nothing like ${node.name}`);
  }
}

function absent(name: string): CesqlClaim {
  if (placeOf(name) === 'dataref') return outOfReach(MOVES);
  if (placeOf(name) !== 'attribute') return { term: always, sure: true };
  return { term: isRequired(name) ? never : { kind: 'absent', key: keyOf(name) }, sure: true };
}

export function cesqlClaim(expression: CesqlExpression): Claim {
  return claimOf(expression, 0);
}
