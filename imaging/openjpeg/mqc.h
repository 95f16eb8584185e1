/*
 * The MQ decoder of ISO/IEC 15444-1 annex C, and the raw bits of its D.6. It stands in for OpenJPEG's mqc.h, mqc_inl.h
 * and mqc.c, and has the names that its t1.c calls. Nothing of an encoder is here.
 *
 * What is faster than the flow charts of the standard: a decision has no branch on its outcome, which is noise and not
 * to be predicted, and up to 56 bits are read at once.
 */
#ifndef OPJ_MQC_H
#define OPJ_MQC_H

#include "opj_common.h"

#define MQC_NUMCTXS 19
#define BYPASS_CT_INIT 0xDEADBEEF

typedef struct opj_mqc {
    /* The code register: its upper 16 bits are Chigh, the bits below them are read ahead. Raw: the current byte. */
    OPJ_UINT64 c;
    /* The interval, 16 bits. */
    OPJ_UINT32 a;
    /* How many bits of `c` are read ahead. Raw: bits left of the current byte. */
    OPJ_INT32 ct;
    /* Bytes taken from beyond the end of the segment; t1.c warns of them. */
    OPJ_UINT32 end_of_byte_stream_counter;
    OPJ_BYTE *bp;
    OPJ_BYTE *start;
    OPJ_BYTE *end;
    /* Qe in the upper half, below it the state: row of table C.2, times two, plus MPS. */
    OPJ_UINT32 ctxs[MQC_NUMCTXS];
    OPJ_UINT32 *curctx;
    /* t1.c's own. */
    const OPJ_BYTE *lut_ctxno_zc_orient;
    /* What stood where the end marker was put. */
    OPJ_BYTE backup[OPJ_COMMON_CBLK_DATA_EXTRA];
} opj_mqc_t;

/* By state and outcome (0: MPS, 1: LPS), the context that follows. */
extern OPJ_UINT32 mq_next[47 * 2 * 2];

/* The last byte read is at bp; both decoders stop at the marker FFFF that stands behind the segment. */
void opj_mqc_init_dec(opj_mqc_t *mqc, OPJ_BYTE *bp, OPJ_UINT32 len, OPJ_UINT32 extra_writable_bytes);
void opj_mqc_raw_init_dec(opj_mqc_t *mqc, OPJ_BYTE *bp, OPJ_UINT32 len, OPJ_UINT32 extra_writable_bytes);
void opq_mqc_finish_dec(opj_mqc_t *mqc);
void opj_mqc_resetstates(opj_mqc_t *mqc);
void opj_mqc_setstate(opj_mqc_t *mqc, OPJ_UINT32 ctxno, OPJ_UINT32 msb, OPJ_INT32 prob);
#define opj_mqc_setcurctx(mqc, ctxno) (mqc)->curctx = &(mqc)->ctxs[(OPJ_UINT32)(ctxno)]

/*
 * BYTEIN (figure C.19), as often as there is room; called when `ct` is below zero, by as many bits as the register was
 * shifted too far. A byte after FF overlaps it by one bit, which is a carry where it is 1. An encoder sends a carry
 * only where adding it early decides nothing; in damaged data it may decide, so it is added when the standard would.
 */
static inline void mq_fill(opj_mqc_t *mqc, OPJ_UINT64 *c, OPJ_INT32 *ct)
{
    do {
        const OPJ_UINT64 next = mqc->bp[1];
        if (mqc->bp[0] != 0xff) {
            mqc->bp++;
            *c += next << (40 - *ct);
            *ct += 8;
        } else if (next > 0x8f) {
            *c += (OPJ_UINT64)0xff << (40 - *ct);
            *ct += 8;
            mqc->end_of_byte_stream_counter++;
        } else if (next > 0x7f && *ct >= 0) {
            return;
        } else {
            mqc->bp++;
            *c += next << (41 - *ct);
            *ct += 7;
        }
    } while (*ct <= 40);
}

