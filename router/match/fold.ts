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
