/* In place of OpenJPEG's opj_malloc.c: the same functions, and it is known whether memory was denied. */
#define OPJ_SKIP_POISON
#include <stdlib.h>
#include "opj_includes.h"
#include "memory.h"

int memory_denied;

static void *noted(void *got)
{
    if (got == NULL) memory_denied = 1;
    return got;
}

/* Nothing is allocated for no bytes, and that is no denial: OpenJPEG's own rule. */
void *opj_malloc(size_t size)
{
    return size == 0 ? NULL : noted(malloc(size));
}

void *opj_calloc(size_t count, size_t size)
{
    return count == 0 ? NULL : noted(calloc(count, size));
}

void *opj_realloc(void *old, size_t size)
{
    return size == 0 ? NULL : noted(realloc(old, size));
}

void opj_free(void *old)
{
    free(old);
}

/* WebAssembly's loads and stores may lie anywhere: alignment is a matter of speed, and malloc aligns by 16. */
void *opj_aligned_malloc(size_t size)
{
    return opj_malloc(size);
}

void *opj_aligned_32_malloc(size_t size)
{
    return opj_malloc(size);
}

void *opj_aligned_realloc(void *old, size_t size)
{
    return opj_realloc(old, size);
}

void *opj_aligned_32_realloc(void *old, size_t size)
{
    return opj_realloc(old, size);
}

void opj_aligned_free(void *old)
{
    free(old);
}

/* From openjpeg.c, which is not built. */
void *OPJ_CALLCONV opj_image_data_alloc(OPJ_SIZE_T size)
{
    return opj_malloc(size);
}

void OPJ_CALLCONV opj_image_data_free(void *old)
{
    free(old);
}

/* There is no environment to ask: the build calls this where OpenJPEG calls getenv. */
char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}
