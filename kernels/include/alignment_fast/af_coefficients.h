/* af_coefficients.h -- coefficients of af_math.h. Written by kernels/common/generate_coefficients.py from
 * kernels/common/coefficients.py: change those. A polynomial is a macro of (step, fused, z) that nests
 * step(fused, a, b, c) = a b + c by Horner's rule. */
#ifndef AF_COEFFICIENTS_H
#define AF_COEFFICIENTS_H

/* float64 */
#define AF_MANTISSA_BITS_F64 UINT64_C(0x34)
#define AF_MANTISSA_MASK_F64 UINT64_C(0xfffffffffffff)
#define AF_ABSOLUTE_MASK_F64 UINT64_C(0x7fffffffffffffff)
#define AF_UPPER_HALF_MASK_F64 UINT64_C(0xfffffffff8000000)
#define AF_ROOT_HALF_BITS_F64 UINT64_C(0x3fe6a09e667f3bcd)
#define AF_LOG_OFFSET_F64 UINT64_C(0x95f619980c433)
#define AF_EXPONENT_MAGIC_BITS_F64 UINT64_C(0x4330000000000000)
#define AF_EXPM1_OFFSET_F64 UINT64_C(0x400)
#define AF_RECIPROCAL_OFFSET_F64 UINT64_C(0x7ff)
#define AF_LOG2E_F64 0x1.71547652b82fep+0
#define AF_LN2_F64 0x1.62e42fefa39efp-1
#define AF_LN2_HIGH_F64 0x1.62e42fefa38p-1
#define AF_LN2_LOW_F64 0x1.ef35793c7673p-45
#define AF_EXP_MAGIC_F64 0x1.80000000007fep+52
#define AF_EXP_LOWEST_F64 -0x1.75p+9
#define AF_EXP_HIGHEST_F64 0x1.63p+9
#define AF_EXPM1_LOWEST_F64 -0x1.3687a9f1af2b1p+5
#define AF_TINY_F64 0x1p-54
#define AF_SMALLEST_NORMAL_F64 0x1p-1022
#define AF_SUBNORMAL_SCALE_F64 0x1p+54
#define AF_SUBNORMAL_EXPONENT_F64 0x1.bp+5
#define AF_EXPONENT_MAGIC_F64 0x1.00000000003ffp+52
#define AF_MILLS_SHIFT_F64 0x1p+2
#define AF_DENSITY_SCALE_F64 0x1.9884533d43651p-2
#define AF_CDF_HIGHEST_F64 0x1.38p+5
#define AF_LOG_CDF_HIGHEST_F64 0x1p+513
#define AF_PPF_CENTRAL_F64 0x1.b333333333333p-2
#define AF_PPF_CENTRAL_SQUARE_F64 0x1.71eb851eb851fp-3
#define AF_PPF_TAIL_START_F64 0x1.9c03a66cca5a6p+0
#define AF_SQRT2_F64 0x1.6a09e667f3bcdp+0
#define AF_SQRT2_LOW_F64 -0x1.bdd3413b26456p-54
#define AF_SQRT2PI_F64 0x1.40d931ff62706p+1
#define AF_SQRT2PI_LOW_F64 -0x1.a6a0d6f814637p-53
#define AF_EXP_F64(step, fused, z) \
    step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, \
    step(fused, \
    0x1.af5f55fc1e14dp-26 \
    , z, 0x1.28a2c55c2b1fp-22) \
    , z, 0x1.71ddf7fa5404p-19) \
    , z, 0x1.a019a66f6689cp-16) \
    , z, 0x1.a01a01b00a43cp-13) \
    , z, 0x1.6c16c17f3d642p-10) \
    , z, 0x1.111111110f64ap-7) \
    , z, 0x1.55555555520e5p-5) \
    , z, 0x1.5555555555559p-3) \
    , z, 0x1.0000000000005p-1)
#define AF_LOG_F64(step, fused, z) \
    step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, \
    0x1.2f0ccd19fb262p-3 \
    , z, 0x1.39a0eaea502f7p-3) \
    , z, 0x1.746647f14b159p-3) \
    , z, 0x1.c71c51d6d7e76p-3) \
    , z, 0x1.249249423ac79p-2) \
    , z, 0x1.999999997f73fp-2) \
    , z, 0x1.5555555555594p-1)
#define AF_LOG1P_F64(step, fused, z) \
    step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, \
    step(fused, step(fused, \
    0x1.4fb5533049a69p-4 \
    , z, 0x1.206da5701e8efp-5) \
    , z, 0x1.c0e857a043d19p-5) \
    , z, 0x1.dff78c3184b07p-5) \
    , z, 0x1.112243cf8f86dp-4) \
    , z, 0x1.3b12e5f01b516p-4) \
    , z, 0x1.745d1d5c98062p-4) \
    , z, 0x1.c71c71aa1bc95p-4) \
    , z, 0x1.24924924b9ac6p-3) \
    , z, 0x1.9999999999662p-3) \
    , z, 0x1.5555555555556p-2)
