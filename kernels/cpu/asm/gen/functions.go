package main

import "math"

// Functions of f32, computed in lanes of f64: rounded to f32 once, they are within
// 0.501 of a unit in the last place of what they should be, over the whole range, as
// their relative error before that is below 1e-11. The coefficients are those of
// polynomials that interpolate at Chebyshev's nodes, computed with 50 digits.

// expSeries is (e^r - 1 - r) / r² for |r| ≤ ln(2)/2: together with what is divided, to 8e-14.
var expSeries = []float64{0.4999999999995475, 0.16666666666662555, 0.04166666678698556, 0.008333333344268395,
	0.0013888838910996056, 0.00019841224418291943, 2.4868002978056962e-05, 2.7617685465165067e-06}

// rounder brings an integer into the low bits of a float: 1.5 · 2^52.
const rounder = 3 << 51

// exponential gives 2^k and e^r - 1, where x = k·ln(2) + r. It holds for |x| < 709.
func (l *lanes) exponential(x vec) (power, rest vec) {
	t := l.add(l.mul(x, c64(math.Log2E)), c64(rounder))
	k := l.sub(t, c64(rounder))
	r := l.fnma(k, c64(math.Ln2), x)
	rest = l.fma(l.polynomial(r, expSeries...), l.mul(r, r), r)
	return l.plus(l.left(t, 52), c64(1)), rest
}

// farthest is up to where e^x and e^-x are normal numbers.
const farthest = 708

// exp is e^x: ∞ from 708 on and 0 below -708, in f32 as in f64.
func (l *lanes) exp(x vec) vec {
	power, rest := l.exponential(x)
	e := l.fma(rest, power, power)
	e = l.choose(l.compare(x, atLeast, c64(farthest)), c64(math.Inf(1)), e)
	return l.choose(l.compare(x, below, c64(-farthest)), c64(0), e)
}

// expm1 is e^x - 1. Where k is 0 it is rest itself.
func (l *lanes) expm1(x vec) vec {
	power, rest := l.exponential(x)
	e := l.fma(rest, power, l.sub(power, c64(1)))
	e = l.choose(l.compare(x, atLeast, c64(farthest)), c64(math.Inf(1)), e)
	e = l.choose(l.compare(x, below, c64(-farthest)), c64(-1), e)
	return l.or(e, l.sign(x)) // that of -0
}

// tanh is t / (t + 2) with t = e^2|x| - 1.
func (l *lanes) tanh(x vec) vec {
	a := l.magnitude(x)
	power, rest := l.exponential(l.add(a, a))
	t := l.fma(rest, power, l.sub(power, c64(1)))
	y := l.div(t, l.add(t, c64(2)))
	y = l.choose(l.compare(a, above, c64(20)), c64(1), y)
	return l.or(y, l.sign(x))
}

func (l *lanes) negated(x vec) vec { return l.xor(x, l.signBit()) }

// onePlusExp is 1 + e^-x.
func (l *lanes) onePlusExp(x vec) vec { return l.add(l.exp(l.negated(x)), c64(1)) }

func (l *lanes) sigmoid(x vec) vec { return l.div(c64(1), l.onePlusExp(x)) }
func (l *lanes) silu(x vec) vec    { return l.div(x, l.onePlusExp(x)) }

// geluTanh is x / (1 + e^-2u), which is x/2 · (1 + tanh u).
func (l *lanes) geluTanh(x vec) vec {
	cubed := l.mul(l.mul(x, x), x)
	u := l.mul(l.fma(cubed, c64(0.044715), x), c64(2*math.Sqrt2/math.SqrtPi))
	return l.div(x, l.onePlusExp(u))
}

// logSeries is (2·atanh(s)/s - 2) / s², in s², for |s| ≤ 3 - 2√2: together with what is
// divided, to 1e-13.
var logSeries = []float64{0.666666666673823, 0.3999999878752578, 0.28571756537234566, 0.2219127389362563, 0.1936511759489153}

// parts splits a normal number into 2^k and m from √½ to √2.
func (l *lanes) parts(x vec) (k, m vec) {
	const one, half = 0x3ff << 52, 0x3fe6a09e667f3bcd // 1, √½
	shifted := l.plus(x, bits(one-half))
	biased := l.or(l.right(shifted, 52), bits(0x433<<52)) // 2^52 + k + 1023
	k = l.sub(biased, c64(1<<52+1023))
	return k, l.plus(l.minus(x, l.and(shifted, bits(0xfff<<52))), bits(one))
}

// logarithm is k·ln(2) + log(1 + f).
func (l *lanes) logarithm(k, f vec) vec {
	s := l.div(f, l.add(f, c64(2)))
	z := l.mul(s, s)
	return l.fma(k, c64(math.Ln2), l.mul(s, l.fma(l.polynomial(z, logSeries...), z, c64(2))))
}

// outside gives what a logarithm of x is at its least argument, below it, and at ∞.
func (l *lanes) outside(x vec, least float64, y vec) vec {
	y = l.choose(l.compare(x, equal, c64(math.Inf(1))), c64(math.Inf(1)), y)
	y = l.choose(l.compare(x, equal, c64(least)), c64(math.Inf(-1)), y)
	return l.choose(l.compare(x, notAtLeast, c64(least)), c64(math.NaN()), y)
}

