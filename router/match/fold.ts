// Letter case, as event-ruler folds it: each UTF-16 unit of the wanted text takes its lower or its upper case form, which
// may be several units (ß takes ß or SS). So the relation has a direction: ß in a rule takes SS in an event, not the
// reverse. Surrogates have no case here and take themselves (event-ruler loses them; see docs/rules.md).

/** Whether `found` is made of the lower or upper forms of the units of `wanted`, from `start` on; the end, or -1. */
export function foldedEnd(wanted: string, found: string, start: number): number {
  let at = start;
  for (let i = 0; i < wanted.length; i++) {
    const unit = wanted[i]!;
    const lower = unit.toLowerCase();
    if (found.startsWith(lower, at)) at += lower.length;
    else {
      const upper = unit.toUpperCase();
      if (!found.startsWith(upper, at)) return -1;
      at += upper.length;
    }
  }
  return at;
}

/** As foldedEnd, from the end of `found` backwards: the start of the match, or -1. */
export function foldedStart(wanted: string, found: string): number {
  let end = found.length;
  for (let i = wanted.length - 1; i >= 0; i--) {
    const unit = wanted[i]!;
    const lower = unit.toLowerCase();
    if (found.endsWith(lower, end)) end -= lower.length;
    else {
      const upper = unit.toUpperCase();
      if (!found.endsWith(upper, end)) return -1;
      end -= upper.length;
    }
  }
  return end < 0 ? -1 : end;
}

/** Tests of strings against one wanted text in any letter case. */
export interface FoldTest {
  equals(found: string): boolean;
  begins(found: string): boolean;
  ends(found: string): boolean;
}

/** The lower and upper case codes of each unit, or undefined when one of them is several units. */
function codesOf(wanted: string): { readonly lower: Uint16Array; readonly upper: Uint16Array } | undefined {
  const units = wanted.split('');
  const lower = units.map((unit) => unit.toLowerCase());
  const upper = units.map((unit) => unit.toUpperCase());
  if ([...lower, ...upper].some((text) => text.length !== 1)) return undefined;
  const codes = (texts: readonly string[]): Uint16Array => Uint16Array.from(texts, (text) => text.charCodeAt(0));
  return { lower: codes(lower), upper: codes(upper) };
}

/** As foldedEnd and foldedStart, with the forms of the wanted text worked out once. */
export function foldTest(wanted: string): FoldTest {
  const codes = codesOf(wanted);
  if (codes === undefined) {
    return {
      equals: (found) => foldedEnd(wanted, found, 0) === found.length,
      begins: (found) => foldedEnd(wanted, found, 0) !== -1,
      ends: (found) => foldedStart(wanted, found) !== -1,
    };
  }
  const { lower, upper } = codes;
  const { length } = lower;
  const fits = (found: string, from: number): boolean => {
    for (let i = 0; i < length; i++) {
      const code = found.charCodeAt(from + i);
      if (code !== lower[i] && code !== upper[i]) return false;
    }
    return true;
  };
  return {
    equals: (found) => found.length === length && fits(found, 0),
    begins: (found) => found.length >= length && fits(found, 0),
    ends: (found) => found.length >= length && fits(found, found.length - length),
  };
}

const ASCII = /^[\x00-\x7f]*$/;

/**
 * A coarse key: whatever foldedEnd accepts for `wanted` has the key of `wanted`, unit by unit. Equal keys are candidates
 * only. Upper case of lower case: the one order for which this holds over all units (a test tries each).
 */
export function foldKey(text: string): string {
  if (ASCII.test(text)) return text.toUpperCase();
  let key = '';
  for (let i = 0; i < text.length; i++) {
    for (const lower of text[i]!.toLowerCase()) key += lower.toUpperCase();
  }
  return key;
}
