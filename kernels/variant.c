/* One instruction set of the loops of one family: setup.py says which (AF_UNIT) and whose (AF_LOOPS). */
#include "alignment_fast/af_simd.h"
