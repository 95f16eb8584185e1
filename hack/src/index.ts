export { cacheRoot, ensureTool, say, sha256File, verifySha256, type ToolRecipe } from './cache.ts';
export { run, type RunOptions, type RunResult } from './run.ts';
export { installTensorflow, nativeTensorflowDir } from './tools/tensorflow.ts';
export { dvcVenv, mlflowVenv, type Venv } from './tools/python.ts';
export { startMlflow, type MlflowServer, type MlflowServerOptions } from './mlflow-server.ts';
export { baseWeightsPath, imagenetOnnxPath } from './tools/weights.ts';
export { cluster, ClusterError, type Cluster, type ClusterMode, type UpOptions } from './cluster/cluster.ts';
export { kubectlPath } from './tools/kubernetes.ts';
export { helmPath } from './tools/helm.ts';
