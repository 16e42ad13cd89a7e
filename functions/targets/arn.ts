// The form of a Lambda function's ARN. Pure; apart from lambda.ts so that the registry needs no implementation.

const ARN = /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]+(?::[A-Za-z0-9$_-]+)?$/;

/** For option tables: what is wrong with the ARN, or undefined. */
export function arnProblem(text: string): string | undefined {
  if (ARN.test(text)) return undefined;
  return "must be the ARN of a Lambda function, such as 'arn:aws:lambda:eu-west-1:123456789012:function:name'";
}
