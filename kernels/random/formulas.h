/* formulas.h of random -- from words of a stream to draws, one at a time; loops of every instruction set and CUDA kernels
 * include it. Words and uniforms: af_random.h. Included once per instruction set: no guard around the functions.
 *
 * A. float64 normal: Φ⁻¹ of the float64 uniform with the same index, which is af_normal_ppf_rn_f64 itself. Domain:
 *    uniforms, strictly inside (0, 1). Bound: 4 ulp. No fused product: the same bits on every machine.
 * B. float32 normal: Φ⁻¹((u + 1/2) 2^-32) of the 32-bit word u, evaluated in float32. Domain: every word; |x| <= 6.34.
 *    Bound: 4 ulp. The distances of the word from both 0 and 2^31 are taken as integers, so that neither the probability
 *    of the nearer tail nor its distance from 1/2 loses digits to the other: a float32 uniform has 23 bits, too few for
 *    the tail. No fused product. Source of the polynomials: af_coefficients.h, made by generate_coefficients.py. */

AF_INLINE float AF_FN(normal_of_word)(uint32_t u) {
    const uint32_t upper = (uint32_t)((int32_t)u >> 31), nearer = u ^ upper; /* below 2^31 */
    const float p = ((float)(int32_t)nearer + 0.5f) * 0x1p-32f;
    const float q = ((float)(int32_t)(INT32_MAX - nearer) + 0.5f) * 0x1p-32f;
    const float size = AF_FN(af_normal_lower_f32)(0, p, q);
    return upper ? size : -size;
}
