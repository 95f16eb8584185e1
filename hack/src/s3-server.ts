/** An S3 on this machine, moto's: objects in memory, and one user whose signatures it checks as AWS would. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { motoVenv } from './tools/python.ts';

export interface S3Server {
  /** `http://127.0.0.1:<port>`; buckets lie in the path. */
  readonly url: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Ends the server, which also happens when this process dies. */
  stop(): Promise<void>;
}

const BUCKET = 'hilum-test';
const START_DEADLINE_MS = 60_000;

// Until the user exists nothing is checked, afterwards everything.
const SERVE = `
import json, sys
from moto import settings
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
account, bucket = "123456789012", sys.argv[1]
iam = iam_backends[account]["aws"]
iam.create_user("us-east-1", "hilum")
everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
iam.put_user_policy("hilum", "all", json.dumps(everything))
key = iam.create_access_key("hilum")
s3_backends[account]["aws"].create_bucket(bucket, "us-east-1")
settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
print(json.dumps([server.get_host_and_port()[1], key.access_key_id, key.secret_access_key]), flush=True)
sys.stdin.read()
`;

/** Starts moto and returns when it answers. */
export async function startS3(): Promise<S3Server> {
  const { python } = await motoVenv();
  // Its standard input is a pipe of ours: the kernel closes it even when we are killed, and the server ends.
  const child = spawn(python, ['-c', SERVE, BUCKET], { stdio: ['pipe', 'pipe', 'pipe'] });
  const gone = once(child, 'exit');
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-4000);
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  const lines = createInterface({ input: child.stdout });
  const signal = AbortSignal.timeout(START_DEADLINE_MS);
  try {
    const [line] = (await Promise.race([once(lines, 'line', { signal }), gone.then(() => [''])])) as [string];
    const [port, accessKeyId, secretAccessKey] = JSON.parse(line) as [number, string, string];
    return { url: `http://127.0.0.1:${port}`, bucket: BUCKET, accessKeyId, secretAccessKey, stop };
  } catch (cause) {
    await stop();
    throw new Error(`moto did not start\n${log}`, { cause });
  }
}
