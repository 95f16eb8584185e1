/** Certificates made by openssl, as an authority of a hospital makes them. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * An authority, or a certificate of one for 127.0.0.1: `NAME.crt` and `NAME.key` in the folder.
 *
 * @param subject `/O=Radiology/CN=pacs`
 * @param by name of the authority
 */
export async function certify(dir: string, name: string, subject: string, by?: string): Promise<void> {
  const at = (file: string): string => join(dir, file);
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-noenc',
    '-keyout',
    at(`${name}.key`),
  ];
  const signer =
    by === undefined
      ? []
      : ['-CA', at(`${by}.crt`), '-CAkey', at(`${by}.key`), '-addext', 'subjectAltName=IP:127.0.0.1'].concat(
          '-addext',
          'basicConstraints=critical,CA:FALSE',
        );
  const made = ['-out', at(`${name}.crt`), '-subj', subject, '-days', '2'];
  await run('openssl', ['req', '-x509', ...key, ...made, ...signer]);
}
