/**
 * `npm run setup [ROOM…]`: makes what a room's tests (or the demo) need. Safe to repeat.
 *
 * Each need is a function that returns when its tool is there; a room names its needs in the table below.
 */
import { say } from './cache.ts';
import { baseImage } from './tools/base-image.ts';
import { clusterImages } from './tools/cluster-images.ts';
import { groovyClasspath } from './tools/groovy.ts';
import { helmPath } from './tools/helm.ts';
import { kubernetesTools } from './tools/kubernetes.ts';
import { openjpegWasm } from './tools/openjpeg.ts';
import { samplePhotosDir } from './tools/photos.ts';
import {
  clientsVenv,
  dicomVenv,
  dvcVenv,
  mlflow2Venv,
  mlflowVenv,
  motoVenv,
  optunaVenv,
  schemathesisVenv,
  tensorflowVenv,
} from './tools/python.ts';
import { systemPackages } from './tools/system-packages.ts';
import { installTensorflow } from './tools/tensorflow.ts';
import { baseWeightsPath, imagenetOnnxPath } from './tools/weights.ts';

type Need = () => Promise<unknown>;

const native: Need = () => systemPackages('native');
const python: Need = () => systemPackages('python');
const dicom: Need = () => systemPackages('dicom');
const browser: Need = () => systemPackages('browser');
const postgres: Need = () => systemPackages('postgres');
const jenkins: Need = () => systemPackages('jenkins');
const prometheus: Need = () => systemPackages('prometheus');
/** The API server, with or without controllers: `cluster.up('control' | 'kcm')`. */
const api: readonly Need[] = [() => systemPackages('cluster'), kubernetesTools];
/** A node that runs pods: `cluster.up('node')`. */
const node: readonly Need[] = [() => systemPackages('node'), ...api, clusterImages, helmPath];
const images: readonly Need[] = [() => baseImage('node'), () => baseImage('python')];

const needs: Record<string, readonly Need[]> = {
  crds: [...api],
  search: [python, optunaVenv],
  imaging: [python, dicomVenv, dicom, samplePhotosDir, openjpegWasm],
  model: [native, installTensorflow, baseWeightsPath, imagenetOnnxPath, mlflowVenv],
  mlflow: [native, postgres, mlflowVenv, mlflow2Venv],
  trainer: [
    native,
    postgres,
    installTensorflow,
    baseWeightsPath,
    imagenetOnnxPath,
    mlflowVenv,
    mlflow2Venv,
    dvcVenv,
    motoVenv,
    tensorflowVenv,
  ],
  store: [python, motoVenv],
  wire: [],
  web: [native, browser, installTensorflow, baseWeightsPath],
  client: [native, installTensorflow, baseWeightsPath],
  server: [
    native,
    prometheus,
    python,
    dicom,
    dicomVenv,
    installTensorflow,
    baseWeightsPath,
    mlflowVenv,
    motoVenv,
    samplePhotosDir,
    clientsVenv,
    schemathesisVenv,
  ],
  operator: [native, ...api, mlflowVenv],
  cli: [native, installTensorflow, baseWeightsPath, mlflowVenv, dvcVenv, dicomVenv],
  hack: [native, ...node, ...images, installTensorflow, baseWeightsPath, mlflowVenv, dvcVenv],
  test: [
    native,
    jenkins,
    ...node,
    ...images,
    installTensorflow,
    baseWeightsPath,
    mlflowVenv,
    groovyClasspath,
  ],
  bench: [python, native, dicomVenv, installTensorflow, baseWeightsPath, tensorflowVenv],
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
