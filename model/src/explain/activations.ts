/** What Grad-CAM needs of the forward pass that gave the probabilities. */
export interface Activations {
  /** `n * p`: the pooled features as they go into the normaliser or, without one, into the head. */
  readonly features: Float32Array;
  /** `n * views * channels * side * side` (NCHW, the views of one image as far apart as `MirroredViews` puts them): the maps of the deepest tap. */
  readonly maps: Float32Array;
  readonly channels: number;
  readonly side: number;
  readonly views: 1 | 4;
}
