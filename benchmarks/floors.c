/* floors.c -- the ceilings of this processor, one variant for each instruction set; compiled and called by floors.py. */
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif
#define AF_LOOPS "floors.inc"
#include "alignment_fast/af_simd.h"

const af_table *floors(const char *isa) { return af_select(isa); }