#define AF_MILLS_F64(step, fused, z) \
    step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, \
    step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, \
    step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, \
    0x1.ae376ab6571b5p-32 \
    , z, -0x1.1708f65a07efep-33) \
    , z, -0x1.157d0a2163231p-28) \
    , z, -0x1.2d70940971914p-31) \
    , z, 0x1.7e1474fd04183p-26) \
    , z, 0x1.30ee6dc2b4b3cp-26) \
    , z, -0x1.7a65bf450327ep-24) \
    , z, -0x1.56d3a75779453p-23) \
    , z, 0x1.25d6d02f5653bp-22) \
    , z, 0x1.130ec7f843f91p-20) \
    , z, -0x1.528d94f6fa9ap-21) \
    , z, -0x1.8d6364ca104cfp-18) \
    , z, 0x1.80ee3fc3d5e66p-21) \
    , z, 0x1.26d180b765434p-15) \
    , z, -0x1.002217d391b7p-19) \
    , z, -0x1.e4a4309a9d54ap-13) \
    , z, 0x1.17a4b0ba38802p-13) \
    , z, 0x1.ab825febae049p-10) \
    , z, -0x1.c81719d991127p-9) \
    , z, -0x1.ee27610537293p-8) \
    , z, 0x1.eec4cc3e5131cp-5) \
    , z, -0x1.7dff2bff680abp-3) \
    , z, 0x1.8c6dbf2cfc27dp-2) \
    , z, -0x1.373e3a893c28cp-1) \
    , z, 0x1.82b4bb8c94dcep-1)
#define AF_PPF_CENTRAL_NUMERATOR_F64(step, fused, z) \
    step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, \
    0x1.1dc12169d308cp+9 \
    , z, 0x1.1e7c47ed0d4fep+15) \
    , z, 0x1.5084d1a14eeb8p+16) \
    , z, 0x1.e5ceb32d74532p+15) \
    , z, 0x1.2a83855e97ce6p+14) \
    , z, 0x1.5c51e901cd8edp+11) \
    , z, 0x1.7c4d1fc865101p+7) \
    , z, 0x1.37fc2a497deabp+2)
#define AF_PPF_CENTRAL_DENOMINATOR_F64(step, fused, z) \
    step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, \
    0x1.3739ab8734a5dp+14 \
    , z, 0x1.08f01a7ca02cep+16) \
    , z, 0x1.107919dbbc099p+16) \
    , z, 0x1.e565fcd62ff6dp+14) \
    , z, 0x1.ae3df8037f3c2p+12) \
    , z, 0x1.8bb4dbb3b5a9ap+9) \
    , z, 0x1.6840682e0edcfp+5) \
    , z, 0x1p+0)
#define AF_PPF_TAIL_NUMERATOR_F64(step, fused, z) \
    step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, \
    step(fused, step(fused, \
    0x1.3dd435d47cf5cp-42 \
    , z, 0x1.f45147cf20924p-30) \
    , z, 0x1.f170435167859p-22) \
    , z, 0x1.17cd9708971c3p-15) \
    , z, 0x1.0028ee96b24a1p-10) \
    , z, 0x1.c67328b29f2c1p-7) \
    , z, 0x1.b2a323b969f9cp-4) \
    , z, 0x1.dc50cdfca48a3p-2) \
    , z, 0x1.2ba5dca706c6bp+0) \
    , z, 0x1.8e4a49dee754p+0) \
    , z, 0x1.ac4febb80dd36p-1)
#define AF_PPF_TAIL_DENOMINATOR_F64(step, fused, z) \
    step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, \
    step(fused, step(fused, \
    0x1.619b79823a8bap-32 \
    , z, 0x1.c1c02b4776c04p-24) \
    , z, 0x1.3389333f6dce1p-17) \
    , z, 0x1.53eda63d1271bp-12) \
    , z, 0x1.6f2e1795372f8p-8) \
    , z, 0x1.b304c3bacbd62p-5) \
    , z, 0x1.2fb9de6b7792ap-2) \
    , z, 0x1.014b8240a5abep+0) \
    , z, 0x1.02e52818cc053p+1) \
    , z, 0x1.1a9debd29aa09p+1) \
    , z, 0x1p+0)

