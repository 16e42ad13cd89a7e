// A request and a response as plain data, so that every host and every source speak the same shape.

export interface RawRequest {
  readonly method: string;
  /** Without the query, percent-encoding kept. */
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** Lower-case names; a repeated header is joined with ", ". Null prototype. */
  readonly headers: Readonly<Record<string, string>>;
  /** The bytes as they came; signatures are over these. */
  readonly body: Buffer;
}

export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
