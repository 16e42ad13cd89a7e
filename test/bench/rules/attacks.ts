// Wildcards and values made to cost as much as they can: near misses that begin at every place, stars that could stand
// anywhere, prefixes that repeat. A value is `length` characters long.

import type { Rule } from './rule.ts';

export interface Attack {
  readonly name: string;
  readonly wildcards: readonly string[];
  value(length: number): string;
  /** How the value stands in the JSON text; as JSON.stringify has it when absent. */
  readonly encode?: (value: string) => string;
}

const STARS = 20;

const stars = (part: string, count = STARS): string => `*${`${part}*`.repeat(count)}`;

function repeated(part: string): (length: number) => string {
  return (length) => part.repeat(Math.ceil(length / part.length)).slice(0, length);
}

/** Each word is the two before it: no period, but the same beginnings everywhere. */
function fibonacciWord(length: number): string {
  let [before, word] = ['a', 'ab'];
  while (word.length < length) [before, word] = [word, word + before];
  return word.slice(0, length);
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz';

const escaped = (value: string): string =>
  `"${[...value].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;

const manyStars: Attack = {
  name: '20 stars, the last letter missing',
  wildcards: [`${stars('a')}b`],
  value: repeated('a'),
};

export const attacks: readonly Attack[] = [
  manyStars,
  { name: 'a literal of 31, wrong at its end', wildcards: [`*${'a'.repeat(30)}b*`], value: repeated('a') },
  { name: '20 stars around pairs', wildcards: [`${stars('ab')}c`], value: repeated('ab') },
  {
    name: 'a star between all letters, found at the end',
    wildcards: [`*${[...ALPHABET].join('*')}*!`],
    value: (length) => `${repeated(ALPHABET)(length - 1)}!`,
  },
  { name: 'Fibonacci word', wildcards: [`*${fibonacciWord(88)}!*`], value: fibonacciWord },
  { name: '20 stars, two bytes a letter', wildcards: [`${stars('ä')}ö`], value: repeated('ä') },
  {
    name: '30 rules at once',
    wildcards: [8, 10, 12, 14, 16, 18].flatMap((count) => [
      `${stars('a', count)}b`,
      `*${'a'.repeat(count)}b*`,
      `${stars('aa', count)}c`,
      `a${stars('a', count)}d`,
      `*${'a'.repeat(count)}*c*`,
    ]),
    value: repeated('a'),
  },
];

/** These differ from the others only as texts. */
export const textAttacks: readonly Attack[] = [
  { ...manyStars, name: '20 stars, every letter an escape', encode: escaped },
];

export function attackRules({ wildcards }: Attack): readonly Rule[] {
  return wildcards.map((wildcard, at) => ({ name: `r${at}`, pattern: JSON.stringify({ v: [{ wildcard }] }) }));
}

export function attackEvent({ value, encode = JSON.stringify }: Attack, length: number): string {
  return `{"v":${encode(value(length))}}`;
}
