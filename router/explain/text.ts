// How explaining writes values, paths, what a rule wants and what an event has. Values are cut at 60 characters, and what
// could steer a terminal or hide in a line is written as an escape: names and values are a stranger's.

import type { Bound, Leaf, NegatedTest, Test } from '../pattern.ts';
import type { JsonTree } from '../wire/json-tree.ts';
import { type EventView, type Field, fieldAt, type ObjectTree } from './view.ts';

const MAX_VALUE = 60;
const MAX_PATH = 160;
const SHOWN = 3;

// Controls that JSON leaves as they are, what has no width, and what turns the direction of a line.
const INVISIBLE = /[\x7f-\xa0\xad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]/g;
const PLAIN_PATH = /^[\w.$@:/[\]-]+$/;

export function escapeInvisible(text: string): string {
  return text.replace(INVISIBLE, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 3)}...` : text;
}

export function textValue(text: string): string {
  return escapeInvisible(JSON.stringify(cut(text, MAX_VALUE)));
}

/** A path or a name: as it is, or quoted where it could be misread. */
export function showPath(path: string): string {
  const short = cut(path, MAX_PATH);
  return PLAIN_PATH.test(short) ? short : escapeInvisible(JSON.stringify(short));
}

/** 'a, b, c and 7 more' */
export function listText(items: readonly string[], count: number, word = 'and'): string {
  const shown = items.slice(0, SHOWN);
  const more = count - shown.length;
  if (more > 0) return `${shown.join(', ')} ${word} ${more} more`;
  const last = shown.at(-1) ?? '';
  return shown.length < 2 ? last : `${shown.slice(0, -1).join(', ')} ${word} ${last}`;
}

export function nodeText(node: JsonTree): string {
  switch (node.kind) {
    case 'string':
      return textValue(node.value);
    case 'number':
      return cut(node.text, MAX_VALUE);
    case 'literal':
      return String(node.value);
    case 'list':
      return node.items.length === 0 ? 'an empty list' : `a list of ${node.items.length}`;
    case 'object':
      return objectText([node]);
  }
}

function objectText(objects: readonly ObjectTree[]): string {
  const [first] = objects;
  const names = (first?.members ?? []).slice(0, SHOWN).map(([name]) => showPath(name));
  if (names.length === 0) return 'an empty object';
  return `an object with ${listText(names, first!.members.length)}`;
}

function boundText({ op, value }: Bound): string {
  return `${op} ${value}`;
}

function negatedText(test: NegatedTest): string {
  return testText(test.op === 'prefix' || test.op === 'suffix' ? { ...test, ignoreCase: false } : (test as Test));
}

export function testText(test: Test): string {
  switch (test.op) {
    case 'equals':
      return typeof test.value === 'string' ? textValue(test.value) : String(test.value);
    case 'number-text':
      return cut(test.text, MAX_VALUE);
    case 'exactly':
      return `exactly ${textValue(test.value)}`;
    case 'prefix':
    case 'suffix': {
      const end = test.op === 'prefix' ? 'begins' : 'ends';
      return `text that ${end} with ${textValue(test.value)}${test.ignoreCase ? ' in any letter case' : ''}`;
    }
    case 'equals-ignore-case':
      return `${textValue(test.value)} in any letter case`;
    case 'wildcard':
      return `text like ${textValue(test.value)}`;
    case 'numeric':
      return `a number ${test.bounds.map(boundText).join(' and ')}`;
    case 'cidr':
      return `an address within ${cut(test.value, MAX_VALUE)}`;
    case 'exists':
      return test.value ? 'any value' : 'no value';
    case 'anything-but':
      return `anything but ${listText(test.not.slice(0, SHOWN).map(negatedText), test.not.length, 'or')}`;
  }
}

export function wantsText({ anyOf }: Leaf): string {
  return listText(anyOf.slice(0, SHOWN).map(testText), anyOf.length, 'or');
}

/** The longest part of a path at which something stands, and the name that is missing below it. */
export function lastKnown(view: EventView, path: string): { readonly at: string; readonly missing: string } {
  const names = path.split('.');
  for (let length = names.length - 1; length > 0; length--) {
    const at = names.slice(0, length).join('.');
    const { count, objects, emptyLists } = fieldAt(view, at);
    if (count + objects.length + emptyLists > 0) return { at, missing: names[length]! };
  }
  return { at: '', missing: names[0]! };
}

function absenceText(view: EventView, path: string): string {
  const { at, missing } = lastKnown(view, path);
  if (at === '') {
    return missing === 'data' ? 'nothing: the event has no data' : `nothing: the event has no ${showPath(missing)}`;
  }
  const { objects, values, emptyLists } = fieldAt(view, at);
  if (objects.length > 0) return `nothing: ${showPath(at)} has no ${showPath(missing)}`;
  const found = values[0] === undefined ? 'an empty list' : nodeText(values[0].node);
  return `nothing: ${showPath(at)} is ${emptyLists > 0 && values.length === 0 ? 'an empty list' : found}`;
}

/** What the event has at a path. */
export function hasText(view: EventView, path: string, field: Field): string {
  const { values, count, objects, emptyLists, whole } = field;
  if (count > 0) {
    const shown = listText(
      values.slice(0, SHOWN).map(({ node }) => nodeText(node)),
      count,
    );
    if (count === 1 && whole) return shown;
    return `${whole ? count : `more than ${count}`} values: ${shown}`;
  }
  if (objects.length > 0) return objectText(objects);
  return emptyLists > 0 ? 'an empty list' : absenceText(view, path);
}
