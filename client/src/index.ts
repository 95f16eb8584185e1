export { createClient, type Client, type ExplainOptions, type Readiness } from './client.ts';
export { HilumError } from './error.ts';
export { type Images, type NamedFile } from './images.ts';
export { type Inference, type Tensor } from './infer.ts';
export { type CallOptions, type TransportOptions } from './transport.ts';
