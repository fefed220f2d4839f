// prod_int: the product of bools, u8 or i32 over dims, in i64, as PyTorch has it.
//
// x [...] → out without (or with, as 1) the dims. Bound by bytes.

typedef i64 BODY(prod_int_part);
DEVICE i64 BODY(prod_int_none)(void) { return 1; }
DEVICE i64 BODY(prod_int_one)(C v) { return v; }
DEVICE i64 BODY(prod_int_join)(i64 a, i64 b) { return (i64)((u64)a * (u64)b); }
DEVICE i64 BODY(prod_int_end)(i64 p) { return p; }
