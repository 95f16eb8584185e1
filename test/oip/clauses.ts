/** Where things are written, and where what is written contradicts itself. */

const KSERVE = 'required_api.md';
const OIP = 'inference_rest.md';
const TRITON = 'triton';

/** Short names of the clauses that the checks cite. */
export const CLAUSES = {
  health: `${KSERVE} "Health"`,
  serverMetadata: `${KSERVE} "Server Metadata Response JSON Object"`,
  modelMetadata: `${KSERVE} "Model Metadata Response JSON Object"`,
  modelError: `${KSERVE} "Model Metadata Response JSON Error Object"`,
  caseSensitive: `${KSERVE} "HTTP/REST": all strings are case-sensitive`,
  request: `${KSERVE} "Inference Request JSON Object"`,
  output: `${KSERVE} "Request Output"`,
  response: `${KSERVE} "Inference Response JSON Object"`,
  responseOutput: `${KSERVE} "Response Output"`,
  inferError: `${KSERVE} "Inference Response JSON Error Object"`,
  tensorData: `${KSERVE} "Tensor Data"`,
  input: `${KSERVE} "Request Input"`,
  binary: `${TRITON} extension_binary_data.md`,
  repository: `${TRITON} extension_model_repository.md "Index"`,
  grpcHealth: 'open_inference_grpc.proto "ServerLive", "ServerReady", "ModelReady"',
  grpcMetadata: 'open_inference_grpc.proto "ServerMetadata", "ModelMetadata"',
  grpcInfer: 'open_inference_grpc.proto "ModelInfer"',
  grpcRaw: 'open_inference_grpc.proto "raw_input_contents"',
} as const;

export interface Contradiction {
  readonly about: string;
  readonly says: readonly [string, string];
  /** What the suite makes of it. */
  readonly suite: string;
}

/**
 * Of kserve/kserve docs/predict-api/v2 (required_api.md), kserve/open-inference-protocol specification/protocol
 * (inference_rest.md, open_inference_rest.yaml, open_inference_grpc.proto) and triton-inference-server/server
 * docs/protocol, as they stood in November 2026.
 */
export const CONTRADICTIONS: readonly Contradiction[] = [
  {
    about: 'the body of a health answer',
    says: [
      `${KSERVE}: "The HTTP response body should be empty."`,
      `${OIP}: {"live": bool} for live, the same {"live": bool} for ready, {"name", "ready"} for a model`,
    ],
    suite: 'asks for the status alone',
  },
  {
    about: 'the status of a server that is not ready',
    says: [
      `${KSERVE}: "a 4xx status code indicates false"`,
      `${OIP} says nothing; Kubernetes, for whose probes both name the address, takes any status from 400, and 503 is what HTTP has for it`,
    ],
    suite: 'cannot ask: it tests a server that is ready',
  },
  {
    about: 'error codes',
    says: [
      `${KSERVE}: "an HTTP error status (typically 400)"`,
      `${OIP} names the object of an inference error and does not define it`,
    ],
    suite: 'takes any status from 400 to 599 whose body has "error", a text',
  },
  {
    about: 'whether an error must carry "error"',
    says: [
      `${KSERVE}: "The HTTP body must contain the $inference_error_response object"`,
      'open_inference_rest.yaml: "error" is not among the required properties',
    ],
    suite: 'asks for it',
  },
  {
    about: 'the path of the server metadata',
    says: [`${KSERVE}: GET v2`, 'open_inference_rest.yaml: GET /v2/'],
    suite: 'asks for /v2',
  },
  {
    about: 'the version in a path',
    says: [
      `${KSERVE}: /versions/… is optional`,
      'open_inference_rest.yaml: only paths with a version, and a "$" in each',
    ],
    suite: 'asks without a version, and with one where the metadata names one',
  },
  {
    about: 'model_name in an answer',
    says: [
      `${KSERVE}: the object has "model_name", not optional`,
      `${KSERVE}: the example of an answer lacks it`,
    ],
    suite: 'asks for it',
  },
  {
    about: 'id in an answer to a request without one',
    says: [
      `${KSERVE}: "id" is not marked optional in the answer`,
      `${KSERVE}: 'The "id" identifier given in the request, if any'`,
    ],
    suite: 'asks for it where the request has one',
  },
  {
    about: 'the number of elements',
    says: [
      `${KSERVE}: data "must represent the full shape"`,
      `${KSERVE}: the example sends one element for the shape [3]`,
    ],
    suite: 'expects a refusal where data and shape disagree',
  },
  {
    about: '"data" of an input',
    says: [
      'open_inference_rest.yaml: "data" is required',
      'extension_binary_data.md: an input whose bytes follow the JSON has none',
    ],
    suite: 'sends none with binary data',
  },
  {
    about: 'the types of a gRPC parameter',
    says: [`${KSERVE}: bool, int64, string`, 'open_inference_grpc.proto: a double and a uint64 too'],
    suite: 'sends none',
  },
];
