// sum_int: the sum of bools, u8 or i32 over dims, in i64, as PyTorch has it.
//
// x [...] → out without (or with, as 1) the dims. Bound by bytes.

typedef i64 BODY(sum_int_part);
DEVICE i64 BODY(sum_int_none)(void) { return 0; }
DEVICE i64 BODY(sum_int_one)(C v) { return v; }
DEVICE i64 BODY(sum_int_join)(i64 a, i64 b) { return a + b; }
DEVICE i64 BODY(sum_int_end)(i64 p) { return p; }
