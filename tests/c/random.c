/* The loops of kernels/random: words, uniforms and normals, also where counters carry. */
#define AF_LOOPS "random/loops.inc"
#include "alignment_fast/af_simd.h"
#include "digest.h"

enum { ROWS = 3, DRAWS = 1003 };

int main(void) {
    const char *const variants[] = {"baseline", "avx2", "avx512"};
    const uint64_t starts[] = {0, 7, (UINT64_C(1) << 34) - 501, UINT64_MAX - DRAWS};
    static double out[ROWS * DRAWS];
    for (int v = 0; v < 3; ++v) {
        const af_table *table = af_select(variants[v]);
        if (table == NULL) continue;
        for (int s = 0; s < 4; ++s) {
            const af_request request = {UINT64_C(0x0123456789abcdef), (UINT64_C(1) << 32) - 2, starts[s], ROWS, DRAWS};
            for (int kind = 0; kind <= AF_NORMALS_F64; ++kind) {
                char label[80];
                memset(out, 0, sizeof out);
                table->fill(kind, &request, out, 0, af_tile_count(&request));
                snprintf(label, sizeof label, "kind%d_from_%" PRIu64, kind, starts[s]);
                report(table->isa, label, out, sizeof out);
            }
        }
    }
    return 0;
}
