export { cacheRoot, ensureTool, say, sha256File, verifySha256, type ToolRecipe } from './cache.ts';
export { run, type RunOptions, type RunResult } from './run.ts';
export { installTensorflow, nativeTensorflowDir } from './tools/tensorflow.ts';
export {
  clientsVenv,
  dicomVenv,
  dvcVenv,
  mlflowVenv,
  optunaVenv,
  pythonVenv,
  schemathesisVenv,
  tensorflowVenv,
  type Venv,
} from './tools/python.ts';
export { serveWithMlflow, type ModelServer } from './model-server.ts';
export { startMlflow, type MlflowServer, type MlflowServerOptions } from './mlflow-server.ts';
export { startPostgres, type PostgresServer } from './postgres-server.ts';
export { startTokenFront, type TokenFront } from './token-front.ts';
export { startS3, type S3Server } from './s3-server.ts';
export { samplePhotosDir } from './tools/photos.ts';
export { baseWeightsPath, imagenetOnnxPath } from './tools/weights.ts';
export { openjpegWasm } from './tools/openjpeg.ts';
export { cluster, ClusterError, type Cluster, type ClusterMode, type UpOptions } from './cluster/cluster.ts';
export { kubectlPath } from './tools/kubernetes.ts';
export { helmPath } from './tools/helm.ts';
export { kindPath } from './tools/kind.ts';
export { buildImage, type BuiltImage, type ImageRequest } from './images/build.ts';
export { pushImage, startRegistry, type Registry } from './images/registry.ts';
export { baseImage } from './tools/base-image.ts';
export { groovyClasspath } from './tools/groovy.ts';
export { hilumImages, type ImageName } from './release/images.ts';
