/** The Python environments of the peers, each with its own pinned packages; 5 GB on disk for all. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Venv, mlflowVenv, pythonVenv } from '@hilum/hack';

/** name → what is installed for it, and what the person who waits is told. */
const ENVIRONMENTS = {
  fastapi: { of: 'fastapi', cost: '90 MB download, 240 MB on disk, about 20 s' },
  keras: { of: 'tensorflow-cpu', cost: '330 MB download, 1.6 GB on disk, about 90 s' },
  mlserver: { of: 'mlserver', cost: '130 MB download, 430 MB on disk, about 60 s' },
  bentoml: { of: 'bentoml', cost: '110 MB download, 290 MB on disk, about 60 s' },
  kserve: { of: 'kserve', cost: '160 MB download, 530 MB on disk, about 90 s' },
  ray: { of: 'ray', cost: '200 MB download, 590 MB on disk, about 90 s' },
  litserve: { of: 'litserve', cost: '90 MB download, 250 MB on disk, about 40 s' },
  pytriton: { of: 'nvidia-pytriton', cost: '180 MB download, 470 MB on disk, about 40 s' },
} as const;

export type EnvironmentName = keyof typeof ENVIRONMENTS | 'mlflow';

// The interpreter inside of its wheel is older than some 3.11 patch releases and then cannot read their library
// ("RLock has no attribute _recursion_count"): Debian bookworm's own 3.11.2 works.
const PYTHON_OF_PYTRITON = process.env['HILUM_PYTHON_PYTRITON'] ?? '/usr/bin/python3';

export async function peerVenv(name: EnvironmentName): Promise<Venv> {
  if (name === 'mlflow') return mlflowVenv();
  const { of, cost } = ENVIRONMENTS[name];
  const file = join(import.meta.dirname, 'peers/requirements', `${name}.txt`);
  const [, version] =
    new RegExp(`^${of}(?:\\[\\w+\\])?==([^ ]+)`, 'm').exec(await readFile(file, 'utf8')) ?? [];
  if (version === undefined) throw new Error(`${name}.txt does not pin ${of}`);
  const python = name === 'pytriton' ? PYTHON_OF_PYTRITON : undefined;
  return pythonVenv(`peer-${name}`, version, file, cost, python);
}
