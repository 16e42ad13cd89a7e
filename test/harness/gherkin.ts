// Reads the part of Gherkin that the CloudEvents feature files use: Background, Scenario, Scenario Outline with Examples,
// steps with a doc string or a table. Whatever else a file holds is an error, so that nothing is skipped unseen.

export interface Step {
  /** Without its keyword. */
  readonly text: string;
  readonly doc?: string;
  readonly table?: readonly (readonly string[])[];
}

export interface Scenario {
  readonly name: string;
  readonly steps: readonly Step[];
}

interface Draft {
  name: string;
  outline: boolean;
  steps: { text: string; doc?: string; table?: string[][] }[];
  examples: string[][];
}

const HEADING = /^(Feature|Background|Scenario Outline|Scenario|Examples):(.*)$/;
const STEP = /^(?:Given|When|Then|And|But) (.*)$/;

function cells(line: string): string[] {
  return line
    .slice(1, line.lastIndexOf('|'))
    .split('|')
    .map((cell) => cell.trim());
}

/** Lines between two `"""`, without the indentation of the opening one. */
function docString(lines: readonly string[], open: number): { doc: string; close: number } {
  const indent = lines[open]!.indexOf('"""');
  const close = lines.findIndex((line, at) => at > open && line.trim() === '"""');
  if (close < 0) throw new Error(`line ${open + 1}: the doc string has no end`);
  return {
    doc: lines
      .slice(open + 1, close)
      .map((line) => line.slice(indent))
      .join('\n'),
    close,
  };
}

function readDrafts(text: string): { background: Draft; drafts: Draft[] } {
  const lines = text.split(/\r?\n/);
  const newDraft = (name: string, outline: boolean): Draft => ({ name, outline, steps: [], examples: [] });
  const background = newDraft('', false);
  const drafts: Draft[] = [];
  let current: Draft | undefined;
  let inExamples = false;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!.trim();
    const heading = HEADING.exec(line);
    const step = STEP.exec(line);
    if (heading !== null) {
      inExamples = heading[1] === 'Examples';
      if (heading[1] === 'Background') current = background;
      if (heading[1]!.startsWith('Scenario')) {
        current = newDraft(heading[2]!.trim(), heading[1] === 'Scenario Outline');
        drafts.push(current);
      }
    } else if (step !== null && current !== undefined) current.steps.push({ text: step[1]! });
    else if (line === '"""' && current !== undefined) {
      const { doc, close } = docString(lines, at);
      current.steps.at(-1)!.doc = doc;
      at = close;
    } else if (line.startsWith('|') && current !== undefined) {
      const step = current.steps.at(-1)!;
      if (inExamples) current.examples.push(cells(line));
      else step.table = [...(step.table ?? []), cells(line)];
    } else if (current !== undefined && line !== '') throw new Error(`line ${at + 1}: not understood: ${line}`);
  }
  return { background, drafts };
}

function fill(draft: Draft, names: readonly string[], values: readonly string[]): Scenario {
  const put = (text: string): string => names.reduce((out, name, i) => out.replaceAll(`<${name}>`, values[i]!), text);
  return {
    name: put(draft.name),
    steps: draft.steps.map(({ text, doc, table }) => ({
      text: put(text),
      ...(doc === undefined ? {} : { doc: put(doc) }),
      ...(table === undefined ? {} : { table: table.map((row) => row.map(put)) }),
    })),
  };
}

/** Scenarios with the background's steps in front, outlines once per row of examples. */
export function readFeature(text: string): Scenario[] {
  const { background, drafts } = readDrafts(text);
  return drafts.flatMap((draft) => {
    const whole = { ...draft, steps: [...background.steps, ...draft.steps] };
    if (!draft.outline) return [fill(whole, [], [])];
    const [names, ...rows] = draft.examples;
    if (names === undefined || rows.length === 0) throw new Error(`outline '${draft.name}' has no examples`);
    return rows.map((row) => fill(whole, names, row));
  });
}
