// The walls between the rooms (docs/architecture.md). A room is imported by its name and exports through its
// src/index.ts; nobody reaches deeper, nothing goes round in a circle.
const rooms = [
  'crds',
  'search',
  'imaging',
  'model',
  'mlflow',
  'store',
  'wire',
  'trainer',
  'web',
  'server',
  'client',
  'operator',
  'cli',
  'hack',
  'test',
  'bench',
];
const mayImport = {
  crds: [],
  search: [],
  imaging: [],
  model: ['imaging'],
  mlflow: [],
  store: [],
  wire: [],
  trainer: ['crds', 'search', 'imaging', 'model', 'mlflow', 'store'],
  web: ['wire'],
  server: ['imaging', 'model', 'mlflow', 'store', 'wire', 'web'],
  client: ['wire'],
  operator: ['crds', 'search', 'mlflow'],
  hack: [],
  bench: ['imaging', 'model', 'trainer', 'hack'],
};

const walls = Object.entries(mayImport).map(([room, allowed]) => ({
  name: `${room}-walls`,
  comment: `${room}/ may import only ${allowed.length === 0 ? 'itself' : allowed.join(', ')}`,
  severity: 'error',
  // Tests may use the tools of hack/ (real servers, real clusters); the room's own code may not.
  from: { path: `^${room}/`, pathNot: '\\.test\\.ts$|/test/' },
  to: { path: `^(${rooms.filter((r) => r !== room && !allowed.includes(r)).join('|')})/` },
}));

export default {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      // Modules of types only, declared in imaging/src/codecs.d.ts and imaging/test/encoders.d.ts.
      to: { couldNotResolve: true, pathNot: '^@hilum/imaging/(codec-factory|encoder)$' },
    },
    ...rooms.map((room) => ({
      name: `no-deep-import-of-${room}`,
      comment: 'a room exports through its src/index.ts',
      severity: 'error',
      // A bench times what a worker calls, which no room should be tempted to call without the worker.
      from: { pathNot: room === 'imaging' ? '^(imaging/|bench/imaging/ours\\.ts$)' : `^${room}/` },
      to: { path: `^${room}/`, pathNot: `^${room}/src/index\\.ts$` },
    })),
    ...walls,
    {
      name: 'search-imports-nothing',
      comment:
        'a suggestion is a function of space, seed and history: it needs no package and nothing of Node',
      severity: 'error',
      from: { path: '^search/src/', pathNot: '\\.test\\.ts$' },
      to: { pathNot: '^search/src/' },
    },
    {
      name: 'operator-without-tensorflow',
      severity: 'error',
      from: { path: '^operator/' },
      to: { path: 'node_modules/@tensorflow' },
    },
    {
      name: 'kube-runtime-holds-no-domain-word',
      severity: 'error',
      from: { path: '^operator/src/kube/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(operator/src/(?!kube/)|crds/|mlflow/)' },
    },
    {
      name: 'pure-files-import-no-io',
      comment: 'decide, desired, rollout and search take the world as data',
      severity: 'error',
      from: {
        path: '(/decide\\.ts$|/desired/|/rollout\\.ts$|^operator/.*/search\\.ts$)',
        pathNot: '\\.test\\.ts$',
      },
      to: { path: '^(node:)?(fs|net|http|https|child_process|crypto|timers|os)(/|$)|undici|kube/transport' },
    },
  ],
  options: {
    // dependency-cruiser reads TypeScript 7 only when its API is stable; swc parses the same syntax.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    exclude: { path: '(^|/)(build|out)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js'],
    },
  },
};
