/**
 * `npm run setup [ROOM…]`: makes what a room's tests (or the demo) need. Safe to repeat.
 *
 * Each need is a function that returns when its tool is there; a room names its needs in the table below.
 */
import { say } from './cache.ts';
import { kubernetesTools } from './tools/kubernetes.ts';
import { dvcVenv, mlflowVenv } from './tools/python.ts';
import { installTensorflow } from './tools/tensorflow.ts';
import { baseWeightsPath, imagenetOnnxPath } from './tools/weights.ts';

type Need = () => Promise<unknown>;

const needs: Record<string, readonly Need[]> = {
  crds: [kubernetesTools],
  imaging: [],
  model: [installTensorflow, baseWeightsPath, imagenetOnnxPath, mlflowVenv],
  mlflow: [mlflowVenv],
  trainer: [installTensorflow, baseWeightsPath, mlflowVenv, dvcVenv],
  server: [installTensorflow, baseWeightsPath, mlflowVenv],
  operator: [kubernetesTools, mlflowVenv],
  cli: [installTensorflow, baseWeightsPath, mlflowVenv],
  hack: [kubernetesTools, installTensorflow, baseWeightsPath, mlflowVenv, dvcVenv],
  test: [installTensorflow, baseWeightsPath, mlflowVenv],
};

const rooms = process.argv.slice(2);
const unknown = rooms.filter((room) => !(room in needs));
if (unknown.length > 0) {
  say(`hilum setup: unknown room ${unknown.join(', ')}; one of ${Object.keys(needs).join(', ')}`);
  process.exit(64);
}
// `test` is the root's word for every room.
const wanted = rooms.length === 0 || rooms.includes('test') ? Object.keys(needs) : rooms;
for (const need of new Set(wanted.flatMap((room) => needs[room] ?? []))) await need();
