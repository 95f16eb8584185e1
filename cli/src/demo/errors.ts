/** What can stop the demo, with a stable code and a sentence that says what to do. */
export type DemoCode =
  | 'NO_KUBECONFIG'
  | 'NO_REGISTRY'
  | 'NO_DATA'
  | 'TRAINING_FAILED'
  | 'NOT_READY'
  | 'SERVICE_REFUSED'
  | 'FORWARD_FAILED';

export class DemoError extends Error {
  override readonly name = 'DemoError';
  readonly code: DemoCode;

  constructor(code: DemoCode, message: string) {
    super(message);
    this.code = code;
  }
}
