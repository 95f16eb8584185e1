/** Files that are replaced while the server runs: a mounted Secret, a renewed certificate. */
import { type StatsListener, unwatchFile, watchFile } from 'node:fs';

const EVERY_MS = 2_000;

/**
 * Calls back when one of the files is another one. By looking, not by inotify: the kubelet replaces a mounted Secret by
 * moving a link two folders above the file, of which a watch on the file hears nothing.
 *
 * @returns ends it
 */
export function followFiles(paths: readonly string[], changed: () => void, everyMs = EVERY_MS): () => void {
  const look: StatsListener = (now, before) => {
    if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino || now.size !== before.size) changed();
  };
  for (const path of paths) watchFile(path, { interval: everyMs, persistent: false }, look);
  return () => {
    for (const path of paths) unwatchFile(path, look);
  };
}
