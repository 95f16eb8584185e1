/** A lane on a machine for which onnxruntime has no native library. */
import { EngineMissing, serveLane } from '../src/engine/lane-thread.ts';

await serveLane(async () => {
  throw new EngineMissing('onnxruntime-node', new Error('wrong ELF class'));
});