/* DECODE (figures C.15 to C.18): one decision. */
static inline __attribute__((always_inline)) OPJ_UINT32 mq_decode(opj_mqc_t *mqc, OPJ_UINT32 *context, OPJ_UINT32 *a,
                                                                  OPJ_UINT64 *c, OPJ_INT32 *ct)
{
    const OPJ_UINT32 now = *context;
    const OPJ_UINT32 qe = now >> 16;
    const OPJ_UINT32 state = now & 0xff;
    const OPJ_UINT32 rest = *a - qe;
    const OPJ_UINT32 below = (OPJ_UINT32)(*c >> 48) < qe;
    const OPJ_UINT32 mask = 0u - below;
    /* The smaller part is the LPS', whichever lies below. */
    const OPJ_UINT32 lps = below ^ (rest < qe);
    const OPJ_UINT32 part = rest ^ ((rest ^ qe) & mask);
    /* To bring the interval above 8000 again; only then does the context move. */
    const int shift = __builtin_clz(part) - 16;
    const OPJ_UINT32 moved = 0u - (OPJ_UINT32)(shift != 0);
    *context = now ^ ((now ^ mq_next[state * 2 + lps]) & moved);
    *a = part << shift;
    *c = (*c - ((OPJ_UINT64)(qe & ~mask) << 48)) << shift;
    *ct -= shift;
    if (__builtin_expect(*ct < 0, 0)) mq_fill(mqc, c, ct);
    return (state & 1) ^ lps;
}

/* A bit of the arithmetic coder's bypass: after a byte FF the next has seven. Behind the end all bits are 1. */
static inline OPJ_UINT32 opj_mqc_raw_decode(opj_mqc_t *mqc)
{
    if (mqc->ct == 0) {
        const int stuffed = mqc->c == 0xff;
        if (stuffed && *mqc->bp > 0x8f) {
            mqc->ct = 8;
        } else {
            mqc->c = *mqc->bp++;
            mqc->ct = stuffed ? 7 : 8;
        }
    }
    mqc->ct--;
    return (OPJ_UINT32)(mqc->c >> mqc->ct) & 1;
}

/* How t1.c calls the above, with the state of the decoder in local variables. */
#define opj_mqc_decode_macro(d, mqc, curctx, a, c, ct) d = mq_decode(mqc, curctx, &(a), &(c), &(ct))
#define opj_mqc_decode(d, mqc) opj_mqc_decode_macro(d, mqc, (mqc)->curctx, (mqc)->a, (mqc)->c, (mqc)->ct)
#define DOWNLOAD_MQC_VARIABLES(mqc, curctx, a, c, ct) \
    OPJ_UINT32 *curctx = (mqc)->curctx;               \
    OPJ_UINT64 c = (mqc)->c;                          \
    OPJ_UINT32 a = (mqc)->a;                          \
    OPJ_INT32 ct = (mqc)->ct
#define UPLOAD_MQC_VARIABLES(mqc, now, a_, c_, ct_) \
    (mqc)->curctx = now;                            \
    (mqc)->a = a_;                                  \
    (mqc)->c = c_;                                  \
    (mqc)->ct = ct_;

/* t1.c's encoder is compiled, and dropped by the linker; what it calls is declared and nowhere defined. */
#define opj_mqc_encode_macro(mqc, curctx, a, c, ct, d) (void)(d)
#define opj_mqc_bypass_enc_macro(mqc, c, ct, d) (void)(d)
OPJ_UINT32 opj_mqc_numbytes(opj_mqc_t *mqc);
OPJ_UINT32 opj_mqc_bypass_get_extra_bytes(opj_mqc_t *mqc, OPJ_BOOL erterm);
void opj_mqc_init_enc(opj_mqc_t *mqc, OPJ_BYTE *bp);
void opj_mqc_flush(opj_mqc_t *mqc);
void opj_mqc_bypass_init_enc(opj_mqc_t *mqc);
void opj_mqc_bypass_flush_enc(opj_mqc_t *mqc, OPJ_BOOL erterm);
void opj_mqc_reset_enc(opj_mqc_t *mqc);
void opj_mqc_restart_init_enc(opj_mqc_t *mqc);
void opj_mqc_erterm_enc(opj_mqc_t *mqc);
void opj_mqc_segmark_enc(opj_mqc_t *mqc);

#endif
