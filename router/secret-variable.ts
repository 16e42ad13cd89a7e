// The name of the variable that holds a source's secret. A name only: no value is ever read here.

/** `my-shop` → BUSWAY_SECRET_MY_SHOP */
export function secretVariable(sourceName: string): string {
  return `BUSWAY_SECRET_${sourceName.replaceAll(/[^A-Za-z0-9]/g, '_').toUpperCase()}`;
}
