/** What a run says while it goes on: for a progress bar, a log, a status. */
import type { AuditCounts } from './audit/audit.ts';
import type { DomainSurvey } from './dataset/domain.ts';
import type { Epoch } from './fit/epoch.ts';
import type { Step } from './fit/fit.ts';
import type { CheckpointEvent } from './fit/keeper.ts';
import type { Int8Record } from './int8.ts';
import type { Part } from './dataset/split.ts';
import type { TrackingEvent } from './tracking.ts';
import type { StudyEvent } from './study/study-options.ts';

/** Images in all and patients in each part. */
export interface Counts {
  readonly files: number;
  readonly patients: Readonly<Record<Part, number>>;
}

export type TrainEvent =
  | {
      readonly type: 'dataset';
      readonly kind: 'hu' | 'grey';
      readonly labels: readonly string[];
      readonly positiveLabel: string;
      readonly dataset: Counts;
      readonly ignored: number;
    }
  /** What the leakage audit counted; where it found a leak, the run ends with SPLIT_LEAKS. */
  | ({ readonly type: 'audit' } & AuditCounts)
  /** What the images are, and so what the model will be for; `outside` > 0 is worth a warning. */
  | ({ readonly type: 'domain' } & DomainSurvey)
  | { readonly type: 'run'; readonly experimentId: string; readonly runId: string; readonly url: string }
  | {
      readonly type: 'features';
      readonly images: number;
      readonly totalImages: number;
      readonly cached: number;
    }
  /** Of the search before the training, where there is one. */
  | { readonly type: 'search'; readonly event: StudyEvent }
  /** After each batch; a terminal wants them, a log does not. */
  | ({ readonly type: 'step' } & Step)
  | ({ readonly type: 'epoch' } & Epoch)
  | CheckpointEvent
  | TrackingEvent
  /** There is a model under the alias, and why it cannot be compared with. */
  | { readonly type: 'champion'; readonly note: string }
  | {
      readonly type: 'evaluated';
      readonly samples: number;
      readonly accuracy: number;
      readonly aucRoc: number;
      readonly bestEpoch: number;
    }
  /** Whether a quantised file goes with the model, and why. */
  | ({ readonly type: 'int8' } & Int8Record)
  | { readonly type: 'packaged'; readonly digest: string }
  | {
      readonly type: 'registered';
      readonly name: string;
      readonly version: string;
      readonly alias?: string;
      readonly gate: string;
    };
