/* The SSE2 operations that OpenJPEG's dwt.c, mct.c and t1.c use, as WebAssembly's 128-bit operations. */
#ifndef HILUM_SSE2_BY_WASM
#define HILUM_SSE2_BY_WASM

#include <wasm_simd128.h>

typedef v128_t __m128i;
typedef v128_t __m128;

#define _mm_load_si128(from) wasm_v128_load(from)
#define _mm_loadu_si128(from) wasm_v128_load(from)
#define _mm_store_si128(to, v) wasm_v128_store(to, v)
#define _mm_storeu_si128(to, v) wasm_v128_store(to, v)
#define _mm_set1_epi32(x) wasm_i32x4_splat(x)
#define _mm_add_epi32(x, y) wasm_i32x4_add(x, y)
#define _mm_sub_epi32(x, y) wasm_i32x4_sub(x, y)
#define _mm_srai_epi32(x, bits) wasm_i32x4_shr(x, bits)

#define _mm_cvtepi32_ps(v) wasm_f32x4_convert_i32x4(v)
#define _mm_load_ps(from) wasm_v128_load(from)
#define _mm_loadu_ps(from) wasm_v128_load(from)
#define _mm_store_ps(to, v) wasm_v128_store(to, v)
#define _mm_storeu_ps(to, v) wasm_v128_store(to, v)
#define _mm_set1_ps(x) wasm_f32x4_splat(x)
#define _mm_load1_ps(from) wasm_f32x4_splat(*(from))
#define _mm_set_ps(d, c, b, a) wasm_f32x4_make(a, b, c, d)
#define _mm_setzero_ps() wasm_f32x4_splat(0)
#define _mm_add_ps(x, y) wasm_f32x4_add(x, y)
#define _mm_sub_ps(x, y) wasm_f32x4_sub(x, y)
#define _mm_mul_ps(x, y) wasm_f32x4_mul(x, y)

#endif
