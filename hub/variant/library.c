/* The loops of kernels/pairwise as a plain shared library, by the best instruction set that the processor has. Structures
 * and enumerations that _compiled.py repeats are in pairwise/loops.inc; it compares their sizes. */
#define AF_LOOPS "pairwise/loops.inc"
#include "alignment_fast/af_simd.h"

#define API __attribute__((visibility("default")))

static const af_table *loops(void) {
    static const char *const names[] = {"avx512", "avx2", "baseline"};
    const af_table *found = NULL;
    for (int i = 0; i < 3 && !found; ++i) found = af_select(names[i]);
    return found;
}

API const size_t af_sizes[] = {sizeof(af_pairs), sizeof(af_token_rows), PAIR_TILE, PAIR_SUMS, LETTERS_SUMS, FORMULAS,
                               FORMULA_PAIRS};

API const char *af_formula_name(int formula) { return pair_formula_names[formula]; }

API void af_evaluate(int wide, const af_pairs *pairs, ptrdiff_t first, ptrdiff_t last) {
    (wide ? loops()->pairs_f64 : loops()->pairs_f32)(pairs, first, last);
}

API void af_token_logprobs(int wide, const af_token_rows *rows, const int64_t *ids, double *log_partition, double *out,
                           ptrdiff_t first, ptrdiff_t last) {
    (wide ? loops()->token_logprobs_f64 : loops()->token_logprobs_f32)(rows, ids, log_partition, out, first, last);
}

API void af_logit_gradients(int wide, const af_token_rows *rows, const int64_t *ids, const double *log_partition,
                            const double *factor, const af_token_rows *out, ptrdiff_t first, ptrdiff_t last) {
    (wide ? loops()->logit_gradients_f64 : loops()->logit_gradients_f32)(rows, ids, log_partition, factor, out, first, last);
}

API void af_add_letters(int wide, const af_token_rows *rows, const int64_t *ids, ptrdiff_t first_letter, int moments,
                        double *sums, ptrdiff_t first, ptrdiff_t last) {
    (wide ? loops()->vocabulary_sums_f64 : loops()->vocabulary_sums_f32)(rows, ids, first_letter, moments, sums, first, last);
}

API void af_letter_gradients(int wide, const af_token_rows *rows, const int64_t *ids, ptrdiff_t first_letter,
                             const double *log_partition, const double *factor, const double *entropy_factor,
                             const double *entropy, const af_token_rows *out, ptrdiff_t first, ptrdiff_t last) {
    (wide ? loops()->vocabulary_gradients_f64 : loops()->vocabulary_gradients_f32)(
        rows, ids, first_letter, log_partition, factor, entropy_factor, entropy, out, first, last);
}
