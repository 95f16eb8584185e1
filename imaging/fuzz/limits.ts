/** What a case may take. Docs: docs/fuzzing.md. */

export const CASE_MAX_MS = 2000;
/** Of the process that decodes one case, with everything else that it holds. */
export const RSS_MAX_BYTES = 1024 * 1024 * 1024;
/** Past this a process is ended at once, to spare the machine. */
export const RSS_KILLED_BYTES = 2048 * 1024 * 1024;
