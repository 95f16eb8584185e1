/** An answer as a DICOM object of the study that it is about. */
import { type SliceFacts, newUid, writeFindingReport } from '@hilum/imaging';
import type { Classification } from '@hilum/wire';

/** What the answer rests on. */
export interface Study {
  /** Of the frames that were scored; at least one. */
  readonly evidence: readonly SliceFacts[];
  readonly deciding: SliceFacts;
  /** The file of the deciding slice: patient and study are copied from its header. */
  readonly file: Uint8Array;
}

/**
 * A structured report (docs/reports.md). One who abstains has no finding: it is written as a refusal, with the code of
 * the abstention and its reason in words, and without a probability.
 *
 * @throws ImagingError where the file names no study
 */
export async function reportOf(answer: Classification, study: Study, now: Date): Promise<Uint8Array> {
  const { model, abstention, label, probabilities, positive, series } = answer;
  const { evidence, deciding } = study;
  const algorithm = {
    name: model.name,
    // A report needs a version; a package from a folder has none but its digest.
    version: model.version ?? model.digest.slice('sha256:'.length, 'sha256:'.length + 12),
    digest: model.digest,
  };
  const finding =
    abstention === null
      ? ({
          outcome: 'classified',
          algorithm,
          evidence,
          label,
          positiveLabel: positive.label,
          probability: positive.probability,
          probabilities,
          deciding,
          ...(series !== null && { slicesUsed: series.scored, aggregation: series.rule }),
        } as const)
      : ({
          outcome: 'refused',
          algorithm,
          evidence,
          code: abstention.code,
          text: abstention.message,
        } as const);
  return writeFindingReport(finding, study.file, { now, uid: newUid });
}
