package cpu

// sum_int: the sum of bools, u8 or i32 over dims, in i64, as PyTorch has it.
//
// x [...] → out without (or with, as 1) the dims. Bound by bytes.
func init() {
	register("sum_int", on(first, variants[form]{
		boolean: reduce(sumOf[uint8, int64, int64]()), u8: reduce(sumOf[uint8, int64, int64]()), i32: reduce(sumOf[int32, int64, int64]())}))
}
