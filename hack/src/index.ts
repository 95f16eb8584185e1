export { cacheRoot, ensureTool, say, sha256File, verifySha256, type ToolRecipe } from './cache.ts';
export { run, type RunOptions, type RunResult } from './run.ts';
export { installTensorflow, nativeTensorflowDir } from './tools/tensorflow.ts';
