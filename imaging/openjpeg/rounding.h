/* Included before everything else: rounds to the nearest integer, ties to even, in one operation instead of a call. */
#include <math.h>

static inline long nearest_integer(float x)
{
    return (long)__builtin_rintf(x);
}

#define lrintf nearest_integer
