/* CUDA kernels of pairwise.
 *
 *     cuda_pairs.inc       losses of pairs, margins and single answers, with gradients, rewards and sums, in one pass
 *     cuda_tokens.inc      log-probabilities of tokens from logits, and their gradients
 *     cuda_vocabulary.inc  the same of vocabularies that come in tiles, with entropies */
#include "alignment_fast/af_cuda.h"
#include "alignment_fast/af_math.h"
#include "pairwise/formulas.h"
#include "pairwise/structures.h"

#define AF_EACH_TYPE "pairwise/cuda_type.inc"
#include "alignment_fast/af_each_type.h"
