"""Laws of sums of independent rewards: by types, by tilted Fourier transforms, by saddlepoint expansions."""
