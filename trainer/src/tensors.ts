/** Names for TensorFlow's types, taken from the engine that @hilum/model loads. */
import type { buildTail, Tf } from '@hilum/model';

export type LayersModel = ReturnType<typeof buildTail>;
export type Tensor = InstanceType<Tf['Tensor']>;
export type Variable = ReturnType<Tf['variable']>;
