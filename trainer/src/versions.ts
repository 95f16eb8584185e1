/** What made a model: by name, for its card. */
import type { Tf } from '@hilum/model';
import self from '../package.json' with { type: 'json' };

export function versionsOf(tf: Tf): Readonly<Record<string, string>> {
  return { hilum: self.version, node: process.versions.node, tfjs: tf.version.tfjs };
}
