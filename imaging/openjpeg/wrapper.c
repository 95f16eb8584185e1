/*
 * The decoder as hilum calls it: one codestream in memory to planes of 32-bit samples in memory. Nothing is imported but
 * the memory, so there is nothing that this module could read, write or print.
 */
#include <string.h>
#include "opj_includes.h"
#include "memory.h"

#define EXPORT(name) __attribute__((export_name(name)))

enum { DECODED, UNDECODABLE, OUT_OF_MEMORY };

/* Read in pieces, as OpenJPEG's stream wants it. */
enum { PIECE_BYTES = 1 << 16 };

typedef struct {
    const OPJ_BYTE *bytes;
    OPJ_SIZE_T length, at;
} source;

static opj_image_t *image;

static OPJ_SIZE_T read_some(void *into, OPJ_SIZE_T count, void *of)
{
    source *from = of;
    const OPJ_SIZE_T left = from->length - from->at;
    if (left == 0) return (OPJ_SIZE_T)-1;
    if (count > left) count = left;
    memcpy(into, from->bytes + from->at, count);
    from->at += count;
    return count;
}

static OPJ_OFF_T skip(OPJ_OFF_T count, void *of)
{
    source *from = of;
    const OPJ_OFF_T left = (OPJ_OFF_T)(from->length - from->at);
    if (count < 0 || left == 0) return -1;
    if (count > left) count = left;
    from->at += (OPJ_SIZE_T)count;
    return count;
}

static OPJ_BOOL seek(OPJ_OFF_T to, void *of)
{
    source *from = of;
    if (to < 0 || to > (OPJ_OFF_T)from->length) return OPJ_FALSE;
    from->at = (OPJ_SIZE_T)to;
    return OPJ_TRUE;
}

static opj_stream_t *stream_of(source *from)
{
    opj_stream_t *stream = opj_stream_create(PIECE_BYTES, OPJ_TRUE);
    if (stream == NULL) return NULL;
    opj_stream_set_user_data(stream, from, NULL);
    opj_stream_set_user_data_length(stream, from->length);
    opj_stream_set_read_function(stream, read_some);
    opj_stream_set_skip_function(stream, skip);
    opj_stream_set_seek_function(stream, seek);
    return stream;
}

static int decoded(opj_j2k_t *codec, opj_stream_t *stream)
{
    opj_stream_private_t *from = (opj_stream_private_t *)stream;
    opj_event_mgr_t silent = {0};
    opj_dparameters_t parameters;
    memset(&parameters, 0, sizeof parameters);
    opj_j2k_setup_decoder(codec, &parameters);
    /* A stream that ends early is no image. */
    opj_j2k_decoder_set_strict_mode(codec, OPJ_TRUE);
    if (!opj_j2k_read_header(from, codec, &image, &silent)) return 0;
    if (!opj_j2k_decode(codec, from, image, &silent)) return 0;
    for (OPJ_UINT32 at = 0; at < image->numcomps; at++) {
        if (image->comps[at].data == NULL) return 0;
    }
    return image->numcomps > 0;
}

EXPORT("allocate") void *allocate(size_t size)
{
    return opj_malloc(size);
}

EXPORT("release") void release(void *memory)
{
    opj_free(memory);
}

/* Where the answer is DECODED, the image is kept until `done`. */
EXPORT("decode") int decode(const OPJ_BYTE *bytes, size_t length)
{
    source from = {bytes, length, 0};
    memory_denied = 0;
    opj_stream_t *stream = stream_of(&from);
    opj_j2k_t *codec = stream == NULL ? NULL : opj_j2k_create_decompress();
    const int good = codec != NULL && decoded(codec, stream);
    if (codec != NULL) opj_j2k_destroy(codec);
    if (stream != NULL) opj_stream_destroy(stream);
    if (good) return DECODED;
    return memory_denied ? OUT_OF_MEMORY : UNDECODABLE;
}

EXPORT("done") void done(void)
{
    opj_image_destroy(image);
    image = NULL;
}

EXPORT("components") OPJ_UINT32 components(void)
{
    return image->numcomps;
}

EXPORT("columns") OPJ_UINT32 columns(OPJ_UINT32 component)
{
    return image->comps[component].w;
}

EXPORT("rows") OPJ_UINT32 rows(OPJ_UINT32 component)
{
    return image->comps[component].h;
}

EXPORT("precision") OPJ_UINT32 precision(OPJ_UINT32 component)
{
    return image->comps[component].prec;
}

EXPORT("signed") OPJ_UINT32 is_signed(OPJ_UINT32 component)
{
    return image->comps[component].sgnd;
}

EXPORT("samples") const OPJ_INT32 *samples(OPJ_UINT32 component)
{
    return image->comps[component].data;
}

/* In place of OpenJPEG's event.c: messages are not even written. */
OPJ_BOOL opj_event_msg(opj_event_mgr_t *manager, OPJ_INT32 kind, const char *format, ...)
{
    (void)manager;
    (void)kind;
    (void)format;
    return OPJ_FALSE;
}

/* In place of OpenJPEG's ht_dec.c: high throughput code-blocks have transfer syntaxes and a decoder of their own. */
OPJ_BOOL opj_t1_ht_decode_cblk(opj_t1_t *t1, opj_tcd_cblk_dec_t *block, OPJ_UINT32 orientation, OPJ_UINT32 roishift,
                               OPJ_UINT32 style, opj_event_mgr_t *manager, opj_mutex_t *mutex, OPJ_BOOL check)
{
    (void)t1, (void)block, (void)orientation, (void)roishift, (void)style, (void)manager, (void)mutex, (void)check;
    return OPJ_FALSE;
}