func (l *lanes) log(x vec) vec {
	k, m := l.parts(x)
	return l.outside(x, 0, l.logarithm(k, l.sub(m, c64(1))))
}

// log1p takes x itself for what 1 + x is above 1, where that rounds.
func (l *lanes) log1p(x vec) vec {
	k, m := l.parts(l.add(x, c64(1)))
	f := l.choose(l.compare(k, equal, c64(0)), x, l.sub(m, c64(1)))
	return l.outside(x, -1, l.or(l.logarithm(k, f), l.sign(x))) // the sign is that of -0
}

// softplus is log(1 + e^βx) / β, and x where βx is above the threshold.
func (l *lanes) softplus(x, beta, threshold vec) vec {
	u := l.mul(x, beta)
	return l.choose(l.compare(u, above, threshold), x, l.div(l.log1p(l.exp(u)), beta))
}

// sine series: (sin(r)/r - 1) / r² and (cos(r) - 1 + r²/2) / r⁴, in r², for |r| ≤ π/4:
// together with what is divided, to 2e-14 and 1e-15.
var (
	sinSeries = []float64{-0.16666666666663857, 0.00833333333106116, -0.00019841266899437397, 2.7555985625200863e-06, -2.480514540674743e-08}
	cosSeries = []float64{0.04166666666666466, -0.0013888888887264425, 2.4801585198441217e-05, -2.7556365902259016e-07, 2.0700249467562486e-09}
)

// sine is the sine of x + quarters·π/2, for |x| < 2^30: there the two numbers that stand for
// π/2, of 106 bits, leave 44 of a result that is as small as it can be.
func (l *lanes) sine(x vec, quarters uint64) vec {
	t := l.add(l.mul(x, c64(2/math.Pi)), c64(rounder))
	k := l.sub(t, c64(rounder))
	const high = 1.5707963267948966
	r := l.fnma(k, c64(6.123233995736766e-17), l.fnma(k, c64(high), x))
	z := l.mul(r, r)
	sin := l.mul(l.fma(l.polynomial(z, sinSeries...), z, c64(1)), r)
	cos := l.fma(l.fma(l.polynomial(z, cosSeries...), z, c64(-0.5)), z, c64(1))
	if quarters != 0 {
		t = l.plus(t, bits(quarters))
	}
	y := l.choose(l.negative(l.left(t, 63)), cos, sin)
	return l.xor(y, l.sign(l.left(t, 62)))
}

func (l *lanes) sin(x vec) vec { return l.sine(x, 0) }
func (l *lanes) cos(x vec) vec { return l.sine(x, 1) }

// erfcSeries is e^z²·erfc(z)·(1 + 2z) for 0 ≤ z ≤ 14, in (z - 4)/(z + 4), to 3e-12 (after
// Shepherd and Laframboise, 1981); erfSeries is erf(x)/x for |x| ≤ 1, in x², to 1e-12.
var (
	erfcSeries = []float64{1.2329951186259682, -0.1396211168400021, 0.015379651999017155, 0.06809705454076038,
		-0.10103906187663556, 0.09373282420328766, -0.06633043329216559, 0.03716763730024965, -0.016197161939919803,
		0.005031456782818466, -0.0007604420038120546, -0.00019892879849211638, 0.0001570101523267781,
		-2.144390602866505e-05, -1.719838550663945e-05}
	erfSeries = []float64{1.1283791670946768, -0.3761263888963531, 0.11283791308604582, -0.026866133235095593,
		0.005223783477189248, -0.0008542637997087229, 0.0001195656256820733, -1.3909340021874599e-05, 1.058938064107502e-06}
)

// erfc is the complementary error function of z ≥ 0, given -z². It is 0 from 14 on,
// where it is below 1e-86.
func (l *lanes) erfc(z, minusSquare vec) vec {
	power, rest := l.exponential(minusSquare)
	e := l.fma(rest, power, power)
	far, near := l.add(z, c64(4)), l.fma(z, c64(2), c64(1))
	once := l.div(c64(1), l.mul(far, near)) // one division for two
	q := l.mul(l.mul(l.sub(z, c64(4)), near), once)
	y := l.mul(l.mul(e, l.polynomial(q, erfcSeries...)), l.mul(far, once))
	return l.choose(l.compare(z, atLeast, c64(14)), c64(0), y)
}

func (l *lanes) erf(x vec) vec {
	a, squared := l.magnitude(x), l.mul(x, x)
	far := l.sub(c64(1), l.erfc(a, l.negated(squared)))
	y := l.choose(l.compare(a, below, c64(1)), l.mul(l.polynomial(squared, erfSeries...), a), far)
	return l.or(y, l.sign(x))
}

// gelu is x/2 · erfc(-x/√2). Below 0 nothing cancels; above it 2 - erfc(x/√2) is between 1 and 2.
func (l *lanes) gelu(x vec) vec {
	y := l.erfc(l.mul(l.magnitude(x), c64(1/math.Sqrt2)), l.mul(l.mul(x, x), c64(-0.5)))
	y = l.choose(l.negative(x), y, l.sub(c64(2), y))
	return l.mul(l.mul(x, c64(0.5)), y)
}

func (l *lanes) rsqrt(x vec) vec { return l.div(c64(1), l.sqrt(x)) }
