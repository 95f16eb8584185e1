/** Outputs held against what they should be. */
import { expectThat } from './check.ts';
import type { TensorMetadata } from './tensors.ts';

/** Of the names, datatypes and shapes that the metadata have. */
export function assertOutputs(outputs: readonly TensorMetadata[], declared: readonly TensorMetadata[]): void {
  for (const { name, datatype, shape } of outputs) {
    const want = declared.find((output) => output.name === name);
    expectThat(want !== undefined, `output ${name} is not in the metadata`);
    expectThat(datatype === want.datatype, `${name} is ${datatype}, not ${want.datatype}`);
    const fits =
      shape.length === want.shape.length &&
      want.shape.every((length, at) => length === -1 || length === shape[at]);
    expectThat(fits, `${name} has the shape [${shape.join()}], not [${want.shape.join()}]`);
  }
}

/** Same numbers, as far as sums in another order allow. */
export function assertSame(
  have: readonly (TensorMetadata & { readonly values: readonly number[] })[],
  want: readonly (TensorMetadata & { readonly values: readonly number[] })[],
): void {
  for (const { name, shape, values } of want) {
    const other = have.find((output) => output.name === name);
    expectThat(other !== undefined, `output ${name} is missing`);
    expectThat(other.shape.join() === shape.join(), `${name} has the shape [${other.shape.join()}]`);
    const worst = Math.max(...values.map((value, at) => distance(value, other.values[at])));
    expectThat(worst <= 1e-4, `${name} differs by ${worst}`);
  }
}

function distance(one: number, other = Number.NaN): number {
  const away = Math.abs(one - other) / Math.max(1, Math.abs(one));
  return Number.isNaN(away) ? Number.POSITIVE_INFINITY : away;
}
