/* The MQ decoder's table, its start and its end; the decisions are in mqc.h. */
#include <string.h>
#include "opj_includes.h"

/* ISO/IEC 15444-1 table C.2. */
typedef struct {
    OPJ_UINT16 qe;
    /* Rows that follow an MPS and an LPS. */
    OPJ_BYTE nmps, nlps;
    /* Whether an LPS makes the other symbol the more probable one. */
    OPJ_BYTE change;
} row;

static const row rows[47] = {
    {0x5601, 1, 1, 1},
    {0x3401, 2, 6, 0},
    {0x1801, 3, 9, 0},
    {0x0ac1, 4, 12, 0},
    {0x0521, 5, 29, 0},
    {0x0221, 38, 33, 0},
    {0x5601, 7, 6, 1},
    {0x5401, 8, 14, 0},
    {0x4801, 9, 14, 0},
    {0x3801, 10, 14, 0},
    {0x3001, 11, 17, 0},
    {0x2401, 12, 18, 0},
    {0x1c01, 13, 20, 0},
    {0x1601, 29, 21, 0},
    {0x5601, 15, 14, 1},
    {0x5401, 16, 14, 0},
    {0x5101, 17, 15, 0},
    {0x4801, 18, 16, 0},
    {0x3801, 19, 17, 0},
    {0x3401, 20, 18, 0},
    {0x3001, 21, 19, 0},
    {0x2801, 22, 19, 0},
    {0x2401, 23, 20, 0},
    {0x2201, 24, 21, 0},
    {0x1c01, 25, 22, 0},
    {0x1801, 26, 23, 0},
    {0x1601, 27, 24, 0},
    {0x1401, 28, 25, 0},
    {0x1201, 29, 26, 0},
    {0x1101, 30, 27, 0},
    {0x0ac1, 31, 28, 0},
    {0x09c1, 32, 29, 0},
    {0x08a1, 33, 30, 0},
    {0x0521, 34, 31, 0},
    {0x0441, 35, 32, 0},
    {0x02a1, 36, 33, 0},
    {0x0221, 37, 34, 0},
    {0x0141, 38, 35, 0},
    {0x0111, 39, 36, 0},
    {0x0085, 40, 37, 0},
    {0x0049, 41, 38, 0},
    {0x0025, 42, 39, 0},
    {0x0015, 43, 40, 0},
    {0x0009, 44, 41, 0},
    {0x0005, 45, 42, 0},
    {0x0001, 45, 43, 0},
    {0x5601, 46, 46, 0},
};

OPJ_UINT32 mq_next[47 * 2 * 2];

static OPJ_UINT32 context(OPJ_UINT32 at, OPJ_UINT32 mps)
{
    return ((OPJ_UINT32)rows[at].qe << 16) | (at * 2 + mps);
}

__attribute__((constructor)) static void make_table(void)
{
    for (OPJ_UINT32 at = 0; at < 47; at++) {
        for (OPJ_UINT32 mps = 0; mps < 2; mps++) {
            OPJ_UINT32 *next = &mq_next[(at * 2 + mps) * 2];
            next[0] = context(rows[at].nmps, mps);
            next[1] = context(rows[at].nlps, mps ^ rows[at].change);
        }
    }
}

/* Behind a segment all bits are 1 (C.3.4, D.4.1): the two bytes after it become a marker until finish. */
static void begin(opj_mqc_t *mqc, OPJ_BYTE *bp, OPJ_UINT32 len)
{
    mqc->start = bp;
    mqc->bp = bp;
    mqc->end = bp + len;
    mqc->end_of_byte_stream_counter = 0;
    memcpy(mqc->backup, mqc->end, OPJ_COMMON_CBLK_DATA_EXTRA);
    memset(mqc->end, 0xff, OPJ_COMMON_CBLK_DATA_EXTRA);
}

/* INITDEC (figure C.20); the seven bits that it shifts are shifted before the second byte is read, not after. */
void opj_mqc_init_dec(opj_mqc_t *mqc, OPJ_BYTE *bp, OPJ_UINT32 len, OPJ_UINT32 extra_writable_bytes)
{
    (void)extra_writable_bytes;
    begin(mqc, bp, len);
    opj_mqc_setcurctx(mqc, 0);
    mqc->a = 0x8000;
    mqc->c = (OPJ_UINT64)*bp << (48 + 7);
    mqc->ct = -7;
    mq_fill(mqc, &mqc->c, &mqc->ct);
}

void opj_mqc_raw_init_dec(opj_mqc_t *mqc, OPJ_BYTE *bp, OPJ_UINT32 len, OPJ_UINT32 extra_writable_bytes)
{
    (void)extra_writable_bytes;
    begin(mqc, bp, len);
    mqc->c = 0;
    mqc->ct = 0;
}

void opq_mqc_finish_dec(opj_mqc_t *mqc)
{
    memcpy(mqc->end, mqc->backup, OPJ_COMMON_CBLK_DATA_EXTRA);
}

void opj_mqc_resetstates(opj_mqc_t *mqc)
{
    for (OPJ_UINT32 at = 0; at < MQC_NUMCTXS; at++) opj_mqc_setstate(mqc, at, 0, 0);
}

void opj_mqc_setstate(opj_mqc_t *mqc, OPJ_UINT32 ctxno, OPJ_UINT32 msb, OPJ_INT32 prob)
{
    mqc->ctxs[ctxno] = context((OPJ_UINT32)prob, msb);
}
