// When is a number in JSON text the double it reads as? A number is comparable when its text and the shortest text of
// its double are the same decimal: then numbers compare by value, however they are written. Others (9007199254740993,
// 0.10000000000000001, 1e400) compare by their text only. The rule is event-ruler's; shortest is ECMAScript's.

/** The digits without zeros on either side, and the power of ten of the last one; '' for zero. */
function decimalOf(text: string): readonly [digits: string, exponent: number] {
  const e = text.search(/[eE]/);
  const mantissa = e === -1 ? text : text.slice(0, e);
  const point = mantissa.indexOf('.');
  const fraction = point === -1 ? 0 : mantissa.length - point - 1;
  const exponent = (e === -1 ? 0 : Number(text.slice(e + 1))) - fraction;
  const sign = mantissa.startsWith('-') ? '-' : '';
  const digits = mantissa.replace(/[-.]/g, '');
  // By hand: a search for zeros at the end would look at each run of zeros again and again.
  let [from, to] = [0, digits.length];
  while (from < to && digits.charCodeAt(from) === 0x30) from++;
  while (to > from && digits.charCodeAt(to - 1) === 0x30) to--;
  return from === to ? ['', 0] : [sign + digits.slice(from, to), exponent + digits.length - to];
}

// A decimal of up to 15 digits survives the trip through a double (DBL_DIG), if its exponent is not extreme.
const MAX_SAFE_TEXT = 15;

/** The double of a JSON number's text, or undefined where it is not comparable. Minus zero is zero. */
export function comparableNumber(text: string): number | undefined {
  const value = Number(text);
  if (text.length <= MAX_SAFE_TEXT && !/[eE]/.test(text)) return value + 0;
  const short = String(value);
  if (short === text) return value + 0;
  if (!Number.isFinite(value)) return undefined;
  const [digits, exponent] = decimalOf(text);
  const [shortDigits, shortExponent] = decimalOf(short);
  return digits === shortDigits && exponent === shortExponent ? value + 0 : undefined;
}