/* float32 */
#define AF_MANTISSA_BITS_F32 UINT32_C(0x17)
#define AF_MANTISSA_MASK_F32 UINT32_C(0x7fffff)
#define AF_ABSOLUTE_MASK_F32 UINT32_C(0x7fffffff)
#define AF_UPPER_HALF_MASK_F32 UINT32_C(0xfffff000)
#define AF_ROOT_HALF_BITS_F32 UINT32_C(0x3f3504f3)
#define AF_LOG_OFFSET_F32 UINT32_C(0x4afb0d)
#define AF_EXPONENT_MAGIC_BITS_F32 UINT32_C(0x4b000000)
#define AF_EXPM1_OFFSET_F32 UINT32_C(0x80)
#define AF_RECIPROCAL_OFFSET_F32 UINT32_C(0xff)
#define AF_LOG2E_F32 0x1.715476p+0f
#define AF_LN2_F32 0x1.62e43p-1f
#define AF_LN2_HIGH_F32 0x1.62e4p-1f
#define AF_LN2_LOW_F32 0x1.7f7d1cp-20f
#define AF_EXP_MAGIC_F32 0x1.8001fcp+23f
#define AF_EXP_LOWEST_F32 -0x1.a4p+6f
#define AF_EXP_HIGHEST_F32 0x1.64p+6f
#define AF_EXPM1_LOWEST_F32 -0x1.2b7088p+4f
#define AF_TINY_F32 0x1p-25f
#define AF_SMALLEST_NORMAL_F32 0x1p-126f
#define AF_SUBNORMAL_SCALE_F32 0x1p+25f
#define AF_SUBNORMAL_EXPONENT_F32 0x1.9p+4f
#define AF_EXPONENT_MAGIC_F32 0x1.0000fep+23f
#define AF_MILLS_SHIFT_F32 0x1p+2f
#define AF_DENSITY_SCALE_F32 0x1.988454p-2f
#define AF_CDF_HIGHEST_F32 0x1.ep+3f
#define AF_LOG_CDF_HIGHEST_F32 0x1p+65f
#define AF_PPF_CENTRAL_F32 0x1.b33334p-2f
#define AF_PPF_CENTRAL_SQUARE_F32 0x1.71eb86p-3f
#define AF_PPF_TAIL_START_F32 0x1.9c03a6p+0f
#define AF_SQRT2_F32 0x1.6a09e6p+0f
#define AF_SQRT2_LOW_F32 0x1.9fcef4p-26f
#define AF_SQRT2PI_F32 0x1.40d932p+1f
#define AF_SQRT2PI_LOW_F32 -0x1.3b1f4ep-32f
#define AF_EXP_F32(step, fused, z) \
    step(fused, step(fused, step(fused, step(fused, \
    0x1.6d437ap-10f \
    , z, 0x1.122a0cp-7f) \
    , z, 0x1.5554fp-5f) \
    , z, 0x1.5554acp-3f) \
    , z, 0x1p-1f)
#define AF_LOG_F32(step, fused, z) \
    step(fused, step(fused, \
    0x1.31dfeap-2f \
    , z, 0x1.995edap-2f) \
    , z, 0x1.55557ap-1f)
#define AF_LOG1P_F32(step, fused, z) \
    step(fused, step(fused, step(fused, step(fused, \
    0x1.f06756p-4f \
    , z, 0x1.b7344ep-4f) \
    , z, 0x1.2504bcp-3f) \
    , z, 0x1.9996dap-3f) \
    , z, 0x1.555558p-2f)
#define AF_MILLS_F32(step, fused, z) \
    step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, step(fused, \
    step(fused, step(fused, step(fused, \
    0x1.712a42p-16f \
    , z, -0x1.ae12dp-19f) \
    , z, -0x1.c859dap-13f) \
    , z, 0x1.209912p-13f) \
    , z, 0x1.a9a876p-10f) \
    , z, -0x1.c8a12cp-9f) \
    , z, -0x1.ee0708p-8f) \
    , z, 0x1.eec85ep-5f) \
    , z, -0x1.7dff5p-3f) \
    , z, 0x1.8c6dacp-2f) \
    , z, -0x1.373e3ap-1f) \
    , z, 0x1.82b4bcp-1f)
#define AF_PPF_CENTRAL_NUMERATOR_F32(step, fused, z) \
    step(fused, step(fused, step(fused, \
    0x1.9ec22ep+4f \
    , z, 0x1.8b4026p+7f) \
    , z, 0x1.16e5e6p+6f) \
    , z, 0x1.37fc2ap+2f)
#define AF_PPF_CENTRAL_DENOMINATOR_F32(step, fused, z) \
    step(fused, step(fused, step(fused, \
    0x1.23d5b6p+7f \
    , z, 0x1.be0478p+6f) \
    , z, 0x1.453d36p+4f) \
    , z, 0x1p+0f)
#define AF_PPF_TAIL_NUMERATOR_F32(step, fused, z) \
    step(fused, step(fused, step(fused, step(fused, \
    0x1.5824d6p-17f \
    , z, 0x1.725612p-8f) \
    , z, 0x1.07ae9ap-3f) \
    , z, 0x1.509c88p-1f) \
    , z, 0x1.ac4fecp-1f)
#define AF_PPF_TAIL_DENOMINATOR_F32(step, fused, z) \
    step(fused, step(fused, step(fused, step(fused, \
    0x1.68fda2p-10f \
    , z, 0x1.89c52p-5f) \
    , z, 0x1.9d24e4p-2f) \
    , z, 0x1.22500ap+0f) \
    , z, 0x1p+0f)

#endif /* AF_COEFFICIENTS_H */
