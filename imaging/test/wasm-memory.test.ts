import { expect, test } from 'vitest';
import { capWasmMemory } from '../src/dicom/wasm-memory.ts';

const PAGE = 65_536;

test('a WebAssembly memory grows up to the cap, is denied more, and the denial is known until it is reset', () => {
  const cap = capWasmMemory(4 * PAGE);
  const memory = new WebAssembly.Memory({ initial: 1 });
  expect(memory.grow(3)).toBe(1);
  expect(cap.denied()).toBe(false);
  expect(() => memory.grow(1)).toThrow(RangeError);
  expect(cap.denied()).toBe(true);
  expect(memory.buffer.byteLength).toBe(4 * PAGE);
  cap.reset();
  expect(cap.denied()).toBe(false);
});
