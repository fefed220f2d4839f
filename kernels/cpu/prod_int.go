package cpu

// prod_int: the product of bools, u8 or i32 over dims, in i64, as PyTorch has it.
//
// x [...] → out without (or with, as 1) the dims. Bound by bytes.
func init() {
	register("prod_int", on(first, variants[form]{boolean: reduce(prodBools()), u8: reduce(prodOf[uint8, int64, int64]()), i32: reduce(prodOf[int32, int64, int64]())}))
}

func prodBools() reduction[uint8, int64, int64] {
	return reduction[uint8, int64, int64]{
		start: 1,
		row: func(acc int64, x []uint8) int64 {
			for _, v := range x {
				acc &= int64(v)
			}
			return acc
		},
		columns: func(acc []int64, x []uint8) {
			for i, v := range x {
				acc[i] &= int64(v)
			}
		},
		end: as[int64, int64],
	}
}
